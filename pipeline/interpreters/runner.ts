/**
 * The lane runner: the one place that waits. It posts a lane's shares, takes the peer's, and resumes the lane.
 *
 * @module
 */

import type { Channel, Lane, Party } from "../../core/channel.ts";
import type { Engine, Scope } from "../../core/engine.ts";
import { ProtocolError } from "../../core/errors.ts";
import type { Gate, OpeningSize } from "../../core/protocols/opening.ts";
import { packedBytes } from "../../core/ring/bits.ts";

/** What a runner counts. */
export interface RunnerCounts {
  /** Yields summed over lanes. */
  exchanges: number;
  /** Packed payload that this party sent. */
  sentBytes: number;
  /** Time spent computing between openings, packing included, in milliseconds. */
  computeMs: number;
  /** Time spent waiting for the peer, in milliseconds; other lanes may compute meanwhile. */
  waitMs: number;
}

/** Counts of nothing yet. */
export function noCounts(): RunnerCounts {
  return { exchanges: 0, sentBytes: 0, computeMs: 0, waitMs: 0 };
}

/** What a lane runs on. */
export interface LaneOptions {
  /** The party's arithmetic. */
  readonly engine: Engine;
  /** The link to the other party. */
  readonly channel: Channel;
  /** Address of the lane on the link. */
  readonly lane: Lane;
  /** Owner of what the lane makes between its gates. */
  readonly scope: Scope;
  /** Counts that grow. */
  readonly counts: RunnerCounts;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Runs one lane to its end. */
export async function runLane<T>(gate: Gate<T>, options: LaneOptions): Promise<T> {
  const { engine, channel, lane, scope, counts, now } = options;
  let answers: Uint8Array[] = [];
  for (let exchange = 0;; exchange++) {
    const resumed = now(), outer = engine.enter(scope), next = gate.next(answers);
    engine.enter(outer);
    if (next.done) {
      counts.computeMs += now() - resumed;
      return next.value;
    }
    // All shares are asked for before the first is waited for: a device reads them back together.
    const packing: (Uint8Array | Promise<Uint8Array>)[] = [], payload: Uint8Array[] = [];
    let expectedBytes = 0;
    for (const { bits, count, share } of next.value) {
      const send = bits[1 - channel.party]!;
      expectedBytes += packedBytes(bits[channel.party]!, count);
      if (send === 0 || count === 0) continue;
      if (share === null) {
        throw new Error("Internal error: a party has nothing to send where the plan says it sends");
      }
      packing.push(engine.pack(share, send));
    }
    for (const packed of packing) payload.push(packed instanceof Uint8Array ? packed : await packed);
    for (const bytes of payload) counts.sentBytes += bytes.length;
    counts.exchanges++;
    counts.computeMs += now() - resumed;
    channel.post(lane, exchange, payload);
    const taken = channel.take(lane, exchange, expectedBytes);
    const since = now(), message = taken instanceof Uint8Array ? taken : await taken;
    if (message !== taken) counts.waitMs += now() - since;
    answers = receivedShares(next.value, message, channel.party);
  }
}

/**
 * The peer's packed share of every opening, from its message of their sizes.
 *
 * @throws {ProtocolError} If a share is not padded with zeros.
 */
export function receivedShares(openings: readonly OpeningSize[], message: Uint8Array, party: Party): Uint8Array[] {
  let at = 0;
  return openings.map(({ bits, count }) => {
    const own = bits[party]!, packed = message.subarray(at, at += packedBytes(own, count));
    const padding = 8 * packed.length - own * count;
    if (padding > 0 && packed.at(-1)! >>> (8 - padding) !== 0) {
      throw new ProtocolError(
        `Cannot take the share of ${count} values of ${own} bits as its last ${padding} bits must be zero: received ones`,
      );
    }
    return packed;
  });
}
