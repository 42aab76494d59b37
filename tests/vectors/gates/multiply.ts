/** Products of two wires and the standing shares of their masks, SPEC.md §5.4 and §5.5. */

import { openShare } from "../../../core/protocols/open/gate.ts";
import { hold, multiply } from "../../../core/protocols/products/gate.ts";
import { squares, type SquaresParams } from "../../../core/protocols/squares/gate.ts";
import { type Example, mod, signed } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks } from "../gate_vectors.ts";

function of(
  name: string,
  ringBits: number,
  x: readonly number[],
  y: readonly number[],
): GateCase<["wire", "wire"]> {
  const gate = { broadcast: y.length < x.length };
  return {
    name,
    params: { gate },
    inputs: [input("wire", ringBits, 4, x), input("wire", ringBits, 4, y)],
    *run(ctx, [x, y]) {
      const left = yield* ctx.gate("x", hold, {}, x), right = yield* ctx.gate("y", hold, {}, y);
      return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("gate", multiply, gate, left, right));
    },
  };
}

/** x of a narrower ring, whose standing shares the sum of its squares gives. */
function lifted(
  name: string,
  from: number,
  to: number,
  x: readonly number[],
  y: readonly number[],
): GateCase<["wire", "wire"]> {
  const gate = { broadcast: true }, sum: SquaresParams = { outBits: 40, operandBits: to };
  return {
    name,
    params: { squares: sum, gate },
    inputs: [input("wire", from, 4, x), input("wire", to, 4, y)],
    *run(ctx, [x, y]) {
      const { operand } = yield* ctx.gate("squares", squares, sum, x);
      const right = yield* ctx.gate("y", hold, {}, y);
      return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("gate", multiply, gate, operand, right));
    },
  };
}

export const vectors: GateVectors = {
  section: "5.5",
  folder: "products",
  letters: ({ inputs: [x, y] }) => ({ n: x!.ringBits, m: y!.ringBits }),
  counts: (test) => ({ element: elements(test) }),
  words: {
    "mask.r": "m",
    "pad.e": "m",
    "given.top": "m − n",
    "given.r": "40",
    "given.b": "40 − n",
    "given.br": "39 − n",
  },
  cases: [
    { ...of("worked example", 8, [6], [-7]), ...masks([100], [201]) },
    of("a row by one value, 32 bits", 32, [1, -2, 3, 2 ** 15, -(2 ** 15)], [-1021]),
    of("64 bits", 64, [2 ** 30, -(2 ** 30)], [2 ** 22, 2 ** 21 + 1]),
    lifted("24 bits lifted into 32", 24, 32, [1, -2, 2 ** 17, -(2 ** 17)], [-1021]),
  ],
  example(ex: Example, { letters }: CaseVector) {
    const n = letters.n!, X = ex.input(0), Y = ex.input(1), x = X.masked[0]!, y = Y.masked[0]!;
    const rx = ex.words("x#mask", "r"), ry = ex.words("y#mask", "r"), e = ex.words("gate#pad", "e");
    ex.say(`n = m = ${n}: all numbers mod ${2 ** n}.`);
    ex.say();
    ex.table([
      ["secret", `x = ${X.values[0]}`, `y = ${signed(Y.values[0]!)}`],
      ["dealer", `r_x = ${X.masks[0]}`, `r_y = ${Y.masks[0]}`],
      ["public", `x̂ = ${x}`, `ŷ = ${y}`],
    ]);
    ex.say();
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ["mask.r", ...rx.map(String), "r_x, from hold"],
      ["mask.r", ...ry.map(String), "r_y, from hold"],
      ["pad.e", ...e.map(String), "pad"],
    ]);
    ex.say();
    const z = [0, 1].map((p) => mod((p === 0 ? x * y : 0) - x * ry[p]![0]! - rx[p]![0]! * y + e[p]![0]!, n));
    const rz = mod(e[2][0]! - X.masks[0]! * Y.masks[0]!, n), sent = ex.sent(0), opened = mod(z[0]! + z[1]!, n);
    ex.holds("the shares", z, [sent[0][0], sent[1][0]]);
    ex.holds("z", mod(opened - rz, n), mod(X.values[0]! * Y.values[0]!, n));
    ex.say(`party 0   ${x}·${y} − ${x}·${ry[0]} − ${rx[0]}·${y} + ${e[0]} = ${z[0]}`);
    ex.say(`party 1   −${x}·${ry[1]} − ${rx[1]}·${y} + ${e[1]} = ${z[1]}`);
    ex.say(`dealer    r_z = ${e[2]} − ${X.masks[0]}·${Y.masks[0]} = ${rz}`);
    ex.say(`opened    ${opened}, and ${opened} − ${rz} = ${signed(X.values[0]! * Y.values[0]!)}`);
  },
};
