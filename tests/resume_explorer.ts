/**
 * An exhaustive explorer of the rules by which a session is resumed: two parties, one lot, a network that cuts, loses and
 * repeats, crashes with loss of memory, restarts with another input, and either party without any rule of its own.
 *
 * The rules are those of the product, `admit` and `Transcript`; what surrounds them, ledger, process and network, is a
 * model. A party's message i is a function of its input and of what it received before: its value in a state. What must
 * hold: an honest party never puts two values on the wire for one i (one pad, two uses), nobody waits for ever, those who
 * finish have equal transcripts, and a repeated message alone ends nothing.
 *
 * @module
 */

import { admit, type Hello, type Standing } from "../transport/admission.ts";
import { Transcript } from "../transport/transcript.ts";

/** Rules that a variant goes without; each must then be found wanting. */
export type Omission =
  | "recompute" // a restarted party goes on with a claimed lot
  | "no-ledger" // a restarted party has forgotten its claim
  | "restart" // the owner starts a claimed lot anew
  | "no-memory" // the owner resumes a session that it does not have
  | "early" // data before the peer's count was read
  | "evict" // message 1 drops the connection that is there
  | "need-ack" // who has everything is not finished without the last acknowledgement
  | "no-ping"; // silence is never noticed

/** How much may happen. */
export interface Bounds {
  /** Messages of each party. */
  readonly messages: number;
  readonly cuts: number;
  readonly crashes: number;
  readonly repeats: number;
  readonly connections: number;
  /** Whether a side may leave a connection that the other one believes in. */
  readonly halfOpen?: boolean;
}

/** What was explored. */
export interface Exploration {
  readonly states: number;
  /** What went wrong and how it came to that, or null. */
  readonly violation: string | null;
}

type Ledger = "have" | "claimed" | "spent";

interface Party {
  ledger: Ledger;
  alive: boolean;
  /** "setup" is the owner's before the first message. */
  session: null | "setup" | "run" | "done";
  input: number;
  /** Values of its messages, of the peer's, and how many of its own the peer has. */
  sent: string[];
  got: string[];
  acknowledged: number;
  /** The connection that it believes in; 0: none. */
  connection: number;
  attempt: number;
}

type Message =
  | ["hello1"]
  | ["hello2"]
  | ["hello3", Hello["kind"], number, number]
  | ["answer", string, number]
  | ["data", number, string]
  | ["ack", number];

interface Connection {
  id: number;
  /** Whether each side may send data. */
  open: [boolean, boolean];
  /** What is on its way to party 0, the client, and to party 1, the owner. */
  to: [Message[], Message[]];
}

interface State {
  parties: [Party, Party];
  connections: Connection[];
  cuts: number;
  crashes: number;
  repeats: number;
  dialed: number;
  /** Values that were on the wire, by sender and number. */
  seen: string[];
}

/** Which rules are off, and which party has none: 0 the client, 1 the owner. */
export interface Variant {
  readonly without?: Omission;
  readonly malicious?: 0 | 1;
}

class Violation extends Error {}

/** Explores every order of events within the bounds, or stops at the first violation. */
export function explore(bounds: Bounds, variant: Variant = {}): Exploration {
  const begin = JSON.stringify(firstState()), from = new Map<string, readonly [string, string] | null>([[begin, null]]);
  const queue = [begin];
  const story = (key: string, last: string): string => {
    const events = [last];
    for (let step = from.get(key); step != null; step = from.get(step[0])) events.unshift(step[1]);
    return events.join(", ");
  };
  for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
    const steps = new Steps(key, bounds, variant);
    try {
      steps.all();
      steps.event = "nothing more";
      if (!steps.progress) assertEnd(JSON.parse(key), variant);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return { states: from.size, violation: `${error.message}: ${story(key, steps.event)}` };
    }
    for (const [event, next] of steps.found) {
      if (from.has(next)) continue;
      from.set(next, [key, event]);
      queue.push(next);
    }
  }
  return { states: from.size, violation: null };
}

