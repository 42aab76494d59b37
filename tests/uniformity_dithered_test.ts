import { assert } from "@std/assert";
import { dither, type DitherParams } from "../core/protocols/dither/gate.ts";
import { expDithered } from "../core/protocols/exp_dithered/gate.ts";
import type { Extent } from "../core/protocols/tensor.ts";
import { rmsNorm } from "../core/protocols/layers/norm.ts";
import { openShare } from "../core/protocols/open/gate.ts";
import { hold, multiply } from "../core/protocols/products/gate.ts";
import { splice } from "../core/protocols/splice/gate.ts";
import { squares } from "../core/protocols/squares/gate.ts";
import { one, random, tensor } from "./uniformity_cases.ts";
import { type Composition, gate } from "./law.ts";
import { attended, gatedMlp, ofScores } from "./uniformity_compositions.ts";
import { assertDealtHalves, assertTriangular, assertUniform, type TriangularOptions } from "./uniformity.ts";
import { SETTINGS, type UniformityCase } from "./uniformity_workbench.ts";

function ditherWire(params: DitherParams): Composition<["wire"]> {
  return (ctx, [x]) => ctx.gate("gate", dither, params, x!);
}

/** x·y, truncated from the share. */
function ditherProduct(params: DitherParams): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    const left = yield* ctx.gate("x", hold, {}, x), right = yield* ctx.gate("y", hold, {}, y);
    const product = yield* ctx.gate("product", multiply, { broadcast: false }, left, right);
    return yield* ctx.gate("gate", dither, params, product);
  };
}

/** Σ x² of a narrow wire beside x·y in a wider ring. */
function liftedProduct(outBits: number, operandBits: number): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    const { operand } = yield* ctx.gate("squares", squares, { outBits, operandBits }, x);
    const factor = yield* ctx.gate("y", hold, {}, y);
    const product = yield* ctx.gate("gate", multiply, { broadcast: true }, operand, factor);
    return yield* ctx.gate("open", openShare, {}, product);
  };
}

/** Small cases: each list differs in secrets only. */
const SMALL: Readonly<Record<string, readonly UniformityCase[]>> = {
  "dither, from a wire into a wide ring": [-13, 6].map((x) => ({
    inputs: [tensor(6, 0, one, [x])],
    run: ditherWire({ by: 3, to: 6, knownTo: "both" }),
  })),
  "dither, from a share into a narrow ring": [[-3, 4], [2, 1]].map(([x, y]) => ({
    inputs: [tensor(5, 0, one, [x!]), tensor(5, 0, one, [y!])],
    run: ditherProduct({ by: 2, to: 3, knownTo: "both" }),
  })),
  "dither, from a share into a wide ring": [[-3, 2], [2, 1]].map(([x, y]) => ({
    inputs: [tensor(5, 0, one, [x!]), tensor(5, 0, one, [y!])],
    run: ditherProduct({ by: 2, to: 5, knownTo: "both" }),
  })),
  "dither, from a share to party 0": [[-3, 2], [2, 1]].map(([x, y]) => ({
    inputs: [tensor(5, 0, one, [x!]), tensor(5, 0, one, [y!])],
    run: ditherProduct({ by: 2, to: 5, knownTo: "party0" }),
  })),
  "expDithered": [[1], [7]].map((t) => ({
    inputs: [tensor(5, 2, one, t)],
    run: gate(expDithered, { skip: 1, digits: [2, 2], tableScale: 1, ringBits: 4 }),
  })),
  "a product of a narrow wire": [[1, -2], [-1, 3]].map(([x, y]) => ({
    inputs: [tensor(3, 0, one, [x!]), tensor(5, 0, one, [y!])],
    run: liftedProduct(6, 5),
  })),
};

for (const [name, tests] of Object.entries(SMALL)) {
  Deno.test(`what a party receives is jointly uniform whatever the secrets (exhaustive: ${name})`, () => {
    for (const setting of SETTINGS) assertUniform(tests, setting, { keys: 1 });
  });
}

Deno.test("what a party receives is jointly uniform whatever the secrets (exhaustive: splice of narrow wires and values)", () => {
  const tests = [[-3], [2]].map((x) => ({
    inputs: [tensor(4, 0, one, x)],
    run: gate(splice, { function: "silu", digits: [2, 1, 1], skip: 1, valueBits: 3, ringBits: 5, knownTo: "both" }),
  }));
  const isBit = (field: string): boolean => field === "symbols" || field === "bits";
  for (const setting of SETTINGS) {
    assertUniform(tests, setting, { keys: 1, pads: ({ field }) => isBit(field), units: ({ kind }) => kind === "xor" });
    assertUniform(tests, setting, { keys: 1, pads: ({ field }) => !isBit(field), units: ({ kind }) => kind === "add" });
  }
});

