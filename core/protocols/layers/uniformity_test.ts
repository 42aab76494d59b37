import { type FullCase, random, tensor, testUniformity, unusedSymbols } from "../../../tests/gate_cases.ts";
import { times } from "../../../tests/compositions.ts";
import { attention } from "./attention.ts";
import { mlp } from "./mlp.ts";
import { rmsNorm } from "./norm.ts";
import type { Rounding } from "./rounding.ts";
import { softmax, type SoftmaxParams } from "./softmax.ts";

const LONG = { trials: 1, long: true } as const, ROW = { rows: 1, cols: [3] };

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
function ofScores(rounding: Rounding): FullCase {
  return {
    inputs: [tensor(32, 10, ROW, [3000, -2000, 1024]), random(32, 10, ROW, 12)],
    *run(ctx, [x, y]) {
      return yield* softmax(ctx.within("softmax"), { ...SCORES, rounding }, yield* times(ctx, x!, y!));
    },
    ...LONG,
  };
}

/** Attention of two tokens, of which the second is padding. */
function attended(rounding: Rounding): FullCase {
  const ref = { name: "w", inputs: 2, outputs: 3 };
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
    padding: { below: 512, clip: 16 },
    qkv: { weights: ref, weightScale: 10, bias: null },
    full: 1,
  } as const;
  return {
    inputs: [random(32, 10, { rows: 2, cols: [2] }, 11)],
    *run(ctx, [x], make) {
      const positions = { from: 0, count: 2 }, sight = { tokens: 2, cols: [2], starts: [0] };
      const cache = { keys: make(1), values: make(1) };
      return (yield* attention(ctx, params, x!, { cache, positions, sight })).mixed;
    },
    weights: { w: { ref, data: Int32Array.of(1234, -77, 900, 300, 1024, -4096) } },
    realTokens: 1,
    ...LONG,
  };
}

/** A gated feed-forward layer of one hidden value. */
function gatedMlp(hiddenBits: number, rounding: Rounding): FullCase {
  const ref = { name: "w", inputs: 2, outputs: 2 };
  const params = {
    width: 1,
    scale: 10,
    hiddenBits,
    activation: "silu",
    digits: [5, 6, 6],
    gated: true,
    squared: false,
    restScale: 0,
    up: { weights: ref, weightScale: 10, bias: null },
    rounding,
    ...(rounding === "dither" ? { skip: 3, valueBits: 26 } : { skip: 0, valueBits: 16 }),
  } as const;
  return {
    inputs: [random(32, 10, { rows: 1, cols: [2] }, 12)],
    *run(ctx, [x]) {
      return (yield* mlp(ctx, params, x!)).hidden;
    },
    weights: { w: { ref, data: Int32Array.of(900, -300, 20, 1024) } },
    ...LONG,
  };
}

const NARROW = { sumBits: 41, sumShift: 0, inverseScale: 12, ringBits: 32 };
const WIDE = { sumBits: 45, sumShift: 4, inverseScale: 16, ringBits: 40 };

/** The norm of four values; its row function opens symbols in message `at`. */
function norm(rounding: Rounding, inBits: number, { ringBits, ...sums }: typeof WIDE, at: number): FullCase {
  const [hi, used] = rounding === "dither" ? [29, [3, 7]] : [33, [3, 7, 7]];
  const params = { ...sums, ringBits, lo: 21, hi, scale: 10, epsilon: 1e-5, knownTo: "party0", rounding } as const;
  return {
    inputs: [random(inBits, 12, { rows: 1, cols: [4] }, inBits > 32 ? 15 : 13)],
    run: (ctx, [x]) => rmsNorm(ctx, params, x!),
    unused: unusedSymbols(used, 7, at),
    ...LONG,
  };
}

testUniformity("layers", {
  full: {
    "rmsNorm": norm("nearest", 32, NARROW, 2),
    "rmsNorm, wide": norm("nearest", 40, WIDE, 4),
    "rmsNorm, dithered": norm("dither", 22, NARROW, 2),
    "rmsNorm, wide, dithered": norm("dither", 40, WIDE, 2),
    "softmax": ofScores("nearest"),
    "softmax, dithered": { ...ofScores("dither"), unused: unusedSymbols([3, 7], 7, 9) },
    ...Object.fromEntries((["nearest", "dither"] as const).flatMap((rounding) => {
      const suffix = rounding === "dither" ? ", dithered" : "";
      return [
        [`attention with padding${suffix}`, attended(rounding)],
        [`mlp${suffix}`, gatedMlp(32, rounding)],
        [`mlp, wide${suffix}`, gatedMlp(40, rounding)],
      ];
    })),
  },
});
