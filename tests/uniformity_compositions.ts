/**
 * Compositions of many gates as the uniformity tests look at them, with either rounding.
 *
 * @module
 */

import { attention } from "../core/protocols/layers/attention.ts";
import type { Extent } from "../core/protocols/tensor.ts";
import { mlp } from "../core/protocols/layers/mlp.ts";
import type { PaddingParams } from "../core/protocols/padding/gate.ts";
import { hold, multiply } from "../core/protocols/products/gate.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { softmax, type SoftmaxParams } from "../core/protocols/layers/softmax.ts";
import { random, tensor, wide, wideWeights } from "./uniformity_cases.ts";
import type { TriangularOptions } from "./uniformity.ts";
import type { UniformityCase } from "./uniformity_workbench.ts";

type Case = UniformityCase & TriangularOptions;

const SCORES: Omit<SoftmaxParams, "rounding"> = {
  scoreBits: 20,
  scoreScale: 10,
  digits: [8, 6, 6],
  tableScale: 11,
  expScale: 12,
  inverseScale: 14,
  scale: 12,
  maxColumns: 4,
};

/** The softmax of three scores. */
export function ofScores(rounding: Rounding): Case {
  const row: Extent = { rows: 1, cols: [3] };
  return {
    inputs: [tensor(32, 10, row, [3000, -2000, 1024]), random(32, 10, row, 12)],
    *run(ctx, [x, y]) {
      const left = yield* ctx.gate("x", hold, {}, x!), right = yield* ctx.gate("y", hold, {}, y!);
      const s = yield* ctx.gate("product", multiply, { broadcast: false }, left, right);
      return yield* softmax(ctx.within("softmax"), { ...SCORES, rounding }, s);
    },
    trials: 1,
  };
}

/** Attention of two tokens, of which the second is padding. */
export function attended(rounding: Rounding, padding: PaddingParams): Case {
  return {
    inputs: [random(32, 10, { rows: 2, cols: [2] }, 11)],
    *run(ctx, [x], make) {
      const params = {
        heads: 1,
        kvHeads: 1,
        width: 1,
        rotary: null,
        norms: null,
        bias: null,
        scale: 10,
        mixtureBits: 32,
        softmax: { ...SCORES, scoreBits: 21, digits: [8, 6, 7], maxColumns: 2, rounding },
        padding,
        qkv: { weights: wide, weightScale: 10, bias: null },
        full: 1,
      } as const;
      const positions = { from: 0, count: 2 }, sight = { tokens: 2, cols: [2], starts: [0] };
      const cache = { keys: make(1), values: make(1) };
      return (yield* attention(ctx, params, x!, { cache, positions, sight })).mixed;
    },
    weights: wideWeights(1234, -77, 900, 300, 1024, -4096),
    realTokens: 1,
    trials: 1,
  };
}

/** A gated feed-forward layer of one hidden value. */
export function gatedMlp(hiddenBits: number, rounding: Rounding): Case {
  return {
    inputs: [random(32, 10, { rows: 1, cols: [2] }, 12)],
    *run(ctx, [x]) {
      const dithered = rounding === "dither",
        params = {
          width: 1,
          scale: 10,
          hiddenBits,
          activation: "silu",
          digits: [5, 6, 6],
          gated: true,
          squared: false,
          restScale: 0,
          up: { weights: { name: "w", inputs: 2, outputs: 2 }, weightScale: 10, bias: null },
          rounding,
          skip: dithered ? 3 : 0,
          valueBits: dithered ? 26 : 16,
        } as const;
      return (yield* mlp(ctx, params, x!)).hidden;
    },
    weights: { w: { ref: { name: "w", inputs: 2, outputs: 2 }, data: Int32Array.of(900, -300, 20, 1024) } },
    trials: 1,
  };
}