function firstState(): State {
  const party = (): Party => ({
    ledger: "have",
    alive: true,
    session: null,
    input: 0,
    sent: [],
    got: [],
    acknowledged: 0,
    connection: 0,
    attempt: 0,
  });
  const counts = { cuts: 0, crashes: 0, repeats: 0, dialed: 0 };
  return { parties: [party(), party()], connections: [], ...counts, seen: [] };
}

/** Nothing can happen any more by itself. */
function assertEnd({ parties, cuts, crashes }: State, { malicious }: Variant): void {
  if (parties.some(({ session }) => session === "run")) throw new Violation("a party waits for ever");
  const [client, owner] = parties;
  if (malicious !== undefined) return;
  if (client.session === "done" && owner.session === "done") {
    if (client.got.join() !== owner.sent.join() || owner.got.join() !== client.sent.join()) {
      throw new Violation("finished with different transcripts");
    }
  } else if (cuts + crashes === 0 && client.ledger !== "have") {
    throw new Violation("a repeated message ended the session");
  }
}

/** The events that are possible in one state, and the states behind them. */
class Steps {
  readonly found: [string, string][] = [];
  /** Whether anything happens without the network's or a crash's doing. */
  progress = false;
  event = "";
  readonly #key: string;
  readonly #bounds: Bounds;
  readonly #variant: Variant;

  constructor(key: string, bounds: Bounds, variant: Variant) {
    this.#key = key;
    this.#bounds = bounds;
    this.#variant = variant;
  }

  /** Applies one event to a copy of the state. */
  #step(event: string, act: (state: State) => void, byItself = true): void {
    this.event = event;
    const state: State = JSON.parse(this.#key);
    act(state);
    state.seen.sort();
    this.progress ||= byItself;
    this.found.push([event, JSON.stringify(state)]);
  }

