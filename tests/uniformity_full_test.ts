/** Joint uniformity of what a party receives, by pads of its own for every value, at the parameters of real models. */

import { assert } from "@std/assert";
import { exp } from "../core/protocols/exp/gate.ts";
import { extend } from "../core/protocols/extend/gate.ts";
import type { Extent } from "../core/protocols/tensor.ts";
import { input } from "../core/protocols/linear/gate.ts";
import { maximumLevel } from "../core/protocols/maximum/gate.ts";
import { rmsNorm } from "../core/protocols/layers/norm.ts";
import { rowFunction } from "../core/protocols/row_function/gate.ts";
import { splice } from "../core/protocols/splice/gate.ts";
import {
  attend,
  cutAndAdded,
  embedOpened,
  linearOpened,
  one,
  product,
  random,
  sumOfSquares,
  tensor,
  truncateProduct,
  truncateWire,
  weights,
  wideWeights,
} from "./uniformity_cases.ts";
import { gate } from "./law.ts";
import { attended, gatedMlp, ofScores } from "./uniformity_compositions.ts";
import { assertDealtHalves, assertTriangular, type TriangularOptions } from "./uniformity.ts";
import { SETTINGS, type UniformityCase } from "./uniformity_workbench.ts";

const lanes: Extent = { rows: 2, cols: [1, 3] }, rows: Extent = { rows: 1, cols: [1, 1] };

/** Row functions open symbols of the same width for every group; a group with fewer chunks sends zeros. */
function unusedSymbols(
  used: readonly number[],
  width: number,
  at: number = 1,
): NonNullable<TriangularOptions["unused"]> {
  return ({ kind, message, offset }) =>
    kind === "xor" && message === at && offset % width >= used[Math.floor(offset / width) % used.length]!;
}

