import { ONE, random, secrets, testUniformity, TWO } from "../../../tests/gate_cases.ts";
import { opened, product } from "../../../tests/compositions.ts";
import type { Composition } from "../../../tests/law.ts";
import { hold, mix, scores } from "./gate.ts";

/** Scores and a mixture, each opened. */
function attend(width: number, cols: readonly number[], n: number): Composition<["wire", "wire", "wire", "wire"]> {
  const step = { tokens: 1, heads: 2, kvHeads: 1, width, cols, starts: cols.map(() => 0) };
  return function* (ctx, [q, k, v, p], cache) {
    const keys = cache(width, n), values = cache(width, n);
    ctx.store(keys, yield* ctx.gate("k", hold, {}, k));
    ctx.store(values, yield* ctx.gate("v", hold, {}, v));
    const query = yield* ctx.gate("q", hold, {}, q);
    yield* opened(ctx.within("scores"), yield* ctx.gate("scores", scores, step, query, keys));
    return yield* opened(ctx, yield* ctx.gate("mix", mix, step, yield* ctx.gate("p", hold, {}, p), values));
  };
}

const wire = (rows: number, cols: number[], bits: number) => random(32, 10, { rows, cols }, bits);

testUniformity("products", {
  small: {
    "multiply": { tests: secrets(product(true), [[5, TWO], [5, ONE]], [[1, -2], [3]], [[0, 0], [5]]) },
    "scores and mix": {
      tests: secrets(
        attend(1, [1], 3),
        [[3, TWO], [3, ONE], [3, ONE], [3, TWO]],
        [[0, 1], [2], [0], [0, 1]],
        [[1, -1], [1], [1], [1, -1]],
      ),
      slow: true,
    },
  },
  full: {
    "multiply": { inputs: [wire(2, [1, 3], 15), wire(2, [1, 1], 15)], run: product(true) },
    "scores and mix": {
      inputs: [wire(1, [6, 6], 12), wire(1, [3, 3], 12), wire(1, [3, 3], 12), wire(2, [1, 2], 12)],
      run: attend(3, [1, 2], 32),
    },
  },
});
