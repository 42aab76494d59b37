/** Joint uniformity of what a party receives, counted over all pads in small rings. */

import { assert, assertEquals } from "@std/assert";
import { exp } from "../core/protocols/exp/gate.ts";
import { extend } from "../core/protocols/extend/gate.ts";
import type { Extent } from "../core/protocols/tensor.ts";
import { input } from "../core/protocols/linear/gate.ts";
import { maximumLevel } from "../core/protocols/maximum/gate.ts";
import { rowFunction } from "../core/protocols/row_function/gate.ts";
import { splice } from "../core/protocols/splice/gate.ts";
import {
  attend,
  cutAndAdded,
  embedOpened,
  extendBetweenProducts,
  linearOpened,
  linearRevealed,
  one,
  paddedProduct,
  product,
  sumOfSquares,
  tensor,
  truncateProduct,
  truncateWire,
  two,
  weights,
  wideWeights,
} from "./uniformity_cases.ts";
import { gate } from "./law.ts";
import { assertUniform } from "./uniformity.ts";
import { Bench, SETTINGS, type UniformityCase } from "./uniformity_workbench.ts";

/** Small cases of every gate: each list differs in secrets only. */
const SMALL: Readonly<Record<string, readonly UniformityCase[]>> = {
  "truncate, from a wire": [-13, 6].map((x) => ({
    inputs: [tensor(6, 0, one, [x])],
    run: truncateWire({ by: 4, to: 3, rounding: "nearest", full: 0, knownTo: "both" }),
  })),
  "truncate, from a wire to party 0": [-13, 6].map((x) => ({
    inputs: [tensor(6, 0, one, [x])],
    run: truncateWire({ by: 4, to: 3, rounding: "floor", full: 0, knownTo: "party0" }),
  })),
  "truncate, from a share, all bits to party 0": [[-3, 4], [2, 1]].map(([x, y]) => ({
    inputs: [tensor(6, 0, one, [x!]), tensor(6, 0, one, [y!])],
    run: truncateProduct({ by: 4, to: 3, rounding: "nearest", full: 0, knownTo: "both" }),
  })),
  "truncate, from a share, all bits to party 1": [[-3, 4], [2, 1]].map(([x, y]) => ({
    inputs: [tensor(6, 0, one, [x!]), tensor(6, 0, one, [y!])],
    run: truncateProduct({ by: 4, to: 3, rounding: "nearest", full: 1, knownTo: "party0" }),
  })),
  "truncate, into a wider ring": [-13, 6].map((x) => ({
    inputs: [tensor(6, 0, one, [x])],
    run: truncateWire({ by: 2, to: 7, rounding: "nearest", full: 0, knownTo: "both" }),
  })),
  "extend": [[-2, 3], [1, 0]].map((x) => ({
    inputs: [tensor(4, 0, two, x)],
    run: gate(extend, { to: 7, knownTo: "both" }),
  })),
  "extend, to party 0": [[-2, 3], [1, 0]].map((x) => ({
    inputs: [tensor(4, 0, two, x)],
    run: gate(extend, { to: 7, knownTo: "party0" }),
  })),
  "extend, with products before and after": [[-3], [2]].map((x) => ({
    inputs: [tensor(4, 0, one, x)],
    run: extendBetweenProducts,
  })),
  "maximumLevel": [[-20, 31], [3, 3]].map((x) => ({ inputs: [tensor(7, 0, two, x)], run: gate(maximumLevel, {}) })),
  "exp": [[1], [5]].map((t) => ({
    inputs: [tensor(3, 0, one, t)],
    run: gate(exp, { digits: [1, 1, 1], tableScale: 1, ringBits: 2 }),
  })),
  "squares": [[3, -2], [0, 1]].map((x) => ({ inputs: [tensor(4, 0, two, x)], run: sumOfSquares(6) })),
  "squares, with a product": [[3, -2], [0, 1]].map((x) => ({
    inputs: [tensor(4, 0, one, [x[0]!]), tensor(4, 0, one, [x[1]!])],
    run: sumOfSquares(6),
  })),
  "rowFunction, one group": [[9], [21]].map((v) => ({
    inputs: [tensor(7, 0, one, v)],
    run: gate(rowFunction, {
      function: "reciprocal",
      ringBits: 2,
      scale: 6,
      lo: 3,
      hi: 5,
      mantissaBits: 1,
      octaves: 2,
      divisor: 1,
      offset: 0,
    }),
  })),
  "rowFunction, two groups": [[70], [130]].map((v) => ({
    inputs: [tensor(9, 0, one, v)],
    run: gate(rowFunction, {
      function: "rsqrt",
      ringBits: 1,
      scale: 3,
      lo: 6,
      hi: 8,
      mantissaBits: 1,
      octaves: 1,
      divisor: 1,
      offset: 0,
    }),
  })),
  "linear": [[3, -2, 1, 5], [0, 0, -4, 2]].map(([x0, x1, w0, w1]) => ({
    inputs: [tensor(5, 0, two, [x0!, x1!])],
    run: linearOpened,
    weights: weights(w0!, w1!),
  })),
  "linear, cut and added": [[1, -1, 1, 0, -1, 1, 1, 0], [0, 1, 0, 1, 1, -1, 0, 1]].map(([x0, x1, ...w]) => ({
    inputs: [tensor(2, 0, two, [x0!, x1!])],
    run: cutAndAdded,
    weights: wideWeights(...w),
  })),
  "embed": [[1, 0], [0, 1]].map((x) => ({
    inputs: [],
    run: embedOpened(4),
    weights: weights(-3, 2),
    clientInput: Float64Array.from(x),
  })),
  "input": [[1, -2], [0, 3]].map((x) => ({
    inputs: [],
    run: (ctx) => ctx.gate("gate", input, { extent: two, ringBits: 5, scale: 0 }),
    clientInput: Float64Array.from(x),
  })),
  "multiply": [[1, -2, 3], [0, 0, 5]].map(([a, b, c]) => ({
    inputs: [tensor(5, 0, two, [a!, b!]), tensor(5, 0, one, [c!])],
    run: product,
  })),
  "padding": [[1, -2, 3, 1], [0, 5, 7, 2]].map(([a, b, c, realTokens]) => ({
    inputs: [tensor(5, 0, two, [a!, b!]), tensor(5, 0, one, [c!])],
    run: paddedProduct({ below: 4, clip: 1 }),
    realTokens: realTokens!,
  })),
  "scores and mix": [0, 1].map((seed) => {
    const lane: Extent = { rows: 1, cols: [2] }, pair = [seed, 1 - 2 * seed];
    return {
      inputs: [
        tensor(3, 0, lane, pair),
        tensor(3, 0, one, [2 - seed]),
        tensor(3, 0, one, [seed]),
        tensor(3, 0, two, pair),
      ],
      run: attend(1, [1], 3),
    };
  }),
};

