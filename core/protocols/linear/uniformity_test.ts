import { assert, assertEquals } from "@std/assert";
import { random, secrets, tensor, testUniformity, TWO } from "../../../tests/gate_cases.ts";
import { embedOpened, linearOpened, opened } from "../../../tests/compositions.ts";
import type { Composition } from "../../../tests/law.ts";
import { Bench, type UniformityCase } from "../../../tests/uniformity_workbench.ts";
import { reveal } from "../open/gate.ts";
import { addShares, input, linear, shareColumns } from "./gate.ts";

const REF = { name: "w", inputs: 2, outputs: 1 }, WIDE = { ...REF, outputs: 3 }, PAIRS = { rows: 1, cols: [2, 2] };

function weights(...data: number[]): NonNullable<UniformityCase["weights"]> {
  return { w: { ref: data.length === 2 ? REF : WIDE, data: Int32Array.from(data) } };
}

/** Post-norm models open some columns of a product, and add others to a share before they open it. */
const cutAndAdded: Composition<["wire"]> = function* (ctx, [x]) {
  const params = { weights: WIDE, weightScale: 0 }, cut = (from: number, to: number) => ({ from, to, moreScale: 0 });
  const z = yield* ctx.gate("z", linear, params, x), other = yield* ctx.gate("other", linear, params, x);
  yield* opened(ctx.within("left"), yield* ctx.gate("left", shareColumns, cut(0, 2), z));
  const right = yield* ctx.gate("right", shareColumns, cut(2, 3), z);
  const first = yield* ctx.gate("first", shareColumns, cut(0, 1), other);
  return yield* opened(ctx, yield* ctx.gate("sum", addShares, {}, right, first));
};

/** A linear layer, revealed to the client. */
const revealed: Composition<["wire"]> = function* (ctx, [x]) {
  return yield* ctx.gate("reveal", reveal, {}, yield* ctx.gate("z", linear, { weights: REF, weightScale: 0 }, x));
};

function embedded(ringBits: number) {
  return embedOpened({ extent: TWO, ringBits, scale: 0, weights: REF, weightScale: 0 });
}

const single = linearOpened(REF, 0), cut = [[1, 0, -1, 1, 1, 0], [0, 1, 1, -1, 0, 1]];
testUniformity("linear", {
  small: {
    "linear": {
      tests: secrets(single, [[5, TWO]], [[3, -2]], [[0, 0]]).map((test, i) => ({
        ...test,
        weights: i === 0 ? weights(1, 5) : weights(-4, 2),
      })),
    },
    "linear, cut and added": {
      tests: secrets(cutAndAdded, [[2, TWO]], [[1, -1]], [[0, 1]]).map((test, i) => ({
        ...test,
        weights: weights(...cut[i]!),
      })),
    },
    "embed": {
      tests: [[1, 0], [0, 1]].map((x) => ({
        inputs: [],
        run: embedded(4),
        weights: weights(-3, 2),
        clientInput: Float64Array.from(x),
      })),
    },
    "input": {
      tests: [[1, -2], [0, 3]].map((x) => ({
        inputs: [],
        run: (ctx) => ctx.gate("gate", input, { extent: TWO, ringBits: 5, scale: 0 }),
        clientInput: Float64Array.from(x),
      })),
    },
  },
  full: {
    "linear": { inputs: [random(32, 10, PAIRS, 17)], run: single, weights: weights(1234, -77) },
    "linear, cut and added": {
      inputs: [random(32, 10, PAIRS, 17)],
      run: cutAndAdded,
      weights: weights(1234, -77, 5, 0, 9, -4096),
    },
    "embed": { inputs: [], run: embedded(32), weights: weights(1234, -77), clientInput: Float64Array.of(0, 1) },
    "input": {
      inputs: [],
      run: (ctx) => ctx.gate("gate", input, { extent: { rows: 2, cols: [1, 3] }, ringBits: 32, scale: 12 }),
      clientInput: Float64Array.from({ length: 8 }, (_, i) => 1000 * i),
    },
  },
});

Deno.test("what the client receives with a revealed output depends on the output alone", () => {
  // The key of the client holds r_z: with it the message is no secret, and (key, message) must have one distribution
  // for all inputs and weights that agree in z.
  const of = (x: number[], w: number[]) => ({ inputs: [tensor(4, 0, TWO, x)], run: revealed, weights: weights(...w) });
  const bench = new Bench(of([1, 2], [1, 1]), { corrupt: 1, explicit: 0 });
  const view = (x: number[], w: number[]): string => {
    bench.use(of(x, w));
    const seen: string[] = [];
    for (let pad = 0; pad < 16; pad++) {
      bench.pads.forEach((bit, i) => bench.setPadBit(bit, (pad >>> i) & 1));
      const messages = bench.evaluate();
      seen.push(`${bench.key(1)}/${messages.at(-1)}`);
    }
    assertEquals(new Set(seen).size, 16);
    return seen.sort().join("\n");
  };
  assertEquals(bench.pads.length, 4);
  bench.randomise();
  const three = view([1, 2], [1, 1]);
  assertEquals(view([3, 0], [1, 5]), three);
  assertEquals(view([-1, 4], [1, 1]), three);
  assert(view([2, 2], [1, 1]) !== three);
});
