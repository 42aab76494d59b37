import { EXACT_BITS, planned, RAGGED, random, testLaw, testRefusals, WIDTHS } from "../../../tests/gate_cases.ts";
import { opened, product } from "../../../tests/compositions.ts";
import type { Composition } from "../../../tests/law.ts";
import { columnExtent } from "../tensor.ts";
import { truncate } from "../truncate/gate.ts";
import { type AttentionParams, hold, mix, multiply, scores } from "./gate.ts";

testLaw(
  "multiply",
  Object.fromEntries(
    [20, 32, ...WIDTHS].map((m) => [
      `${m} bits`,
      [false, true].map((broadcast) => {
        const half = Math.min(m, EXACT_BITS) / 2 - 2, y = broadcast ? columnExtent(RAGGED) : RAGGED;
        return { inputs: [random(m, 10, RAGGED, half), random(m, 10, y, half)], run: product(broadcast) };
      }),
    ]),
  ),
);

/** Scores of queries and keys, truncated, and the mixture of values by them. */
function attend(step: AttentionParams, n: number, by: number): Composition<["wire", "wire", "wire"]> {
  return function* (ctx, [q, k, v], cache) {
    const keys = cache(step.kvHeads * step.width, n), values = cache(step.kvHeads * step.width, n);
    const query = yield* ctx.gate("q", hold, {}, q);
    ctx.store(keys, yield* ctx.gate("k", hold, {}, k));
    ctx.store(values, yield* ctx.gate("v", hold, {}, v));
    const s = yield* ctx.gate("scores", scores, step, query, keys);
    const p = yield* ctx.gate("t", truncate, { by, to: n, rounding: "nearest", full: 1, knownTo: "both" }, s);
    return yield* opened(ctx, yield* ctx.gate("mix", mix, step, yield* ctx.gate("p", hold, {}, p), values));
  };
}

/** One token a block: each sees `cols` tokens from `starts` on. */
function attention(step: AttentionParams, n: number, scale: number, bits: number, by: number) {
  const row = (width: number) => random(n, scale, { rows: 1, cols: step.cols.map(() => width) }, bits);
  const width = step.kvHeads * step.width;
  return { inputs: [row(step.heads * step.width), row(width), row(width)], run: attend(step, n, by) };
}

testLaw("scores and mix", {
  "over a cache, grouped heads and all": attention(
    { tokens: 1, heads: 4, kvHeads: 2, width: 6, cols: [1, 2, 2], starts: [0, 0, 1] },
    32,
    10,
    12,
    12,
  ),
  "in a narrower ring": attention(
    { tokens: 1, heads: 2, kvHeads: 1, width: 3, cols: [1, 2], starts: [0, 0] },
    25,
    5,
    7,
    8,
  ),
});

testRefusals("hold", [() => hold.plan({}, [planned(32, "party0")])]);
testRefusals("multiply", [() => {
  const [x, y] = [32, 20].map((n) => hold.plan({}, [planned(n)]).out);
  return multiply.plan({ broadcast: false }, [x!, y!]);
}]);