/** Of two octave groups the first opens 3 symbols in a field of 7: the others are zeros, in every row's first group. */
function unusedAt(at: number): NonNullable<TriangularOptions["unused"]> {
  return ({ kind, message, offset }) => kind === "xor" && message === at && offset % 14 >= 3 && offset % 14 < 7;
}

const row: Extent = { rows: 1, cols: [3] };

/** Models' sizes: every received value must have a pad of its own. */
const FULL: Readonly<Record<string, UniformityCase & TriangularOptions>> = {
  "dither, 32 to 32 bits by 10": {
    inputs: [random(32, 10, row, 12), random(32, 10, row, 12)],
    run: ditherProduct({ by: 10, to: 32, knownTo: "both" }),
  },
  "dither, 32 to 32 bits by 13 for party 0": {
    inputs: [random(32, 10, row, 12), random(32, 10, row, 12)],
    run: ditherProduct({ by: 13, to: 32, knownTo: "party0" }),
  },
  "dither, 40 to 40 bits by 10": {
    inputs: [random(40, 10, row, 12), random(40, 10, row, 12)],
    run: ditherProduct({ by: 10, to: 40, knownTo: "both" }),
  },
  "dither, 32 to 40 bits by 13 for party 0": {
    inputs: [random(32, 10, row, 12), random(32, 10, row, 12)],
    run: ditherProduct({ by: 13, to: 40, knownTo: "party0" }),
  },
  "dither, 48 to 32 bits by 12 for party 0": {
    inputs: [random(48, 10, row, 12), random(48, 10, row, 12)],
    run: ditherProduct({ by: 12, to: 32, knownTo: "party0" }),
  },
  "expDithered": {
    inputs: [tensor(20, 10, row, [1, 5000, 400_000])],
    run: gate(expDithered, { skip: 3, digits: [8, 8], tableScale: 11, ringBits: 32 }),
  },
  "splice": {
    inputs: [random(24, 12, row, 14)],
    run: gate(splice, { function: "gelu", digits: [7, 8, 5], skip: 3, valueBits: 26, ringBits: 32, knownTo: "party0" }),
  },
  "rmsNorm": {
    inputs: [random(22, 12, { rows: 1, cols: [4] }, 13)],
    run: (ctx, [x]) => {
      const window = {
        sumBits: 41,
        sumShift: 0,
        ringBits: 32,
        lo: 21,
        hi: 29,
        inverseScale: 12,
        scale: 10,
        epsilon: 1e-5,
      };
      return rmsNorm(ctx, { ...window, knownTo: "party0", rounding: "dither" }, x!);
    },
    unused: unusedAt(2),
    trials: 1,
  },
  "rmsNorm, wide": {
    inputs: [random(40, 12, { rows: 1, cols: [4] }, 15)],
    run: (ctx, [x]) => {
      const window = {
        sumBits: 45,
        sumShift: 4,
        ringBits: 40,
        lo: 21,
        hi: 29,
        inverseScale: 16,
        scale: 10,
        epsilon: 1e-5,
      };
      return rmsNorm(ctx, { ...window, knownTo: "party0", rounding: "dither" }, x!);
    },
    unused: unusedAt(2),
    trials: 1,
  },
  "softmax": { ...ofScores("dither"), unused: unusedAt(9) },
  "attention with padding": attended("dither", { below: 512, clip: 16 }),
  "mlp": gatedMlp(32, "dither"),
  "mlp, wide": gatedMlp(40, "dither"),
};

for (const [name, test] of Object.entries(FULL)) {
  Deno.test(`every value that a party receives has a pad of its own (${name})`, () => {
    for (const setting of SETTINGS) {
      if (test.trials === 1 && setting.explicit !== setting.corrupt) continue;
      const received = assertTriangular(test, setting, test);
      if (setting.corrupt === 0) assert(received > 0);
    }
  });
}

Deno.test("the dealer writes value minus seed half into explicit halves, and nothing else, and no two records share bytes (dithered)", () => {
  for (const [name, test] of Object.entries(FULL)) assertDealtHalves(name, test);
});