  all(): void {
    const state: State = JSON.parse(this.#key), { cuts, crashes, repeats, halfOpen } = this.#bounds;
    for (const p of [0, 1] as const) this.#partyEvents(state, p);
    const [client] = state.parties,
      wants = client.session === "run" || client.session === null && client.ledger === "have";
    if (client.alive && client.connection === 0 && wants && state.dialed < this.#bounds.connections) {
      this.#step("dial", (next) => {
        const id = ++next.dialed;
        next.connections.push({ id, open: [false, false], to: [[], [["hello1"]]] });
        next.parties[0].connection = id;
      });
    }
    if (state.repeats < repeats && state.dialed > 0) {
      this.#step("repeat message 1", (next) => {
        next.repeats++;
        if (this.#variant.without === "evict") drop(next, next.parties[1].connection);
      }, false);
    }
    for (const { id } of state.connections) {
      if (state.cuts < cuts) {
        this.#step(`cut ${id}`, (next) => {
          next.cuts++;
          drop(next, id);
        }, false);
      }
      for (const p of [0, 1] as const) {
        if (state.connections.find((one) => one.id === id)!.to[p].length > 0) {
          this.#step(`deliver to ${p}`, (next) => this.#deliver(next, id, p));
        }
      }
    }
    for (const p of [0, 1] as const) {
      const party = state.parties[p];
      if (halfOpen && state.cuts < cuts && party.alive && party.connection !== 0) {
        this.#step(`leave ${p}`, (next) => {
          next.cuts++;
          this.#lose(next.parties[p]);
        }, false);
      }
      if (party.alive && state.crashes < crashes) {
        this.#step(`crash ${p}`, (next) => {
          next.crashes++;
          drop(next, next.parties[p].connection);
          Object.assign(next.parties[p], { alive: false, ...FORGOTTEN });
        }, false);
      }
    }
  }

  #partyEvents(state: State, p: 0 | 1): void {
    const party = state.parties[p], { messages, halfOpen } = this.#bounds, { without, malicious } = this.#variant;
    if (!party.alive) {
      this.#step(`restart ${p}`, (next) => {
        const self = next.parties[p];
        self.alive = true;
        if (p === 0 || malicious === p) self.input++;
        if (without === "no-ledger" || malicious === p) self.ledger = "have";
        else if (without === "recompute" && self.ledger === "claimed") self.session = "run";
        else if (self.ledger === "claimed") self.ledger = "spent";
      });
      return;
    }
    // In lockstep: the message of an exchange needs the peer's of the one before.
    if (party.session === "run" && party.sent.length < messages && party.got.length >= party.sent.length) {
      this.#step(`produce ${p}`, (next) => this.#produce(next, p));
    }
    if (malicious === p && party.session === "run" && party.connection === 0 && party.input < 2) {
      this.#step(`begin again ${p}`, (next) => {
        const self = next.parties[p];
        Object.assign(self, { sent: [], got: [], acknowledged: 0, input: self.input + 1 });
      });
    }
    const complete = party.sent.length === messages && party.got.length === messages;
    if (party.session === "run" && complete && party.acknowledged === messages) {
      this.#step(`finish ${p}`, (next) => {
        drop(next, next.parties[p].connection);
        Object.assign(next.parties[p], { ledger: "spent", session: "done", connection: 0 });
      });
    }
    if (party.session === "run" && party.connection === 0) {
      const done = complete && without !== "need-ack";
      this.#step(`${done ? "linger" : "give up"} ${p}`, (next) => {
        const self = next.parties[p];
        self.ledger = "spent";
        self.session = done ? "done" : null;
      });
    }
    const there = state.connections.find(({ id }) => id === party.connection);
    if (party.connection !== 0 && there === undefined) {
      this.#step(`notice ${p}`, (next) => this.#lose(next.parties[p]));
    } else if (halfOpen && there !== undefined && without !== "no-ping" && there.to[p].length === 0) {
      // The other side is not on this connection: it answers no ping.
      if (state.parties[1 - p]!.connection !== there.id && (p === 1 || there.to[1].length === 0)) {
        this.#step(`silence ${p}`, (next) => {
          drop(next, next.parties[p].connection);
          this.#lose(next.parties[p]);
        });
      }
    }
  }

  #lose(party: Party): void {
    party.connection = 0;
    if (party.session === "setup") party.session = null;
  }

  /** Makes a message and sends it where a connection is open. */
  #produce(state: State, p: 0 | 1): void {
    const self = state.parties[p], number = self.sent.length;
    self.sent.push(`${p}.${number}(${self.input};${self.got.slice(0, number).join()})`);
    this.#send(state, p, number);
  }

  #send(state: State, p: 0 | 1, number: number): void {
    const self = state.parties[p], connection = state.connections.find(({ id }) => id === self.connection);
    if (connection === undefined || !connection.open[p]) return;
    const value = self.sent[number]!;
    connection.to[1 - p]!.push(["data", number, value]);
    const use = `${p}.${number}`, other = state.seen.find((one) => one.startsWith(`${use}=`));
    if (other === undefined) state.seen.push(`${use}=${value}`);
    else if (other !== `${use}=${value}` && this.#variant.malicious !== p) throw new Violation("a pad was used twice");
  }

  /** What the product's counters make of the peer's count; then everything that it lacks is sent again. */
  #goOn(state: State, p: 0 | 1, have: number): void {
    const self = state.parties[p], transcript = new Transcript<string>();
    if (this.#variant.malicious === p) {
      for (let number = have; number < self.sent.length; number++) this.#send(state, p, number);
      return;
    }
    for (const value of self.sent) transcript.produce(value);
    try {
      transcript.acknowledge(self.acknowledged);
      transcript.acknowledge(have);
    } catch {
      // A count that cannot be: an abort, which a malicious peer may always have.
      if (this.#variant.malicious === undefined) throw new Violation("an honest count was refused");
      drop(state, self.connection);
      Object.assign(self, { ledger: "spent", session: null, connection: 0 });
      return;
    }
    self.acknowledged = have;
    for (let number = self.sent.length - transcript.kept.length; number < self.sent.length; number++) {
      this.#send(state, p, number);
    }
  }

  #deliver(state: State, id: number, p: 0 | 1): void {
    const connection = state.connections.find((one) => one.id === id)!, message = connection.to[p].shift()!;
    const self = state.parties[p];
    if (!self.alive) return drop(state, id);
    const stale = self.connection !== id && message[0] !== "hello1" && message[0] !== "hello3";
    if (stale) return drop(state, id);
    switch (message[0]) {
      case "hello1":
        connection.to[0].push(["hello2"]);
        return;
      case "hello2": {
        self.attempt++;
        const kind = self.session === "run" ? "resume" : "new";
        if (this.#variant.without === "early" && kind === "resume") connection.open[0] = true;
        connection.to[1].push(["hello3", kind, self.attempt, self.got.length]);
        return;
      }
      case "hello3":
        return this.#admit(state, connection, { kind: message[1], attempt: message[2], have: message[3] });
      case "answer":
        return this.#answered(state, connection, message[1], message[2]);
      case "data":
        return this.#received(state, connection, p, message[1], message[2]);
      case "ack":
        self.acknowledged = Math.max(self.acknowledged, message[1]);
    }
  }

  /** The owner's decision, by the product's rule unless this variant or this owner has another. */
  #admit(state: State, connection: Connection, hello: Hello): void {
    const owner = state.parties[1], { without, malicious } = this.#variant;
    const inMemory = owner.session === "run" || owner.session === "setup";
    const session = inMemory ? { client: "client", attempt: owner.attempt, received: owner.got.length } : null;
    let standing: Standing = { claimed: owner.ledger !== "have", session };
    if (malicious === 1 || without === "restart" && hello.kind === "new") standing = { claimed: false, session: null };
    let answer = admit(standing, "client", hello);
    const forgotten = owner.ledger === "claimed" && session === null || malicious === 1 && session === null;
    if (
      (without === "no-memory" && owner.ledger !== "have" || malicious === 1) && hello.kind === "resume" && forgotten
    ) {
      answer = { kind: "resume", value: 0 };
    }
    if (without === "no-memory" && hello.kind === "resume" && session === null) answer = { kind: "resume", value: 0 };
    if (malicious === 1 && hello.kind === "resume" && session !== null) {
      answer = { kind: "resume", value: owner.got.length };
    }
    connection.to[0].push(["answer", answer.kind, answer.value]);
    if (answer.kind === "busy" || answer.kind === "gone") return;
    if (owner.connection !== 0 && owner.connection !== connection.id) drop(state, owner.connection);
    owner.connection = connection.id;
    owner.attempt = hello.attempt;
    connection.open[1] = true;
    if (owner.session === "run" && answer.kind === "resume") return this.#goOn(state, 1, hello.have);
    Object.assign(owner, { session: "setup", sent: [], got: [], acknowledged: 0 });
    if (without === "no-memory" && hello.kind === "resume") owner.session = "run", owner.ledger = "claimed";
  }

  #answered(state: State, connection: Connection, kind: string, value: number): void {
    const client = state.parties[0];
    if (kind === "welcome" && client.session === null && client.ledger === "have") {
      // Claims, then begins; its first message is the next thing that it makes.
      Object.assign(client, { ledger: "claimed", session: "run", sent: [], got: [], acknowledged: 0 });
      connection.open[0] = true;
    } else if (kind === "resume" && client.session === "run") {
      connection.open[0] = true;
      this.#goOn(state, 0, value);
    } else {
      drop(state, connection.id);
      client.connection = 0;
      if (this.#variant.malicious === 0) client.ledger = "have";
    }
  }

  #received(state: State, connection: Connection, p: 0 | 1, number: number, value: string): void {
    const self = state.parties[p];
    if (p === 1 && self.session === "setup") {
      Object.assign(self, { ledger: "claimed", session: "run" });
    }
    if (self.session !== "run") return drop(state, connection.id);
    if (number < self.got.length) return;
    if (number > self.got.length) throw new Violation("a message is missing");
    self.got.push(value);
    connection.to[1 - p]!.push(["ack", self.got.length]);
  }
}

const FORGOTTEN = { session: null, sent: [], got: [], acknowledged: 0, connection: 0, attempt: 0 };

function drop(state: State, id: number): void {
  state.connections = state.connections.filter((one) => one.id !== id);
}
