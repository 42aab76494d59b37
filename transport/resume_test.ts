/** A session over connections that are cut: Reception, openSession and Session together, over a network in memory. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { KeyError, ProtocolError } from "../core/errors.ts";
import { credentials } from "../tests/credentials.ts";
import { type Cut, Network } from "../tests/network.ts";
import { type ListenOptions, Reception } from "./accept.ts";
import { type ConnectOptions, openSession } from "./dialer.ts";
import { randomIdentity } from "./identity.ts";
import type { Session } from "./session.ts";

const LANE = { request: 0, step: 0, stage: 1 };

/** Small numbers that anybody can repeat. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
}

interface Ends {
  readonly network: Network;
  readonly reception: Reception;
  readonly owner: Session;
  readonly client: Session;
}

/** Both ends of a session that has not begun. */
async function meet(
  network: Network,
  options: { owner?: Partial<ListenOptions>; client?: Partial<ConnectOptions> } = {},
): Promise<Ends> {
  const reception = new Reception(network.door, { ...credentials(0), ...options.owner });
  const [owner, client] = await Promise.all([
    reception.accept(),
    openSession(network.dial, { ...credentials(1), ...options.client }),
  ]);
  return { network, reception, owner, client };
}

/** The message of a party in one exchange: its bytes say where it belongs. */
function message(party: number, exchange: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => 7 * i + 13 * exchange + 101 * party);
}

/** Runs exchanges in lockstep at one end, each message made from the one before, and checks what comes. */
async function converse(end: Session, exchanges: number, bytesOf: (exchange: number) => number): Promise<void> {
  for (let exchange = 0; exchange < exchanges; exchange++) {
    const bytes = bytesOf(exchange);
    end.post(LANE, exchange, [message(end.party, exchange, bytes)]);
    const got = await end.take(LANE, exchange, bytes), want = message(1 - end.party, exchange, bytes);
    assert(got.every((byte, i) => byte === want[i]), `exchange ${exchange} at party ${end.party}`);
  }
}

/** Everything that both parties do: set-up, claim, first message, exchanges, goodbye. */
async function runBoth({ owner, client }: Ends, exchanges: number, bytesOf = (i: number) => 1 + 997 * i % 3000) {
  await Promise.all([
    (async () => {
      await owner.receiveControl("requests");
      owner.begin();
      owner.sendControl("ready");
      await converse(owner, exchanges, bytesOf);
      owner.close();
    })(),
    (async () => {
      client.begin();
      client.sendControl("requests");
      await client.receiveControl("ready");
      await converse(client, exchanges, bytesOf);
      client.close();
    })(),
  ]);
  await Promise.all([owner.closed, client.closed]);
}

/** The cost of connecting, in bytes of both directions: cuts behind it meet a session. */
const HANDSHAKE = 250;

for (const how of ["reset", "end", "silence"] as const) {
  Deno.test(`a session goes on over the next connection, wherever the one before is cut (${how})`, async () => {
    const next = numbers(11), times = { idleMs: 40, closeMs: 200, proofMs: 100, handshakeMs: 100 };
    for (let run = 0; run < 12; run++) {
      const plan = (connection: number) =>
        connection < 4 ? { afterBytes: (connection === 0 ? HANDSHAKE : 0) + next(20_000), how: how as Cut } : null;
      const ends = await meet(new Network(plan), { owner: times, client: times });
      await runBoth(ends, 25);
      assertEquals([ends.owner.signal.aborted, ends.client.signal.aborted], [false, false], `run ${run}`);
      assert(ends.client.resumes >= 1, `run ${run}`);
      ends.reception.close();
    }
  });
}

Deno.test("a message that is cut in the middle is sent again whole, and one that arrived is not heard twice", async () => {
  const plan = (connection: number) => connection === 0 ? { afterBytes: 1_500_000, how: "reset" as const } : null;
  const ends = await meet(new Network(plan));
  await runBoth(ends, 4, () => 700_001);
  assertEquals([ends.owner.resumes, ends.client.resumes], [1, 1]);
  assertEquals(ends.owner.stats.payloadBytes, 4 * 700_001);
  ends.reception.close();
});

Deno.test("a connection that nobody needs any more may be lost: both ends are in order", async () => {
  for (let spare = 0; spare < 300; spare += 7) {
    // Cut somewhere around the last message and the goodbyes.
    const times = { closeMs: 100, idleMs: 40 }, total = await totalBytes();
    const plan = (connection: number) => connection === 0 ? { afterBytes: total - spare, how: "reset" as const } : null;
    const ends = await meet(new Network(plan), { owner: times, client: times });
    await runBoth(ends, 3);
    assertEquals(
      [ends.owner.signal.aborted, ends.client.signal.aborted],
      [false, false],
      `${spare} bytes before the end`,
    );
    ends.reception.close();
  }
});

/** What a session of three exchanges sends, in both directions. */
async function totalBytes(): Promise<number> {
  const ends = await meet(new Network());
  await runBoth(ends, 3);
  ends.reception.close();
  return ends.owner.stats.wireBytes + ends.client.stats.wireBytes;
}

Deno.test("a session that begins anew where its first message got lost spends no second set of keys", async () => {
  const network = new Network(), { reception, owner, client } = await meet(network);
  client.begin();
  network.cut("reset"); // before `requests` has left
  client.sendControl("requests");
  await assertRejects(() => owner.receiveControl("requests"), ProtocolError, "must stay open");
  assertEquals(owner.began, false);
  await runBothAgain(reception, client);
  reception.close();
});

