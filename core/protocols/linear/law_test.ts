import {
  type Case,
  EXACT_BITS,
  ONE,
  planned,
  random,
  shared,
  testLaw,
  testRefusals,
  values,
  WIDTHS,
} from "../../../tests/gate_cases.ts";
import { embedOpened, linearOpened, onShare, opened } from "../../../tests/compositions.ts";
import type { Composition } from "../../../tests/law.ts";
import type { Extent } from "../tensor.ts";
import { addConstants, addShares, embed, input, linear, shareColumns } from "./gate.ts";

const REF = { name: "w", inputs: 6, outputs: 5 }, ROWS: Extent = { rows: 2, cols: [6, 6] };

/** Twice x·W + b, opened. */
const doubled: Composition<["wire"]> = function* (ctx, [x]) {
  const z = yield* ctx.gate("linear", linear, { weights: REF, weightScale: 10 }, x);
  const y = yield* ctx.gate("bias", addConstants, { constants: { name: "b", from: 1, count: 5 } }, z);
  return yield* opened(ctx, yield* ctx.gate("sum", addShares, {}, y, y));
};

/** Three of five columns of the client's input times W, opened. */
function cut(ringBits: number): Composition<[]> {
  const params = { extent: ROWS, ringBits, scale: 0, weights: REF, weightScale: 12 };
  return function* (ctx) {
    const z = yield* ctx.gate("embed", embed, params);
    return yield* opened(ctx, yield* ctx.gate("columns", shareColumns, { from: 1, to: 4, moreScale: 0 }, z));
  };
}

function cases(m: number): Case[] {
  const bits = Math.min(m, EXACT_BITS) - 15, wordsPerElement = m > 32 ? 2 : 1;
  const weights = { w: { ref: REF, data: Int32Array.from(values(30, 11, [3, 3])), wordsPerElement } } as const;
  const oneHot = Float64Array.from({ length: 24 }, (_, i) => i % 6 === 2 ? 1 : 0), clientInputBits = m;
  const whole = { extent: ROWS, ringBits: m, scale: 0, weights: REF, weightScale: 12 };
  return [
    { weights, inputs: [random(m, 10, ROWS, bits)], run: linearOpened(REF, 10) },
    {
      weights,
      constants: { b: Int32Array.of(9, 1, -2, 1 << 29, -5, 7) },
      inputs: [random(m, 10, ROWS, bits - 3)],
      run: doubled,
    },
    { weights, clientInput: oneHot, clientInputBits, inputs: [], run: embedOpened(whole) },
    { weights, clientInput: values(24, 12, [1, 0, 0, 0, 0, 1]), clientInputBits, inputs: [], run: cut(m) },
    {
      clientInput: values(24, bits),
      clientInputBits,
      inputs: [],
      run: (ctx) => ctx.gate("input", input, { extent: ROWS, ringBits: m, scale: 12 }),
    },
  ];
}

testLaw("linear, embed and input", Object.fromEntries([32, ...WIDTHS].map((m) => [`${m} bits`, cases(m)])));

testLaw("addConstants", {
  "party 0's vector repeats over the rows": {
    constants: { b: Int32Array.from(values(9, 20)) },
    inputs: [shared(random(32, 10, ROWS, 17))],
    run: onShare(addConstants, { constants: { name: "b", from: 3, count: 6 } }),
  },
});

const one = { weights: { name: "w", inputs: 1, outputs: 1 }, weightScale: 0 };
testRefusals(
  "linear and input",
  [
    () => input.plan({ extent: ONE, ringBits: 65, scale: 0 }, []),
    () => linear.plan(one, [planned(65)]),
  ],
  [() => linear.plan(one, [planned(32, "party0")])],
);