/** Cases of 12 pad bits and more. */
const SLOW = new Set(Object.keys(SMALL).filter((name) => /share|exp|two groups|scores/.test(name)));

for (const [name, tests] of Object.entries(SMALL)) {
  Deno.test(`what a party receives is jointly uniform whatever the secrets (exhaustive: ${name})`, () => {
    for (const setting of SETTINGS) {
      // One set of secrets per setting is enough where it takes long: exact uniformity leaves nothing to compare.
      const cases = SLOW.has(name) ? tests.slice(setting.explicit, setting.explicit + 1) : tests;
      assertUniform(cases, setting, { keys: SLOW.has(name) ? 1 : 2 });
    }
  });
}

Deno.test("what a party receives is jointly uniform whatever the secrets (exhaustive: splice, bits and words in turn)", () => {
  const tests = [[-5], [3]].map((x) => ({
    inputs: [tensor(4, 0, one, x)],
    run: gate(splice, { function: "silu", digits: [1, 2, 1], skip: 0, valueBits: 4, ringBits: 4, knownTo: "both" }),
  }));
  const isBit = (field: string): boolean => field === "symbols" || field === "bits";
  for (const setting of SETTINGS) {
    assertUniform(tests, setting, { keys: 1, pads: ({ field }) => isBit(field), units: ({ kind }) => kind === "xor" });
    assertUniform(tests.slice(1), setting, {
      keys: 1,
      pads: ({ field }) => !isBit(field),
      units: ({ kind }) => kind === "add",
    });
  }
});

Deno.test("what the client receives with a revealed output depends on the output alone", () => {
  // The key of the client holds r_z: with it the message is no secret, and (key, message) must have one distribution for all inputs and weights that agree in z.
  const view = (x: number[], w: number[]): string => {
    bench.use({ inputs: [tensor(4, 0, two, x)], run: linearRevealed, weights: weights(...w) });
    const seen: string[] = [];
    for (let pad = 0; pad < 16; pad++) {
      bench.pads.forEach((bit, i) => bench.setPadBit(bit, (pad >>> i) & 1));
      const messages = bench.evaluate();
      seen.push(`${bench.key(1)}/${messages.at(-1)}`);
    }
    assertEquals(new Set(seen).size, 16);
    return seen.sort().join("\n");
  };
  const first: UniformityCase = { inputs: [tensor(4, 0, two, [1, 2])], run: linearRevealed, weights: weights(1, 1) };
  const bench = new Bench(first, { corrupt: 1, explicit: 0 });
  assertEquals(bench.pads.length, 4);
  bench.randomise();
  const three = view([1, 2], [1, 1]);
  assertEquals(view([3, 0], [1, 5]), three);
  assertEquals(view([-1, 4], [1, 1]), three);
  assert(view([2, 2], [1, 1]) !== three);
});
