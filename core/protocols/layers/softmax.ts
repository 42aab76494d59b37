/**
 * Softmax over rows of scores.
 *
 * The maximum is taken on coarse scores ⌊s⌋ (unit 1, few bits): t = (⌊max s⌋ + 1) - s is positive and the largest
 * e^(-t) at least 1/e; the reciprocal of the row sum normalises. Where rounding is dithered a coarse score may be one
 * more, and t up to 2. Columns that a row must not see are not computed.
 *
 * @module
 */

import { type Gate, par } from "../opening.ts";
import type { Context } from "../primitive.ts";
import type { Share, View, Wire } from "../tensor.ts";
import { distance, rowSum } from "../local/gate.ts";
import { maximumLevel } from "../maximum/gate.ts";
import { hold, multiply } from "../products/gate.ts";
import { type ExponentialParams, type Rounding, roundings } from "./rounding.ts";
import { rowFunction } from "../row_function/gate.ts";

/** Octaves of one group of the reciprocal of a row sum. */
const SUM_GROUP_OCTAVES = 4;

/** Public numbers of one softmax. */
export interface SoftmaxParams extends ExponentialParams {
  /** Fractional bits of the exponentials that are multiplied. */
  readonly expScale: number;
  /** Fractional bits of the reciprocal. */
  readonly inverseScale: number;
  /** Fractional bits of the result. */
  readonly scale: number;
  /** Longest row; the row sum lies below 2^(2·tableScale)·maxColumns. */
  readonly maxColumns: number;
  /** How scores, exponentials and probabilities are rounded. */
  readonly rounding: Rounding;
}

/**
 * Probabilities of every row of a share of scores.
 *
 * Exchanges: 3 for the scores, 2 for the coarse scores, 2 for each of ⌈log2 columns⌉ levels, 3 exp, 2 truncation
 * (beside the reciprocal), 3 for the product; where rounding is dithered 1, 0, 2 for each level, 2, 2 and 2.
 *
 * @example Probabilities of three scores, in 13 + 2·2 exchanges
 * ```ts
 * import { share } from "sluice/core/protocols/tensor.ts";
 * import { softmax } from "sluice/core/protocols/layers/softmax.ts";
 * import { ClearContext } from "sluice/pipeline/interpreters/clear.ts";
 * import { finish, PlanContext } from "sluice/pipeline/interpreters/plan.ts";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const params = { scoreBits: 20, scoreScale: 10, digits: [8, 6, 6], tableScale: 11, expScale: 12, inverseScale: 14,
 *   scale: 12, maxColumns: 3, rounding: "nearest" } as const;
 * const extent = { rows: 1, cols: [3] }, none = () => new Int32Array(0), scores = [1, 2, 0.5];
 * const clear = new ClearContext({ reader: { weights: none, constants: none, input: () => new Float64Array(0) } });
 * const z = share("clear", { ringBits: 32, scale: 20, extent }, Float64Array.from(scores, (score) => score * 2 ** 20));
 * const p = finish(softmax(clear, params, z)).value, sum = scores.reduce((sum, score) => sum + Math.exp(score), 0);
 *
 * scores.forEach((score, i) => assertAlmostEquals(p.data[i]! / 2 ** p.scale, Math.exp(score) / sum, 0.002));
 * assertEquals(finish(softmax(new PlanContext(), params, share("plan", z, null))).exchanges, 17);
 * ```
 */
export function* softmax<V extends View>(ctx: Context<V>, p: SoftmaxParams, z: Share<V>): Gate<Wire<V>> {
  const { rescale, coarse, exp, leastExponent } = roundings[p.rounding], { scoreBits, scoreScale } = p;
  const narrow = { scale: scoreScale, ringBits: scoreBits, full: 1 } as const;
  const s = yield* rescale(ctx.as({ reads: "score" }), "score", narrow, z);
  let top = yield* coarse(ctx.as({ reads: "coarse" }), "coarse", { scale: 0, ringBits: scoreBits - scoreScale }, s);
  for (let level = 0; top.extent.cols.some((cols) => cols > 1); level++) {
    top = yield* ctx.gate(`max${level}`, maximumLevel, {}, top);
  }
  const fine = yield* exp(ctx, p, ctx.local(distance, {}, top, s)), least = fine.scale + leastExponent;
  const hi = fine.scale + Math.ceil(Math.log2(p.maxColumns)),
    groups = Math.ceil((hi - least) / SUM_GROUP_OCTAVES);
  const [e, inverse] = yield* par(
    rescale(ctx, "fine", { scale: p.expScale }, fine),
    ctx.gate("reciprocal", rowFunction, {
      function: "reciprocal",
      scale: p.inverseScale,
      ringBits: 32,
      // The last of the whole groups must end within the ring: they begin lower where the sum may be large.
      lo: Math.min(least, 32 - groups * SUM_GROUP_OCTAVES),
      hi,
      mantissaBits: 8,
      octaves: SUM_GROUP_OCTAVES,
      divisor: 1,
      offset: 0,
    }, ctx.local(rowSum, {}, fine)),
  );
  const left = yield* ctx.gate("hold_e", hold, {}, e), right = yield* ctx.gate("hold_inverse", hold, {}, inverse);
  const product = yield* ctx.gate("normalise", multiply, { broadcast: true }, left, right);
  return yield* rescale(ctx, "p", { scale: p.scale, full: 1 }, product);
}
