/** Sums of squares, SPEC.md §5.8. */

import { squares, type SquaresParams } from "../../../core/protocols/squares/gate.ts";
import type { Extent } from "../../../core/protocols/tensor.ts";
import { type Example, mod, signed } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks } from "../gate_vectors.ts";

function of(
  name: string,
  ringBits: number,
  outBits: number,
  x: readonly number[],
  extent?: Extent,
): GateCase<["wire"]> {
  const gate: SquaresParams = { outBits, operandBits: ringBits };
  return {
    name,
    params: { gate },
    inputs: [input("wire", ringBits, 4, x, extent)],
    *run(ctx, [x]) {
      return (yield* ctx.gate("gate", squares, gate, x)).sum;
    },
  };
}

export const vectors: GateVectors = {
  section: "5.8",
  folder: "squares",
  letters: ({ params, inputs: [x] }) => ({
    n: x!.ringBits,
    m: (params.gate as SquaresParams).outBits,
    S: x!.extent.cols[0]!,
  }),
  counts: (test) => ({ element: elements(test), row: elements(test) / test.inputs[0]!.extent.cols[0]! }),
  words: { "given.r": "max(m, n)", "given.b": "max(0, m − n)", "given.br": "max(0, m − n − 1)", "pad.e": "m" },
  cases: [
    { ...of("worked example", 6, 10, [-9, 7]), ...masks([60, 20]) },
    of("two rows, 32 to 41 bits", 32, 41, [1, -2, 3, 2 ** 18, -(2 ** 18), 4095], { rows: 2, cols: [3] }),
    of("40 to 36 bits", 40, 36, [2 ** 15, -(2 ** 16), 77]),
  ],
  example(ex: Example, { letters }: CaseVector) {
    const n = letters.n!, m = letters.m!, { values: x, masks: r, masked } = ex.input(0), h = 2 ** (n - 2);
    const raised = masked.map((value) => mod(value + h, n)),
      u = raised.map((value) => value - h),
      k = raised.map((value) => 1 - (value >> (n - 1)));
    const b = r.map((mask) => mask >> (n - 1));
    ex.say(`n = ${n}, m = ${m}: sums mod ${2 ** m}. A row of two.`);
    ex.say();
    ex.table([
      ["secret", `x = (${x.map(signed).join(", ")})`, `Σx² = ${x[0]! ** 2 + x[1]! ** 2}`],
      ["dealer", `r = (${r.join(", ")})`, `b = msb(r) = (${b.join(", ")})`],
      ["public", `x̂ = (${masked.join(", ")})`, `u = (${u.map(signed).join(", ")}), k = (${k.join(", ")})`],
    ]);
    ex.say();
    const key = [0, 1].map((e) => (["r", "b", "br"] as const).map((field) => ex.words("given", field, e))),
      pad = ex.words("pad", "e");
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ...[0, 1].flatMap((e) => [
        ex.wordRow("given", "r", `r of x_${e}`, e),
        ex.wordRow("given", "b", "b", e),
        ex.wordRow("given", "br", "b·r", e),
      ]),
      ex.wordRow("pad", "e", "pad"),
    ]);
    ex.say();
    const q = 2 ** (n + 1), sent = ex.sent(0);
    const term = (p: number, e: number): number => {
      const [R, B, BR] = key[e]!.map((words) => words[p]![0]!);
      return (p === 0 ? u[e]! ** 2 : 0) - 2 * u[e]! * R! + k[e]! * (q * (u[e]! * B! - BR!) + 2 ** (2 * n) * B!);
    };
    const shares = [0, 1].map((p) => mod(term(p, 0) + term(p, 1) + pad[p]![0]!, m)),
      text = (value: number): string => value < 0 ? `(−${-value})` : `${value}`;
    ex.holds("the shares", shares, [sent[0][0], sent[1][0]]);
    for (const p of [0, 1]) {
      for (const e of [0, 1]) {
        const [R, B, BR] = key[e]!.map((words) => words[p]![0]!), square = p === 0 ? `${text(u[e]!)}² ` : "";
        ex.say(
          `party ${p}, x_${e}   ${square}− 2·${text(u[e]!)}·${R} + ${k[e]}·${q}·(${text(u[e]!)}·${B} − ${BR}) + ${
            k[e]
          }·${2 ** (2 * n)}·${B} = ${mod(term(p, e), m)}`,
        );
      }
      ex.say(`party ${p}        ${mod(term(p, 0), m)} + ${mod(term(p, 1), m)} + ${pad[p]} = ${shares[p]}`);
    }
    const rs = mod(pad[2][0]! - r[0]! ** 2 - r[1]! ** 2, m), opened = ex.opened(0)[0]!, sum = x[0]! ** 2 + x[1]! ** 2;
    ex.holds("the sum", mod(opened - rs, m), sum);
    ex.say(`dealer         r_s = ${pad[2]} − ${r[0]}² − ${r[1]}² = ${rs}`);
    ex.say(`opened         ${opened}, and ${opened} − ${rs} = ${sum}`);
  },
};
