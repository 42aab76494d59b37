/**
 * Padding that nobody sees: scores of columns that only fill a text up become so small that the exponential's clip
 * makes them 0.
 *
 * The same hides what is too far away, where a layer sees only what is near: which columns those are is public.
 *
 * Party 1 alone knows how many tokens are real. It subtracts B·2^f from its half of the scores' share at the columns
 * beyond them, f the share's scale; the mask stays, so that neither the dealer nor party 0 learns which columns those
 * are. As with a bias there is no key and no message, and openings have the sizes and the pads that they would have
 * without it.
 *
 * **Range.** Coarse scores of m bits tell differences below R = 2^(m-1); the exponential is 0 from a distance W on. Let
 * scores of a row differ by at most R - W - 2, those of padded columns included, and take B = R and coarse scores of m
 * + 1 bits. Then the largest real score lies above every padded one by at least W + 2, so that the maximum is the real
 * columns' and e^(-t) of padded ones 0, and by at most 2R - W - 2, which m + 1 bits can tell. (2 is room for the
 * rounding of the scores and of the coarse maximum.) Real columns keep their scores, their maximum and, as zeros add
 * nothing, their row sum: their probabilities are those of the text alone, bit for bit.
 *
 * - **Source:** our own
 *
 * @module
 */

import { lowMask } from "../../ring/words.ts";
import { assertWordRing, type Primitive } from "../primitive.ts";
import { elementCount, type Extent } from "../tensor.ts";
import { sum } from "../local/kernels.ts";

/** Parameters of {@linkcode hidePadding}. */
export interface PaddingParams {
  /** B: what scores of padded columns are lowered by, in units of 1. */
  readonly below: number;
  /** The exponential is 0 from this distance to the maximum on, in units of 1. */
  readonly clip: number;
  /** Where a token sees only those nearer than `window`: so many rows of scores has a token. */
  readonly near?: { readonly heads: number; readonly window: number };
}

/** Lowers the scores of the columns beyond the client's real tokens: on party 1's half alone. No key, no message. */
export const hidePadding: Primitive<PaddingParams, ["share"], "share"> = {
  name: "padding",
  clear(p, [z], reader) {
    const one = 2 ** z.scale, widest = p.below - p.clip - 2, data = z.data.slice();
    eachRow(z.extent, (at, cols, row) => {
      const real = reader.realTokens ?? cols, seen = (c: number): boolean => c < real && isNear(p, row, c);
      const most = z.data.slice(at, at + cols).filter((_, c) => seen(c)).reduce((a, b) => Math.max(a, b), -Infinity);
      for (let c = 0; c < cols; c++) {
        if (seen(c)) continue;
        // A row of padding may see nothing real: nobody reads what it gives.
        if (most !== -Infinity && Math.abs(z.data[at + c]! - most) > widest * one) {
          throw new RangeError(
            `Cannot hide padding as scores of a row must differ by at most ${widest}: received more`,
          );
        }
        data[at + c]! -= p.below * one;
      }
    });
    return { ...z, data };
  },
  plan(p, [z]) {
    assertWordRing(z.ringBits, "hide padding");
    if (!(Number.isInteger(p.below) && p.below > p.clip + 2 && p.below * 2 ** z.scale <= 2 ** (z.ringBits - 2))) {
      throw new RangeError(
        `Cannot hide padding as scores must be lowered by ${p.clip + 3} to ${
          2 ** (z.ringBits - 2 - z.scale)
        }: received ${p.below}`,
      );
    }
    return { out: z, key: [], opens: [] };
  },
  deal: (_p, [z]) => z,
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [z], key) {
    const tokens = key.realTokens();
    if (tokens === null) return z;
    const words = new Uint32Array(elementCount(z.extent)), lowered = -p.below * 2 ** z.scale & lowMask(z.ringBits);
    // Every column of every row, real or not: how long this takes does not say how many there are.
    eachRow(z.extent, (at, cols, row) => {
      for (let c = 0; c < cols; c++) words[at + c] = isNear(p, row, c) ? lowered & ~((c - tokens) >> 31) : lowered;
    });
    return { ...z, data: sum(key.engine, z.data, key.engine.upload(words), z.ringBits) };
  },
};

/** Whether the token of a row sees that of a column, if both are real. */
function isNear({ near }: PaddingParams, row: number, column: number): boolean {
  return near === undefined || Math.abs(Math.floor(row / near.heads) - column) < near.window;
}

/** Calls `visit(at, cols, row)` for every row: its first element, its columns, and its number in its block. */
function eachRow(extent: Extent, visit: (at: number, cols: number, row: number) => void): void {
  let at = 0;
  for (const cols of extent.cols) for (let row = 0; row < extent.rows; row++, at += cols) visit(at, cols, row);
}
