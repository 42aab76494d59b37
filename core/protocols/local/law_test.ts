import { type Case, EXACT_BITS, random, testLaw, WIDTHS } from "../../../tests/gate_cases.ts";
import type { Composition } from "../../../tests/law.ts";
import type { LocalOp } from "../primitive.ts";
import { add, columns, firstRow, lastBlock, narrow } from "./gate.ts";

const EVEN = { rows: 2, cols: [4, 4] }, COLUMN = { rows: 3, cols: [4] };

/** Columns of a sum. */
// deno-lint-ignore require-yield -- nothing is opened
const columnsOfSum: Composition<["wire", "wire"]> = function* (ctx, [x, y]) {
  return ctx.local(columns, { from: 1, to: 3 }, ctx.local(add, {}, x, y));
};

function local<P>(op: LocalOp<P>, params: P): Composition<["wire"]> {
  // deno-lint-ignore require-yield -- nothing is opened
  return function* (ctx, [x]) {
    return ctx.local(op, params, x);
  };
}

function cases(m: number): Case[] {
  const bits = Math.min(m, EXACT_BITS) - 3, x = () => random(m, 3, EVEN, bits);
  return [
    { inputs: [x(), x()], run: columnsOfSum },
    ...[10, 20, 32, 33].filter((to) => to < m).map((to) => ({
      inputs: [random(m, 3, EVEN, to - 2)],
      run: local(narrow, { bits: to }),
    })),
    { inputs: [x()], run: local(lastBlock, {}) },
    { inputs: [random(m, 3, COLUMN, bits)], run: local(firstRow, {}) },
  ];
}

testLaw("a public-linear operation", Object.fromEntries([20, 32, ...WIDTHS].map((m) => [`${m} bits`, cases(m)])));
