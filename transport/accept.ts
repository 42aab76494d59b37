/**
 * The owner's port, which anybody can reach: port scanners, health checks, and those who cannot prove an identity that is
 * listed are turned away; clients get the answer that the lot's standing allows.
 *
 * @module
 */

import { ProtocolError } from "../core/errors.ts";
import { admit, type Hello } from "./admission.ts";
import { closeQuietly, type Duplex } from "./duplex.ts";
import { HANDSHAKE_BYTES, type OpenOptions, type Proved, receive, StrangerError } from "./handshake.ts";
import { writeHead } from "./link.ts";
import { Session } from "./session.ts";

/** Connections in the handshake at once. When that many are, the one that has been silent the longest makes room. */
export const MAX_GREETED = 64;

/** How long a connection is sure of its place: much longer than a peer takes to prove itself. */
export const GRACE_MS = 1000;

/** An open port, wherever its sockets live. */
export interface Door {
  /** Waits for a connection. */
  accept(): Promise<Duplex>;
  /** Closes the port: a waiting `accept` rejects. Idempotent. */
  close(): void;
}

/** What the owner opens its port with. */
export interface ListenOptions extends OpenOptions {
  /** Called for every connection that ended before its peer had proved itself. */
  readonly onStranger?: (error: StrangerError) => void;
}

/** Serves one lot: a session for the client that is welcome, and its later connections. */
export class Reception {
  readonly #door: Door;
  readonly #options: ListenOptions;
  /** The silent ones, the oldest first. */
  readonly #greeted = new Map<Duplex, number>();
  readonly #closing = Promise.withResolvers<void>();
  #left = Promise.withResolvers<void>();
  #session: Session | null = null;
  #attempt = 0;
  #claimed = false;
  /** Sessions that nobody has taken, and those who wait for one. */
  #welcomed: Session[] = [];
  #waiting: PromiseWithResolvers<Session>[] = [];
  #closed: ProtocolError | null = null;

  /** Greets at once. */
  constructor(door: Door, options: ListenOptions) {
    this.#door = door;
    this.#options = options;
    void this.#admit();
  }

  /**
   * Waits for a client that is welcome: that begins, or whose first message got lost. One that comes again before the
   * session has begun, gets a new one; the one before ends.
   *
   * @throws {ProtocolError} If the port is closed.
   */
  async accept(): Promise<Session> {
    const session = this.#welcomed.shift();
    if (session !== undefined) return session;
    if (this.#closed !== null) throw this.#closed;
    const waiting = Promise.withResolvers<Session>();
    this.#waiting.push(waiting);
    return await waiting.promise;
  }

  /** Closes the port; a session stays, without further connections. Idempotent. */
  close(): void {
    this.#door.close();
    for (const duplex of this.#greeted.keys()) closeQuietly(duplex);
    this.#closing.resolve();
  }

  async #admit(): Promise<void> {
    try {
      for (;;) {
        const duplex = await this.#door.accept();
        void this.#greet(duplex);
        if (this.#greeted.size >= MAX_GREETED) await this.#makeRoom();
      }
    } catch (error) {
      this.#closed = error as ProtocolError;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
  }

  /** Silent strangers do not keep others waiting: where there are many the oldest is let go for the next. */
  async #makeRoom(): Promise<void> {
    const [[oldest, since]] = this.#greeted as unknown as [[Duplex, number]];
    const grace = setTimeout(() => closeQuietly(oldest), Math.max(0, since + GRACE_MS - performance.now()));
    await Promise.race([this.#left.promise, this.#closing.promise]);
    clearTimeout(grace);
  }

  async #greet(duplex: Duplex): Promise<void> {
    this.#greeted.set(duplex, performance.now());
    try {
      const proved = await receive(duplex, this.#options);
      this.#leave(duplex);
      await this.#answer(proved);
    } catch (error) {
      this.#leave(duplex);
      closeQuietly(duplex);
      if (error instanceof StrangerError) this.#options.onStranger?.(error);
    }
  }

  #leave(duplex: Duplex): void {
    this.#greeted.delete(duplex);
    this.#left.resolve();
    this.#left = Promise.withResolvers<void>();
  }

  async #answer(proved: Proved & { readonly hello: Hello }): Promise<void> {
    const { peer, hello } = proved, there = this.#session;
    this.#claimed ||= there?.began === true;
    const session = there === null || there.over
      ? null
      : { client: there.peer, attempt: this.#attempt, received: there.received };
    const answer = admit({ claimed: this.#claimed, session }, peer, hello), counts = { frames: 0, wireBytes: 0 };
    // What follows is decided before anything is waited for: a second connection finds it so.
    let next: Session | null = null;
    if (answer.kind === "welcome" || answer.kind === "resume") {
      this.#attempt = hello.attempt;
      next = this.#claimed
        ? there!
        : new Session({ ...this.#options, party: 0, peer, resumed: hello.kind === "resume" });
      if (next !== there) {
        there?.close(new ProtocolError("Cannot go on as the client must stay: received another connection of it"));
      }
      this.#session = next;
    }
    await writeHead(proved, { kind: "answer", answer: answer.kind, value: answer.value }, counts);
    if (next === null || next !== this.#session || hello.attempt !== this.#attempt) return closeQuietly(proved.duplex);
    next.attach(proved, hello.have, HANDSHAKE_BYTES[0] + counts.wireBytes);
    if (next === there) return;
    const taker = this.#waiting.shift();
    if (taker !== undefined) taker.resolve(next);
    else this.#welcomed.push(next);
  }
}
