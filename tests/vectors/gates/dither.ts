/** Truncation by a public coin, SPEC.md §5.15. */

import { dither, type DitherParams } from "../../../core/protocols/dither/gate.ts";
import type { LawInput } from "../../law.ts";
import { type Example, mod, signed } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks } from "../gate_vectors.ts";

function of(name: string, gate: DitherParams, z: LawInput): GateCase {
  return { name, params: { gate }, inputs: [z], run: (ctx, [z]) => ctx.gate("gate", dither, gate, z!) };
}

const edges = [0, 1, -1, 511, 512, -512, 1023, 2 ** 29, -(2 ** 29)];

export const vectors: GateVectors = {
  section: "5.15",
  folder: "dither",
  letters({ params, inputs: [z] }) {
    const p = params.gate as DitherParams, n = z!.ringBits, g = Math.max(0, p.to - n + p.by);
    const share = z!.kind === "share" ? 1 : 0, both = p.knownTo === "both" ? 1 : 0;
    return { n, m: p.to, f: p.by, g, share, both, alone: share === 1 && g > 0 && both === 0 ? 1 : 0 };
  },
  counts: (test) => ({ element: elements(test) }),
  label: ({ inputs: [z] }) => z!.kind === "share" ? "dither, of a share" : "dither",
  words: { "given.wrap": "g", "free.pad": "g" },
  cases: [
    { ...of("worked example", { by: 3, to: 8, knownTo: "both" }, input("wire", 8, 3, [-29])), ...masks([229]) },
    of("a wire, 32 to 22 bits by 10", { by: 10, to: 22, knownTo: "both" }, input("wire", 32, 20, edges)),
    of("a share, 32 to 32 bits by 10", { by: 10, to: 32, knownTo: "both" }, input("share", 32, 20, edges)),
    of("a share to party 0, 32 to 32 bits by 10", { by: 10, to: 32, knownTo: "party0" }, input("share", 32, 20, edges)),
    of(
      "a share, 40 to 36 bits by 12",
      { by: 12, to: 36, knownTo: "both" },
      input("share", 40, 24, [2 ** 37, -(2 ** 37), 5]),
    ),
  ],
  example(ex: Example, { letters }: CaseVector) {
    const { n, m, f, g } = letters as Record<"n" | "m" | "f" | "g", number>,
      { values: [z], masks: [r], masked: [hat] } = ex.input(0);
    const low = n - f,
      t = hat! % 2 ** f,
      s = hat! >> f,
      h = 2 ** (low - 2),
      raised = mod(s + h, low),
      u = raised - h,
      k = 1 - (raised >> (low - 1));
    const fraction = mod(z!, f), y = Math.floor(z! / 2 ** f) + (fraction > t ? 1 : 0);
    const wrap = ex.words("given", "wrap"), pad = ex.words("free", "pad"), sent = ex.sent(0);
    ex.say(`n = ${n}, f = ${f}, m = ${m}: n' = ${low}, g = ${g}.`);
    ex.say();
    ex.table([
      [
        "secret",
        `z = ${signed(z!)}`,
        `⌊z/${2 ** f}⌋ = ${signed(Math.floor(z! / 2 ** f))}, z mod ${2 ** f} = ${fraction}`,
      ],
      ["dealer", `r = ${r}`, `r ≫ ${f} = ${r! >> f}, msb(r) = ${r! >> (n - 1)}`],
      ["public", `ẑ = ${hat}`, `coin t = ${t}, s = ẑ ≫ ${f} = ${s}, u_s = ${signed(u)}, k_s = ${k}`],
    ]);
    ex.say();
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ex.wordRow("given", "wrap", "msb(r)"),
      ex.wordRow("free", "pad", "pad"),
    ]);
    ex.say();
    const shares = [0, 1].map((p) => mod(k * wrap[p]![0]! + pad[p]![0]!, g)), tau = mod(shares[0]! + shares[1]!, g);
    ex.holds("τ", shares, [sent[0][0], sent[1][0]]);
    const out = mod(u + 2 ** low * tau, m), ry = mod((r! >> f) + 2 ** low * pad[2][0]!, m);
    ex.holds("y", mod(out - ry, m), mod(y, m));
    ex.say(`the coin: ${fraction} > ${t} is ${fraction > t ? "true" : "false"}, so y = ${signed(y)}`);
    ex.say(
      `party 0 sends ${k}·${wrap[0]} + ${pad[0]} = ${shares[0]}, party 1 sends ${k}·${wrap[1]} + ${pad[1]} = ${
        shares[1]
      }; opened τ = ${tau}`,
    );
    ex.say(
      `ŷ = ${signed(u)} + ${2 ** low}·${tau} = ${out},  r_y = ${r! >> f} + ${2 ** low}·${
        pad[2]
      } = ${ry},  y = ${out} − ${ry} = ${signed(y)} mod ${2 ** m}`,
    );
  },
};
