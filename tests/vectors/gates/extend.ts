/** The same value in a wider ring, SPEC.md §5.17. */

import { extend, type ExtendParams } from "../../../core/protocols/extend/gate.ts";
import { type Example, mod, signed } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks, wireCase } from "../gate_vectors.ts";

function of(name: string, ringBits: number, gate: ExtendParams, x: readonly number[]): GateCase {
  return wireCase(name, extend, gate, input("wire", ringBits, 4, x));
}

export const vectors: GateVectors = {
  section: "5.17",
  folder: "extend",
  letters({ params, inputs: [x] }) {
    const { to, knownTo } = params.gate as ExtendParams;
    return { n: x!.ringBits, m: to, both: knownTo === "both" ? 1 : 0 };
  },
  counts: (test) => ({ element: elements(test) }),
  words: { "given.b": "m − n", "free.t": "m − n" },
  cases: [
    { ...of("worked example", 6, { to: 10, knownTo: "both" }, [-11]), ...masks([60]) },
    of("32 to 40 bits", 32, { to: 40, knownTo: "both" }, [0, -1, 2 ** 30 - 1, -(2 ** 30)]),
    of("22 to 32 bits, to party 0", 22, { to: 32, knownTo: "party0" }, [0, -1, 2 ** 20 - 1, -(2 ** 20)]),
  ],
  example(ex: Example, { letters }: CaseVector) {
    const { n, m } = letters as Record<"n" | "m", number>,
      { values: [x], masks: [r], masked: [hat] } = ex.input(0),
      h = 2 ** (n - 2),
      top = m - n;
    const raised = mod(hat! + h, n),
      u = raised - h,
      k = 1 - (raised >> (n - 1)),
      b = ex.words("given", "b"),
      t = ex.words("free", "t"),
      sent = ex.sent(0);
    ex.say(`n = ${n}, m = ${m}.`);
    ex.say();
    ex.table([
      ["secret", `x = ${signed(x!)}`, ""],
      ["dealer", `r = ${r}`, `b = msb(r) = ${r! >> (n - 1)}`],
      ["public", `x̂ = ${hat}`, `u = ${signed(u)}, k = ${k}`],
    ]);
    ex.say();
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ex.wordRow("given", "b", "b"),
      ex.wordRow("free", "t", "t"),
    ]);
    ex.say();
    const shares = [0, 1].map((p) => mod(k * b[p]![0]! + t[p]![0]!, top)), tau = mod(shares[0]! + shares[1]!, top);
    ex.holds("τ", shares, [sent[0][0], sent[1][0]]);
    const out = mod(u + 2 ** n * tau, m), mask = mod(r! + 2 ** n * t[2][0]!, m);
    ex.holds("x", mod(out - mask, m), mod(x!, m));
    ex.say(
      `party 0 sends ${k}·${b[0]} + ${t[0]} = ${shares[0]}, party 1 sends ${k}·${b[1]} + ${t[1]} = ${
        shares[1]
      }; opened τ = ${tau} mod ${2 ** top}`,
    );
    ex.say(
      `x̂' = ${signed(u)} + ${2 ** n}·${tau} = ${out},  r' = ${r} + ${2 ** n}·${
        t[2]
      } = ${mask},  x = ${out} − ${mask} = ${signed(x!)} mod ${2 ** m}`,
    );
  },
};
