/**
 * Gates are generators. One `yield` is one exchange of the lane: what the parties open now. Nothing here does I/O; the
 * lane runner in `pipeline/interpreters/` moves the bytes and resumes the gate.
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
}

/**
 * A running gate: one yield is one exchange, and what comes back is one answer for each opening. A lane is answered
 * with the peer's packed shares; {@linkcode Primitive.run}, inside its context, with the opened values: `Gate<T,
 * Handle>`. Interpreters that move no data answer with nothing.
 */
export type Gate<T, Answer = Uint8Array> = Generator<readonly Opening[], T, readonly Answer[]>;

/** What one exchange opens, as data of the plan. */
export type OpeningSize = Pick<Opening, "kind" | "bits" | "count">;

/**
 * Opens one or more shares in one exchange; `sizes` are those of the plan. A party that receives 0 bits gets its own
 * share back.
 */
export function* open<T extends readonly (Handle | null)[]>(
  sizes: readonly OpeningSize[],
  ...shares: T
): Gate<{ [J in keyof T]: Handle }, Handle> {
  return (yield sizes.map((size, i) => ({ ...size, share: shares[i] ?? null }))) as { [J in keyof T]: Handle };
}

/**
 * Runs independent gates in lockstep: their n-th openings are one exchange, under every interpreter, whatever the
 * timing.
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
 *   step = both.next([]);
 * }
 * assertEquals([exchanges, step.value], [2, [1, 2]]);
 * ```
 */
export function* par<T extends readonly unknown[]>(...gates: { readonly [J in keyof T]: Gate<T[J]> }): Gate<T> {
  const results: unknown[] = gates.map(() => undefined);
  let live = gates.map((gate, index) => ({ gate: gate as Gate<unknown>, index, asks: 0 })),
    answers: readonly Uint8Array[] = [];
  while (live.length > 0) {
    const openings: Opening[] = [];
    let at = 0;
    live = live.filter((running) => {
      const { gate, index, asks } = running, next = gate.next(answers.slice(at, at += asks));
      if (next.done) results[index] = next.value;
      else {
        openings.push(...next.value);
        running.asks = next.value.length;
      }
      return !next.done;
    });
    if (live.length > 0) answers = yield openings;
  }
  return results as unknown as T;
}
