/** A pair of links in one process: the frames and seals of a socket, without the socket. */

import { closeQuietly, type Duplex } from "./duplex.ts";
import { type Identity, openLink } from "./handshake.ts";
import type { Link } from "./link.ts";
import type { MailboxLimits } from "./mailbox.ts";
import { LINK_KEY_BYTES } from "./seal.ts";

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

/** What a test may want to differ from two parties that agree. */
export interface MemoryPairOptions {
  /** Of party 0 and party 1. */
  readonly identities?: readonly [Identity, Identity];
  /** Of party 0 and party 1. */
  readonly linkKeys?: readonly [Uint8Array, Uint8Array];
  /** Stream ends of party 0 and party 1; fresh memory by default. */
  readonly duplexes?: readonly [Duplex, Duplex];
  /** Limits of both mailboxes. */
  readonly limits?: Partial<MailboxLimits>;
  /** How long an ending link waits for the peer's last word. */
  readonly closeMs?: number;
}

/**
 * Opens two links, of party 0 and party 1, over memory.
 *
 * @throws {ProtocolError} If the two ends do not agree.
 *
 * @example Both parties post, both take
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { memoryPair } from "sluice/transport/memory.ts";
 *
 * const [link0, link1] = await memoryPair();
 * const lane = { request: 0, step: 0, stage: 1 };
 * link0.post(lane, 0, [Uint8Array.of(1, 2)]);
 * link1.post(lane, 0, [Uint8Array.of(3), Uint8Array.of(4)]);
 *
 * assertEquals(await link0.take(lane, 0, 2), Uint8Array.of(3, 4));
 * assertEquals(await link1.take(lane, 0, 2), Uint8Array.of(1, 2));
 *
 * link0.close();
 * link1.close();
 * await Promise.all([link0.closed, link1.closed]);
 * ```
 */
export async function memoryPair(options: MemoryPairOptions = {}): Promise<[Link, Link]> {
  const common = { weightsId: "memory", planDigest: "memory", session: "memory" };
  const linkKey = new Uint8Array(LINK_KEY_BYTES);
  const {
    identities = [{ party: 0, ...common }, { party: 1, ...common }],
    linkKeys = [linkKey, linkKey],
    duplexes = memoryDuplexPair(),
    limits = {},
    closeMs,
  } = options;
  const shared = { limits, ...(closeMs === undefined ? {} : { closeMs }) };
  const results = await Promise.allSettled([
    openLink(duplexes[0], { role: "listener", linkKey: linkKeys[0], identity: identities[0], ...shared }),
    openLink(duplexes[1], { role: "dialer", linkKey: linkKeys[1], identity: identities[1], ...shared }),
  ]);
  const [result0, result1] = results;
  if (result0.status === "fulfilled" && result1.status === "fulfilled") return [result0.value, result1.value];
  for (const duplex of duplexes) closeQuietly(duplex);
  const reasons: unknown[] = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  throw reasons[0];
}