/** The owner takes the client's resumed session as its start. */
async function runBothAgain(reception: Reception, client: Session): Promise<void> {
  const owner = await reception.accept();
  await owner.receiveControl("requests");
  owner.begin();
  owner.sendControl("ready");
  await client.receiveControl("ready");
  await Promise.all([owner, client].map((end) => converse(end, 3, () => 10)));
  for (const end of [owner, client]) end.close();
  await Promise.all([owner.closed, client.closed]);
  assertEquals(client.resumes, 1);
}

Deno.test("without a session that has begun, a lost connection ends it at once, and the owner waits on", async () => {
  const network = new Network(), { reception, owner, client } = await meet(network);
  network.cut("end");
  for (const end of [owner, client]) {
    await assertRejects(() => end.receiveControl("x"), ProtocolError, "must stay open: received the end");
    await end.closed;
  }
  const [again, other] = await Promise.all([reception.accept(), openSession(network.dial, credentials(1))]);
  await runBoth({ network, reception, owner: again, client: other }, 2);
  reception.close();
});

Deno.test("a session that cannot go on in time fails on both sides and says how long it waited", async () => {
  for (const resumeMs of [0, 80]) {
    const network = new Network(),
      { reception, owner, client } = await meet(network, {
        owner: { resumeMs },
        client: { resumeMs },
      });
    for (const end of [owner, client]) end.begin();
    network.door.close();
    network.cut("end");
    const waited = resumeMs === 0 ? /must stay open: received the end of the connection$/ : /connection for 0.08 s$/;
    for (const end of [owner, client]) {
      const error = await assertRejects(async () => await end.take(LANE, 0, 1), ProtocolError);
      assert(waited.test(error.message), error.message);
      await end.closed;
    }
    reception.close();
  }
});

Deno.test("a claimed lot is never started again, by nobody, and a client that resumes without an owner is told", async () => {
  const network = new Network(), { reception, owner, client } = await meet(network);
  for (const end of [owner, client]) end.begin();
  const error = await assertRejects(() => openSession(network.dial, credentials(1)), KeyError, "they are spent");
  assert("hint" in error);
  owner.abort("test", "Over");
  await assertRejects(async () => await client.take(LANE, 0, 1), ProtocolError, "received test: Over");
  await Promise.all([owner.closed, client.closed]);
  await assertRejects(() => openSession(network.dial, credentials(1)), KeyError, "they are spent");
  reception.close();

  const lost = await meet(new Network());
  for (const end of [lost.owner, lost.client]) end.begin();
  lost.owner.abort("test", "Over");
  lost.network.cut("reset");
  await assertRejects(async () => await lost.client.take(LANE, 0, 1), ProtocolError);
  await lost.client.closed;
  lost.reception.close();
});

Deno.test("one client waits while another is being served, and is served when that leaves", async () => {
  const network = new Network(), second = randomIdentity("client");
  const peers = new Map([[credentials(1).identity.publicLine, "Ada"], [second.publicLine, "Bob"]]);
  const { reception, owner, client } = await meet(network, { owner: { peers } });
  const bob = { ...credentials(1), identity: second };
  await assertRejects(
    () => openSession(network.dial, { ...bob, deadlineMs: 100 }),
    ProtocolError,
    "serves another client",
  );
  const waiting = openSession(network.dial, bob);
  client.close();
  owner.close();
  const served = await reception.accept();
  assertEquals(served.peer, second.publicLine);
  for (const end of [served, await waiting]) end.close();
  await Promise.all([owner, client, served, await waiting].map(({ closed }) => closed));
  reception.close();
});

Deno.test("two ends that have nothing to say stay connected, whoever is silent for however long", async () => {
  const { reception, owner, client } = await meet(new Network(), { owner: { idleMs: 40 } });
  for (const end of [owner, client]) end.begin();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await Promise.all([owner, client].map((end) => converse(end, 3, () => 10)));
  assertEquals([owner.resumes, client.resumes], [0, 0]);
  for (const end of [owner, client]) end.close();
  await Promise.all([owner.closed, client.closed]);
  reception.close();
});

Deno.test("a peer whose link lives and that never sends what is waited for ends the session", async () => {
  const { reception, owner, client } = await meet(new Network(), { owner: { deadlineMs: 200 } });
  for (const end of [owner, client]) end.begin();
  await assertRejects(async () => await owner.take(LANE, 0, 1), ProtocolError, "within 200 ms: received nothing");
  await assertRejects(async () => await client.take(LANE, 0, 1), ProtocolError, "party 0 has ended it");
  await Promise.all([owner.closed, client.closed]);
  reception.close();
});

Deno.test("a peer that acknowledges nothing is not kept in memory without end", async () => {
  const { reception, owner, client } = await meet(new Network(), { owner: { limits: { pendingBytes: 5000 } } });
  owner.begin(); // the client does not, and so never acknowledges
  for (let exchange = 0; exchange < 5; exchange++) owner.post(LANE, exchange, [new Uint8Array(1000)]);
  await assertRejects(
    async () => {
      owner.post(LANE, 5, [new Uint8Array(1)]);
      await Promise.resolve();
    },
    ProtocolError,
    "must acknowledge",
  );
  await Promise.all([owner.closed, client.closed]);
  reception.close();
});

Deno.test("suspended and resumed are told, with the reason", async () => {
  const said: (string | null)[] = [], network = new Network();
  const { reception, owner, client } = await meet(network, {
    client: { onSuspend: (reason) => void said.push(reason) },
  });
  for (const end of [owner, client]) end.begin();
  owner.post(LANE, 0, [Uint8Array.of(1)]);
  await client.take(LANE, 0, 1);
  network.cut("reset");
  owner.post(LANE, 1, [Uint8Array.of(2)]);
  assertEquals(await client.take(LANE, 1, 1), Uint8Array.of(2));
  assertEquals(said, ["Reset by the test", null]);
  for (const end of [owner, client]) end.close();
  await Promise.all([owner.closed, client.closed]);
  reception.close();
});
