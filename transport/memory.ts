/** Both ends of a session in one process: the frames and seals of a socket, without the socket. */

import type { Party } from "../core/channel.ts";
import type { Duplex } from "./duplex.ts";
import { greet, HANDSHAKE_BYTES, type OpenOptions, receive } from "./handshake.ts";
import { type Identity, randomIdentity } from "./identity.ts";
import { writeHead } from "./link.ts";
import { LINK_KEY_BYTES } from "./seal.ts";
import { Session, type SessionLimits } from "./session.ts";

/** One direction: what was written and not read yet, and the read that waits for it. */
class Pipe {
  #chunks: Uint8Array[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  write(bytes: Uint8Array): number {
    // As with a socket, what is written after the other end has gone is lost; the read that finds the end tells of it.
    if (!this.#closed) this.#chunks.push(bytes.slice());
    this.#wake?.();
    return bytes.length;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#chunks.length === 0 && !this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = null;
    }
    const chunk = this.#chunks[0];
    if (chunk === undefined) return null;
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(count);
    return count;
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }
}

/** Two ends of a byte stream in memory. Nothing bounds what waits; closing one end ends both, after what was written has been read. */
export function memoryDuplexPair(): [Duplex, Duplex] {
  const there = new Pipe();
  const back = new Pipe();
  const end = (outgoing: Pipe, incoming: Pipe): Duplex => ({
    read: (into) => incoming.read(into),
    write: (bytes) => Promise.resolve(outgoing.write(bytes)),
    close: () => {
      outgoing.close();
      incoming.close();
    },
  });
  return [end(there, back), end(back, there)];
}

/** What a caller may want to differ from two parties that trust each other and agree. */
export interface MemoryPairOptions extends SessionLimits {
  /** Stream ends of party 0 and party 1; fresh memory by default. */
  readonly duplexes?: readonly [Duplex, Duplex];
}

/**
 * Opens a session over memory and gives both ends, of party 0 and party 1, begun.
 *
 * @example Both parties post, both take
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { memoryPair } from "sluice/transport/memory.ts";
 *
 * const [end0, end1] = await memoryPair();
 * const lane = { request: 0, step: 0, stage: 1 };
 * end0.post(lane, 0, [Uint8Array.of(1, 2)]);
 * end1.post(lane, 0, [Uint8Array.of(3), Uint8Array.of(4)]);
 *
 * assertEquals(await end0.take(lane, 0, 2), Uint8Array.of(3, 4));
 * assertEquals(await end1.take(lane, 0, 2), Uint8Array.of(1, 2));
 *
 * end0.close();
 * end1.close();
 * await Promise.all([end0.closed, end1.closed]);
 * ```
 */
export async function memoryPair(options: MemoryPairOptions = {}): Promise<[Session, Session]> {
  const { duplexes = memoryDuplexPair(), ...shared } = options, linkKey = new Uint8Array(LINK_KEY_BYTES);
  const same = { weightsId: "", masksDigest: "", tokenizerDigest: "", planDigest: "", layoutVersion: 0 };
  const agreement = { session: crypto.randomUUID(), ...same };
  const owner = randomIdentity("owner"), client = randomIdentity("client");
  const openOptions = (identity: Identity, { publicLine }: Identity): OpenOptions => ({
    identity,
    peers: new Map([[publicLine, "peer"]]),
    linkKey,
    agreement,
  });
  const counts = { frames: 0, wireBytes: 0 };
  const [proved0, proved1] = await Promise.all([
    receive(duplexes[0], openOptions(owner, client)).then(async (proved) => {
      await writeHead(proved, { kind: "answer", answer: "welcome", value: 0 }, counts);
      return proved;
    }),
    greet(duplexes[1], openOptions(client, owner), { kind: "new", attempt: 1, have: 0 }),
  ]);
  const ends = [proved0, proved1].map((proved, party) => {
    const end = new Session({ resumeMs: 0, ...shared, party: party as Party, peer: proved.peer });
    end.begin();
    end.attach(proved, 0, HANDSHAKE_BYTES[party]! + (party === 0 ? counts.wireBytes : 0));
    return end;
  });
  return ends as [Session, Session];
}