/** Cases at the parameters of real models. */
const FULL: Readonly<Record<string, UniformityCase & TriangularOptions>> = {
  "truncate, from a wire": {
    inputs: [random(32, 12, lanes, 29)],
    run: truncateWire({ by: 12, to: 32, rounding: "nearest", full: 0, knownTo: "both" }),
  },
  "truncate, from a wire to party 0": {
    inputs: [random(32, 12, lanes, 29)],
    run: truncateWire({ by: 10, to: 20, rounding: "floor", full: 0, knownTo: "party0" }),
  },
  ...Object.fromEntries(([0, 1] as const).flatMap((full) =>
    (["both", "party0"] as const).map((knownTo) => [
      `truncate, from a share, all bits to party ${full}, for ${knownTo}`,
      {
        inputs: [random(32, 10, lanes, 14), random(32, 10, lanes, 14)],
        run: truncateProduct({ by: 12, to: 32, rounding: "nearest", full, knownTo }),
      },
    ])
  )),
  ...Object.fromEntries([[40, 40], [32, 40], [48, 32]].map(([n, to]) => [
    `truncate, from a wire of ${n} into ${to} bits`,
    {
      inputs: [random(n!, 12, lanes, 24)],
      run: truncateWire({ by: 12, to: to!, rounding: "nearest", full: 0, knownTo: "both" }),
    },
  ])),
  ...Object.fromEntries(([0, 1] as const).map((full) => [
    `truncate, from a share of 40 bits, all bits to party ${full}`,
    {
      inputs: [random(40, 10, lanes, 14), random(40, 10, lanes, 14)],
      run: truncateProduct({ by: 12, to: 40, rounding: "nearest", full, knownTo: full === 0 ? "both" : "party0" }),
    },
  ])),
  "extend": { inputs: [random(32, 10, lanes, 20)], run: gate(extend, { to: 40, knownTo: "both" }) },
  "extend, to party 0": { inputs: [random(32, 10, lanes, 20)], run: gate(extend, { to: 64, knownTo: "party0" }) },
  "squares of 40 bits, with a product": {
    inputs: [random(40, 12, lanes, 20), random(40, 12, lanes, 20)],
    run: sumOfSquares(48),
  },
  "squares of 48 bits into 44": { inputs: [random(48, 12, lanes, 20)], run: sumOfSquares(44) },
  "maximumLevel": { inputs: [random(10, 0, { rows: 2, cols: [1, 5] }, 8)], run: gate(maximumLevel, {}) },
  "exp": {
    inputs: [tensor(20, 10, rows, [700, 2 ** 18])],
    run: gate(exp, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }),
  },
  "splice": {
    inputs: [random(32, 10, rows, 14)],
    run: gate(splice, { function: "silu", digits: [5, 9, 6], skip: 0, valueBits: 16, ringBits: 32, knownTo: "both" }),
  },
  "splice, tanh + 1": {
    inputs: [random(32, 10, rows, 13)],
    run: gate(splice, {
      function: "tanh_plus_1",
      digits: [5, 8, 6],
      skip: 0,
      valueBits: 16,
      ringBits: 32,
      knownTo: "both",
    }),
  },
  "linear, cut and added": {
    inputs: [random(32, 10, { rows: 1, cols: [2, 2] }, 17)],
    run: cutAndAdded,
    weights: wideWeights(1234, -77, 5, 0, 9, -4096),
  },
  "squares, with a product": {
    inputs: [random(32, 12, lanes, 20), random(32, 12, lanes, 20)],
    run: sumOfSquares(41),
  },
  "squares": { inputs: [random(32, 12, lanes, 20)], run: sumOfSquares(48) },
  "rowFunction, rsqrt": {
    inputs: [tensor(41, 24, one, [2 ** 33 + 12345])],
    run: gate(rowFunction, {
      function: "rsqrt",
      ringBits: 32,
      scale: 12,
      lo: 21,
      hi: 40,
      mantissaBits: 7,
      octaves: 4,
      divisor: 128,
      offset: 1e-5,
    }),
    unused: unusedSymbols([3, 7, 7, 15, 15], 15),
    trials: 1,
  },
  "rowFunction, reciprocal": {
    inputs: [tensor(32, 22, one, [2 ** 27 + 4321])],
    run: gate(rowFunction, {
      function: "reciprocal",
      ringBits: 32,
      scale: 14,
      lo: 20,
      hi: 29,
      mantissaBits: 8,
      octaves: 4,
      divisor: 1,
      offset: 0,
    }),
    unused: unusedSymbols([3, 7, 7], 7),
    trials: 1,
  },
  "linear": { inputs: [random(32, 10, { rows: 1, cols: [2, 2] }, 17)], run: linearOpened, weights: weights(1234, -77) },
  "embed": { inputs: [], run: embedOpened(32), weights: weights(1234, -77), clientInput: Float64Array.of(0, 1) },
  "input": {
    inputs: [],
    run: (ctx) => ctx.gate("gate", input, { extent: lanes, ringBits: 32, scale: 12 }),
    clientInput: Float64Array.from({ length: 8 }, (_, i) => 1000 * i),
  },
  "multiply": { inputs: [random(32, 10, lanes, 15), random(32, 10, { rows: 2, cols: [1, 1] }, 15)], run: product },
  "scores and mix": {
    inputs: [
      random(32, 10, { rows: 1, cols: [6, 6] }, 12),
      random(32, 10, { rows: 1, cols: [3, 3] }, 12),
      random(32, 10, { rows: 1, cols: [3, 3] }, 12),
      random(32, 10, { rows: 2, cols: [1, 2] }, 12),
    ],
    run: attend(3, [1, 2], 32),
  },
  "rmsNorm": {
    inputs: [random(32, 12, { rows: 1, cols: [4] }, 13)],
    run: (ctx, [x]) =>
      rmsNorm(
        ctx,
        {
          sumBits: 41,
          sumShift: 0,
          lo: 21,
          hi: 33,
          inverseScale: 12,
          scale: 10,
          ringBits: 32,
          epsilon: 1e-5,
          knownTo: "party0",
          rounding: "nearest",
        },
        x!,
      ),
    unused: unusedSymbols([3, 7, 7], 7, 2),
    trials: 1,
  },
  "rmsNorm, wide": {
    inputs: [random(40, 12, { rows: 1, cols: [4] }, 15)],
    run: (ctx, [x]) =>
      rmsNorm(
        ctx,
        {
          sumBits: 45,
          sumShift: 4,
          lo: 21,
          hi: 33,
          inverseScale: 16,
          scale: 10,
          ringBits: 40,
          epsilon: 1e-5,
          knownTo: "party0",
          rounding: "nearest",
        },
        x!,
      ),
    unused: unusedSymbols([3, 7, 7], 7, 4),
    trials: 1,
  },
  "softmax": ofScores("nearest"),
  "attention with padding": attended("nearest", { below: 512, clip: 16 }),
  "mlp": gatedMlp(32, "nearest"),
  "mlp, wide": gatedMlp(40, "nearest"),
};

/** Cases of many gates: one choice of the explicit halves for each corrupt party. */
const COMPOSITIONS = new Set(["rmsNorm", "rmsNorm, wide", "mlp, wide", "softmax", "attention with padding", "mlp"]);

for (const [name, test] of Object.entries(FULL)) {
  Deno.test(`every value that a party receives has a pad of its own (${name})`, () => {
    for (const setting of SETTINGS) {
      if (COMPOSITIONS.has(name) && setting.explicit !== setting.corrupt) continue;
      const received = assertTriangular(test, setting, test);
      if (setting.corrupt === 0) assert(received > 0);
    }
  });
}

Deno.test("the dealer writes value minus seed half into explicit halves, and nothing else, and no two records share bytes", () => {
  for (const [name, test] of Object.entries(FULL)) assertDealtHalves(name, test);
});
