/**
 * Softmax over rows of scores.
 *
 * The maximum is taken on coarse scores ⌊s⌋ (unit 1, few bits): t = (⌊max s⌋ + 1) - s is positive and the largest e^(-t) at least 1/e; the reciprocal of the
 * row sum normalises. Columns that a row must not see are not computed.
 *
 * @module
 */

import { exp } from "./exp.ts";
import { type Context, type Gate, par, type Share, type View, type Wire } from "./gate.ts";
import { distance, rowSum } from "./local.ts";
import { maximumLevel } from "./maximum.ts";
import { hold, multiply } from "./products.ts";
import { rowFunction } from "./row_function.ts";
import { truncate } from "./truncate.ts";

/** Octaves of one group of the reciprocal of a row sum. */
const SUM_GROUP_OCTAVES = 4;

/** Public numbers of one softmax. */
export interface SoftmaxParams {
  /** Ring of the scores, in bits; the digits of the exponential must have as many. */
  readonly scoreBits: number;
  /** Fractional bits of the scores. */
  readonly scoreScale: number;
  /** Digits of the exponential's argument, lowest first. */
  readonly digits: readonly [low: number, high: number, top: number];
  /** Fractional bits of each exponential table. */
  readonly tableScale: number;
  /** Fractional bits of the exponentials that are multiplied. */
  readonly expScale: number;
  /** Fractional bits of the reciprocal. */
  readonly inverseScale: number;
  /** Fractional bits of the result. */
  readonly scale: number;
  /** Longest row; the row sum lies below 2^(2·tableScale)·maxColumns. */
  readonly maxColumns: number;
}

/**
 * Probabilities of every row of a share of scores.
 *
 * Exchanges: 3 for the scores, 2 for the coarse scores, 2 for each of ⌈log2 columns⌉ levels, 3 exp, 2 truncation (beside the reciprocal), 3 for the product.
 *
 * @example Probabilities of three scores, in 13 + 2·2 exchanges
 * ```ts
 * import { share } from "sluice/core/protocols/gate.ts";
 * import { softmax } from "sluice/core/protocols/softmax.ts";
 * import { ClearContext } from "sluice/pipeline/clear.ts";
 * import { finish, PlanContext } from "sluice/pipeline/plan.ts";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const params = { scoreBits: 20, scoreScale: 10, digits: [8, 6, 6], tableScale: 11, expScale: 12, inverseScale: 14, scale: 12,
 *   maxColumns: 3 } as const;
 * const extent = { rows: 1, cols: [3] }, none = () => new Int32Array(0), scores = [1, 2, 0.5];
 * const clear = new ClearContext({ reader: { weights: none, constants: none, input: () => new Float64Array(0) } });
 * const z = share("clear", 32, 20, extent, Float64Array.from(scores, (score) => score * 2 ** 20));
 * const p = finish(softmax(clear, params, z)).value, sum = scores.reduce((sum, score) => sum + Math.exp(score), 0);
 *
 * scores.forEach((score, i) => assertAlmostEquals(p.data[i]! / 2 ** p.scale, Math.exp(score) / sum, 0.002));
 * assertEquals(finish(softmax(new PlanContext(), params, share("plan", 32, 20, extent, null))).exchanges, 17);
 * ```
 */
export function* softmax<V extends View>(ctx: Context<V>, p: SoftmaxParams, z: Share<V>): Gate<Wire<V>> {
  const s = yield* ctx.gate("score", truncate, {
    by: z.scale - p.scoreScale,
    to: p.scoreBits,
    rounding: "nearest",
    full: 1,
    knownTo: "both",
  }, z);
  let top = yield* ctx.gate("coarse", truncate, {
    by: p.scoreScale,
    to: p.scoreBits - p.scoreScale,
    rounding: "floor",
    full: 0,
    knownTo: "both",
  }, s);
  for (let level = 0; top.extent.cols.some((cols) => cols > 1); level++) {
    top = yield* ctx.gate(`max${level}`, maximumLevel, {}, top);
  }
  const fine = yield* ctx.gate(
    "exp",
    exp,
    { digits: p.digits, tableScale: p.tableScale, ringBits: 32 },
    ctx.local(distance, {}, top, s),
  );
  const hi = 2 * p.tableScale + Math.ceil(Math.log2(p.maxColumns)),
    groups = Math.ceil((hi - 2 * p.tableScale + 2) / SUM_GROUP_OCTAVES);
  const [e, inverse] = yield* par(
    ctx.gate(
      "fine",
      truncate,
      { by: fine.scale - p.expScale, to: 32, rounding: "nearest", full: 0, knownTo: "both" },
      fine,
    ),
    ctx.gate("reciprocal", rowFunction, {
      function: "reciprocal",
      scale: p.inverseScale,
      ringBits: 32,
      // The last of the whole groups must end within the ring: they begin lower where the sum may be large.
      lo: Math.min(2 * p.tableScale - 2, 32 - groups * SUM_GROUP_OCTAVES),
      hi,
      mantissaBits: 8,
      octaves: SUM_GROUP_OCTAVES,
      divisor: 1,
      offset: 0,
    }, ctx.local(rowSum, {}, fine)),
  );
  const left = yield* ctx.gate("hold_e", hold, {}, e), right = yield* ctx.gate("hold_inverse", hold, {}, inverse);
  const product = yield* ctx.gate("normalise", multiply, { broadcast: true }, left, right);
  const by = p.expScale + p.inverseScale - p.scale;
  return yield* ctx.gate("p", truncate, { by, to: 32, rounding: "nearest", full: 1, knownTo: "both" }, product);
}
