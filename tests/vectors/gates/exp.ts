/** The exponential with a clip, SPEC.md §5.11. */

import { exp, type ExpParams } from "../../../core/protocols/exp/gate.ts";
import { expTables } from "../../../core/protocols/exp/tables.ts";
import { equal, less, lookup } from "../../reference/flat_dpf.ts";
import { binary, digitsOf, type Example, mod, row, signed, signedIn } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks, wireCase } from "../gate_vectors.ts";

function of(name: string, scale: number, gate: ExpParams, t: readonly number[]): GateCase {
  const ringBits = gate.digits.reduce((a, b) => a + b, 0);
  return wireCase(name, exp, gate, input("wire", ringBits, scale, t));
}

const small: ExpParams = { digits: [2, 2, 1], tableScale: 3, ringBits: 8 };
const WORDS = [
  "s",
  "s·μ",
  "s·ρ",
  "s·μ·ρ",
  "κ·s",
  "κ·s·μ",
  "κ·s·ρ",
  "κ·s·μ·ρ",
  "A_0",
  "A_1",
  "κ·A_0",
  "κ·A_1",
  "E",
  "κ·E",
  "(1 − 2κ)·μ·A_0",
];

export const vectors: GateVectors = {
  section: "5.11",
  folder: "exp",
  letters({ params }) {
    const { digits: [low, high, top], ringBits } = params.gate as ExpParams;
    return { n: low + high + top, m: ringBits, low, high, top };
  },
  counts: (test) => ({ element: elements(test) }),
  words: { "given.words": "m", "free.values": "m", "free.pad": "m" },
  cases: [
    { ...of("worked example, e^(−1.25)", 2, small, [5]), ...masks([27]) },
    of("digits 8, 6 and 6", 10, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }, [
      0,
      1,
      255,
      256,
      4097,
      16127,
      16128,
      16384,
      2 ** 19 - 1,
    ]),
  ],
  example(ex: Example, { letters, result }: CaseVector) {
    const { m, low, high, top } = letters as Record<"m" | "low" | "high" | "top", number>,
      sizes = [low, high, top],
      q = 2 ** m;
    const { values: [t], masks: [r], masked: [hat] } = ex.input(0), T = expTables([low, high, top], 2, 3);
    const [u, alpha, secret] = [hat!, r!, t!].map((value) => digitsOf(value, sizes)) as [number[], number[], number[]];
    ex.say(`digits of ${low}, ${high} and ${top} bits, m = ${m}: words mod ${q}; tables at scale 3, t at scale 2`);
    ex.say(`T_low = (${[...T.lowTable].join(", ")}), T_high = (${[...T.highTable].join(", ")})`);
    ex.say();
    ex.table([
      [
        "secret",
        `t = ${t} = ${binary(t!, ...sizes)}₂`,
        `y = ${T.lowTable[secret[0]!]}·${T.highTable[secret[1]!]} = ${result.values[0]}, at scale 6: ${
          (result.values[0]! / 64).toFixed(3)
        } (e^(−1.25) = ${Math.exp(-1.25).toFixed(3)})`,
      ],
      ["dealer", `r = ${r} = ${binary(r!, ...sizes)}₂`, ""],
      ["public", `t̂ = ${hat} = ${binary(hat!, ...sizes)}₂`, ""],
    ]);
    ex.say();
    const symbolMasks = ex.bits("free", "symbols", 0, 4),
      clip = ex.bits("free", "clip", 0, 1),
      values = ex.words("free", "values");
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ...(["low", "high", "top"] as const).map((field, i) => ex.oneHotRow("given", field, sizes[i]!, alpha[i]!)),
      ...ex.wordRows("given", "words", WORDS),
      ["free.symbols", ...symbolMasks.map(row), "ρ of carry, less, equal_0, equal_1"],
      ["free.clip", ...clip.map(row), "pad of ĝ"],
      ...ex.wordRows("free", "values", ["μ", "μ_0", "μ_1"]),
      ex.wordRow("free", "pad", "pad"),
    ]);
    ex.say();

    const hots = (["low", "high", "top"] as const).map((field, i) => ex.wholes("given", field, sizes[i]!)),
      size = 2 ** top;
    const shares = [0, 1].map((p) => {
      const [l, h, up] = hots.map((whole) => whole[p]!) as [number[], number[], number[]];
      return [less(l, u[0]!), less(h, u[1]!), equal(up, u[2]!), equal(up, (u[2]! - 1 + size) % size)];
    });
    const bits = shares[0]!.map((bit, i) => bit ^ shares[1]![i]!),
      opened = bits.map((bit, i) => bit ^ symbolMasks[2][i]!);
    ex.holds("the symbols", bits, [
      u[0]! < alpha[0]! ? 1 : 0,
      u[1]! < alpha[1]! ? 1 : 0,
      alpha[2] === u[2] ? 1 : 0,
      alpha[2] === (u[2]! - 1 + size) % size ? 1 : 0,
    ]);
    ex.holds("the opened symbols", ex.opened(0)[0], opened.reduceRight((word, bit) => 2 * word + bit, 0));
    ex.say("Step 1");
    ex.table([
      ["symbol", "value", "party 0 sends", "party 1 sends", "opened"],
      ...["carry", "less", "equal_0", "equal_1"].map((name, i) => [
        name,
        `${bits[i]}`,
        ...[0, 1].map((p) => `${shares[p]![i]} ⊕ ${symbolMasks[p]![i]} = ${shares[p]![i]! ^ symbolMasks[p]![i]!}`),
        `${opened[i]}`,
      ]),
    ]);
    const points = [[0, u[0]!, T.lowTable], [1, u[1]!, T.highTable], [
      1,
      (u[1]! - 1 + 2 ** high) % 2 ** high,
      T.highTable,
    ]] as const;
    const sums = points.map(([hot, at, table]) => [0, 1].map((p) => lookup(hots[hot]![p]!, at, [...table])));
    const sent = sums.map(([a, b], i) => [mod(a! + values[0][i]!, m), mod(values[1][i]! - b!, m)]),
      v = ex.opened(0, 1) as [number, number, number];
    ex.holds("the values", [0, 1].map((p) => sent.map((pair) => pair[p])), ex.sent(0, 1));
    ex.table([
      ["value", "party 0 sends", "party 1 sends", "opened", "without its mask"],
      ...["v_low", "v_0", "v_1"].map((name, i) => [
        name,
        `${sums[i]![0]} + ${values[0][i]} = ${sent[i]![0]}`,
        `−${sums[i]![1]} + ${values[1][i]} = ${sent[i]![1]}`,
        `${v[i]}`,
        signed(signedIn(v[i]! - values[2][i]!, m)),
      ]),
    ]);
    ex.say();

    ex.say("Step 2");
    const [carry, l, e0, e1] = opened as [number, number, number, number],
      D = e0 ^ e1,
      own = symbolMasks.map((mask) => mask[2]! ^ mask[3]!);
    const clips = [0, 1].map((p) =>
      (p === 0 ? e0 ^ (l & D) : 0) ^ (D & symbolMasks[p]![1]!) ^ (l & own[p]!) ^ clip[p]![0]!
    );
    const g = clips[0]! ^ clips[1]!, kappa = clip[2][0]! ^ (symbolMasks[2][1]! & own[2]!) ^ symbolMasks[2][2]!;
    ex.holds("the clip", [clips, g ^ kappa], [ex.sent(1).map(([bit]) => bit), secret[2] === 0 ? 1 : 0]);
    clips.forEach((bit, p) =>
      ex.say(
        `party ${p} sends ${p === 0 ? `(${e0} ⊕ ${l}·${D}) ⊕ ` : ""}${D}·${symbolMasks[p]![1]} ⊕ ${l}·${own[p]} ⊕ ${
          clip[p]![0]
        } = ${bit}`,
      )
    );
    ex.say(
      `ĝ = ${g}, κ = ${clip[2][0]} ⊕ ${symbolMasks[2][1]}·${own[2]} ⊕ ${symbolMasks[2][2]} = ${kappa}: g = ${
        g ^ kappa
      }`,
    );
    ex.say();

    ex.say("Step 3");
    const words = ex.words("given", "words"),
      pad = ex.words("free", "pad"),
      rho = symbolMasks[2][0]!,
      [low0] = v,
      chosen = v[1 + carry]!,
      delta = v[2 - carry]! - chosen;
    const s = signedIn(words[2][0]!, m),
      [mu, ...mus] = values[2],
      A = [0, 1].map((b) => s * mus[b ^ rho]!),
      E = mu! * (A[1]! - A[0]!);
    const monomials = [s, s * mu!, s * rho, s * mu! * rho];
    ex.holds(
      "the words",
      words[2],
      [
        ...monomials,
        ...monomials.map((word) => kappa * word),
        ...A,
        ...A.map((word) => kappa * word),
        E,
        kappa * E,
        (1 - 2 * kappa) * mu! * A[0]!,
      ].map((word) => mod(word, m)),
    );
    const P = (w: readonly number[], from: number, a: number): number =>
      w[from]! * low0 * chosen + w[from + 2]! * low0 * delta - w[a + carry]! * low0 - w[from + 1]! * chosen -
      w[from + 3]! * delta;
    const last = [0, 1].map((p) => {
      const w = words[p]!, more = g * w[14]! + carry * w[13]! + g * carry * (w[12]! - 2 * w[13]!);
      const [plain, clipped] = [mod(P(w, 0, 8), m), mod(P(w, 4, 10), m)];
      const share = mod(g * plain + (1 - 2 * g) * clipped + more + pad[p]![0]!, m);
      ex.say(
        `party ${p}   P = ${plain}, κP = ${clipped}; sends ${g}·${plain} + ${signed(1 - 2 * g)}·${clipped} + ${
          mod(more, m)
        } + ${pad[p]} = ${share}`,
      );
      return share;
    });
    ex.holds("the shares", last, ex.sent(2).map(([share]) => share));
    const y = ex.opened(2)[0]!, ry = mod(pad[2][0]! - kappa * mu! * A[0]!, m);
    ex.holds("y", mod(y - ry, m), mod(result.values[0]!, m));
    ex.say(
      `v = ${chosen}, Δ = ${signed(delta)}; ŷ = ${y},  r_y = ${pad[2]} − ${kappa}·${mu}·${
        signed(A[0]!)
      } = ${ry},  y = ${mod(y - ry, m)}`,
    );
  },
};
