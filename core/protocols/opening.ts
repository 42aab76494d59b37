/**
 * Gates are generators. One `yield` is one exchange of the lane: what the parties open now. Nothing here does I/O; the lane runner in
 * `pipeline/interpreters/` moves the bytes and resumes the gate.
 *
 * @module
 */

import type { Handle } from "../engine.ts";

/** What one exchange opens. */
export interface Opening {
  /** "add": shares of Z_{2^bits}; "xor": XOR shares of packed bits. */
  readonly kind: "add" | "xor";
  /** Low bits of the value that party 0 and party 1 receive, per element; each sends what the other receives. */
  readonly bits: readonly [number, number];
  /** Elements. */
  readonly count: number;
  /** This party's share; null under interpreters that move no data. */
  readonly share: Handle | null;
  /** The peer's packed share; filled by the runner before it resumes the lane. */
  received?: Uint8Array;
  /** The sum; filled from `received` when the gate goes on. A party that receives 0 bits finds its own share here. */
  opened?: Handle;
}

/** A running gate: one yield is one exchange. */
export type Gate<T> = Generator<readonly Opening[], T, void>;

/** What one exchange opens, as data of the plan. */
export type OpeningSize = Pick<Opening, "kind" | "bits" | "count">;

/** Opens one or more shares in one exchange; `sizes` are those of the plan. */
export function* open<T extends readonly (Handle | null)[]>(
  sizes: readonly OpeningSize[],
  ...shares: T
): Gate<{ [J in keyof T]: Handle }> {
  const openings: Opening[] = sizes.map((size, i) => ({ ...size, share: shares[i] ?? null }));
  yield openings;
  return openings.map((opening) => {
    if (opening.opened === undefined) throw new Error("Internal error: a gate was resumed before its openings");
    return opening.opened;
  }) as { [J in keyof T]: Handle };
}

/**
 * Runs independent gates in lockstep: their n-th openings are one exchange, under every interpreter, whatever the timing.
 *
 * @example Two gates of two exchanges each take two exchanges together
 * ```ts
 * import { type Gate, par } from "sluice/core/protocols/opening.ts";
 * import { assertEquals } from "@std/assert";
 *
 * function* twice(result: number): Gate<number> {
 *   yield [];
 *   yield [];
 *   return result;
 * }
 * const both = par(twice(1), twice(2));
 * let exchanges = 0, step = both.next();
 * while (!step.done) {
 *   exchanges++;
 *   step = both.next();
 * }
 * assertEquals([exchanges, step.value], [2, [1, 2]]);
 * ```
 */
export function* par<T extends readonly unknown[]>(...gates: { readonly [J in keyof T]: Gate<T[J]> }): Gate<T> {
  const results: unknown[] = gates.map(() => undefined);
  let live = gates.map((gate, index) => ({ gate: gate as Gate<unknown>, index }));
  while (live.length > 0) {
    const wanted: Opening[] = [];
    live = live.filter(({ gate, index }) => {
      const next = gate.next();
      if (next.done) results[index] = next.value;
      else wanted.push(...next.value);
      return !next.done;
    });
    if (live.length > 0) yield wanted;
  }
  return results as unknown as T;
}
