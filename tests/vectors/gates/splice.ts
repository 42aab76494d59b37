/** Activation functions, SPEC.md §5.12. */

import { splice, type SpliceParams } from "../../../core/protocols/splice/gate.ts";
import { activationOf } from "../../../core/protocols/activations.ts";
import { bumpTable } from "../../../core/protocols/splice/tables.ts";
import { equal, less, lookup, predicate } from "../../reference/flat_dpf.ts";
import { binary, digitsOf, type Example, mod, row, signed, signedIn } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks, wireCase } from "../gate_vectors.ts";

function of(name: string, ringBits: number, scale: number, gate: SpliceParams, x: readonly number[]): GateCase {
  return wireCase(name, splice, gate, input("wire", ringBits, scale, x));
}

const small: SpliceParams = {
  function: "silu",
  digits: [2, 3, 2],
  skip: 0,
  valueBits: 8,
  ringBits: 8,
  knownTo: "both",
};
const edges = [0, 1, -1, 31, -32, 4095, 4096, -4096, -4097, 8191, 8192, -8192, -8193, 2 ** 18];
const SYMBOLS = ["carry", "windowLess", "equal_0", "equal_1", "signLess", "signEqual", "sign_0", "sign_1"];
const PAIRS = [
  "signEqual·carry",
  "carry·windowLess",
  "signEqual·sign",
  "carry·sign",
  "carry·equal",
  "windowLess·equal",
];
const WORDS = ["π", "s", "s·ω_0", "s·ω_1", "(1 − 2π)·r", "(1 − 2ω_0)·s·μ_0", "(1 − 2ω_1)·s·μ_1"];

export const vectors: GateVectors = {
  section: "5.12",
  folder: "splice",
  letters({ params, inputs: [x] }) {
    const { function: name, digits: [low, index, top], skip, valueBits, ringBits, knownTo } = params
      .gate as SpliceParams;
    const ramp = activationOf(name).asymptote === "ramp" ? 1 : 0;
    return { n: x!.ringBits, m: ringBits, d: valueBits, low, index, top, skip, ramp, both: knownTo === "both" ? 1 : 0 };
  },
  counts: (test) => ({ element: elements(test) }),
  words: {
    "given.words": [...WORDS.map(() => "m"), "(m − n)·ramp", "(m − n)·ramp", "m − d", "m − d", "m − d", "m − d"],
    "free.values": "d",
    "free.pad": "m",
  },
  cases: [
    { ...of("worked example", 8, 3, small, [5]), ...masks([171]) },
    of(
      "SiLU, digits 5, 9, 6, values of 16 bits",
      32,
      10,
      { ...small, digits: [5, 9, 6], valueBits: 16, ringBits: 32 },
      edges,
    ),
    of("GELU of 24 bits, rounded, to party 0", 24, 12, {
      function: "gelu",
      digits: [7, 8, 5],
      skip: 3,
      valueBits: 26,
      ringBits: 32,
      knownTo: "party0",
    }, edges),
    of("tanh + 1", 32, 10, {
      function: "tanh_plus_1",
      digits: [2, 11, 7],
      skip: 0,
      valueBits: 32,
      ringBits: 32,
      knownTo: "both",
    }, edges),
  ],
  example(ex: Example, { letters, inputs: [input], result }: CaseVector) {
    const { scale } = input!, one = 2 ** scale;
    const { m, low, index, top } = letters as Record<"m" | "low" | "index" | "top", number>,
      sizes = [low, index, top],
      q = 2 ** m,
      window = 2 ** (low + index - 1);
    const { values: [x], masks: [r], masked: [hat] } = ex.input(0),
      table = [...bumpTable("silu", [low, index, top], scale)].map((entry) => entry | 0);
    const raised = mod(hat! + window, m),
      [rLow, rIndex, rTop] = digitsOf(r!, sizes),
      [uLow, uIndex, uTop] = digitsOf(hat!, sizes),
      [, wIndex, wTop] = digitsOf(raised, sizes);
    const i = Math.floor((x! + window) / 2 ** low);
    ex.say(
      `SiLU at scale ${scale}, digits of ${low}, ${index} and ${top} bits: W = ${window}, ${2 ** index} steps of ${
        2 ** low
      } units. n = m = d = ${m}: words mod ${q}`,
    );
    ex.say(`T = (${table.map(signed).join(", ")})`);
    ex.say();
    ex.table([
      [
        "secret",
        `x = ${x}`,
        `i = ⌊(${x} + ${window})/${2 ** low}⌋ = ${i}, y = ${x} − ${signed(table[i]!)} = ${
          result.values[0]
        }, at scale ${scale}: ${result.values[0]! / one} (SiLU(${x! / one}) = ${
          (x! / one / (1 + Math.exp(-x! / one))).toFixed(3)
        })`,
      ],
      [
        "dealer",
        `r = ${r} = ${binary(r!, ...sizes, m - low - index - top)}₂`,
        `r_low = ${rLow}, r_index = ${rIndex}, r_top = ${rTop}`,
      ],
      [
        "public",
        `x̂ = ${hat} = ${binary(hat!, ...sizes, m - low - index - top)}₂`,
        `x̂_low = ${uLow}, x̂_index = ${uIndex}, x̂_top = ${uTop}`,
      ],
      [
        "",
        `x̂' = ${raised} = ${binary(raised, ...sizes, m - low - index - top)}₂`,
        `x̂'_index = ${wIndex}, x̂'_top = ${wTop}`,
      ],
    ]);
    ex.say();
    const rho = ex.bits("free", "symbols", 0, 8),
      pairs = ex.bits("given", "pairs", 0, 6),
      pads = ex.bits("free", "bits", 0, 3),
      values = ex.words("free", "values");
    const [c, w, e0, e1, l, e, s0, s1] = rho[2] as [number, number, number, number, number, number, number, number],
      sg = s0 ^ s1,
      eq = e0 ^ e1;
    ex.holds("the pairs", pairs[2], [e & c, c & w, e & sg, c & sg, c & eq, w & eq]);
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ...([["low", rLow], ["index", rIndex], ["top", rTop]] as const).map(([field, alpha], k) =>
        ex.oneHotRow("given", field, sizes[k]!, alpha!)
      ),
      ["given.pairs", ...pairs.map(row), PAIRS.join(", ")],
      ...ex.wordRows("given", "words", WORDS),
      ["free.symbols", ...rho.map(row), `ρ of ${SYMBOLS.join(", ")}`],
      ["free.bits", ...pads.map(row), "pads of p̂, ŵ_0, ŵ_1"],
      ...ex.wordRows("free", "values", ["μ_0", "μ_1"]),
      ex.wordRow("free", "pad", "pad"),
    ]);
    ex.say();

    ex.say("Step 1");
    const hots = (["low", "index", "top"] as const).map((field, k) => ex.wholes("given", field, sizes[k]!)),
      size = 2 ** top;
    const isNegative = (borrow: number) => (point: number): boolean =>
      (uTop! - borrow - point + 2 * size) % size >= size / 2;
    const shares = [0, 1].map((p) => {
      const [lows, indices, tops] = hots.map((whole) => whole[p]!) as [number[], number[], number[]];
      return [
        less(lows, uLow!),
        less(indices, wIndex!),
        equal(tops, wTop!),
        equal(tops, (wTop! - 1 + size) % size),
        less(indices, uIndex!),
        equal(indices, uIndex!),
        predicate(tops, isNegative(0)),
        predicate(tops, isNegative(1)),
      ];
    });
    const bits = shares[0]!.map((bit, k) => bit ^ shares[1]![k]!), opened = bits.map((bit, k) => bit ^ rho[2][k]!);
    ex.holds("the opened symbols", ex.opened(0)[0], opened.reduceRight((word, bit) => 2 * word + bit, 0));
    ex.table([
      ["symbol", "value", "party 0 sends", "party 1 sends", "opened"],
      ...SYMBOLS.map((name, k) => [
        name,
        `${bits[k]}`,
        ...[0, 1].map((p) => `${shares[p]![k]} ⊕ ${rho[p]![k]} = ${shares[p]![k]! ^ rho[p]![k]!}`),
        `${opened[k]}`,
      ]),
    ]);
    const v = ex.opened(0, 1),
      sent = ex.sent(0, 1),
      rows = [0, 1].map((b) => {
        const sums = [0, 1].map((p) => mod(lookup(hots[1]![p]!, (wIndex! - b + 2 ** index) % 2 ** index, table), m));
        const words = [mod(sums[0]! + values[0][b]!, m), mod(values[1][b]! - sums[1]!, m)];
        ex.holds(`v_${b}`, words, [sent[0][b], sent[1][b]]);
        return [
          `v_${b}`,
          `${sums[0]} + ${values[0][b]} = ${words[0]}`,
          `−${sums[1]} + ${values[1][b]} = ${words[1]}`,
          `${v[b]}`,
          signed(signedIn(v[b]! - values[2][b]!, m)),
        ];
      });
    ex.table([["value", "party 0 sends", "party 1 sends", "opened", "without its mask"], ...rows]);
    ex.say();

    ex.say("Step 2");
    const [C, W, E0, E1, L, E, S0, S1] = opened as [number, number, number, number, number, number, number, number],
      S = S0 ^ S1,
      Q = E0 ^ E1;
    const own = [0, 1].map((p) => {
      const [c, w, e0, e1, l, e, s0, s1] = rho[p] as [number, number, number, number, number, number, number, number],
        s = s0 ^ s1,
        q = e0 ^ e1;
      const [ec, cw, es, cs, cq, wq] = pairs[p] as [number, number, number, number, number, number],
        first = p === 0 ? 1 : 0;
      const negative = (first & (S0 ^ (L & S) ^ (E & C & S))) ^ (S & l) ^ (L & s) ^ (C & S & e) ^ (E & S & c) ^
        (E & C & s) ^ (S & ec) ^ (C & es) ^ (E & cs);
      const inside = (first & (E0 ^ (W & Q))) ^ (Q & w) ^ (W & q);
      const upper = (first & C & (E0 ^ (W & Q))) ^ (C & e0) ^ (E0 & c) ^ (C & Q & w) ^ (C & W & q) ^ (W & Q & c) ^
        (C & wq) ^ (Q & cw) ^ (W & cq);
      return [negative, inside ^ upper, upper].map((bit, k) => bit ^ pads[p]![k]!);
    });
    const got = own[0]!.map((bit, k) => bit ^ own[1]![k]!) as [number, number, number], both = (e0 & c) ^ (w & eq & c);
    const omega = [
      pads[2][0]! ^ 1 ^ s0 ^ (l & sg) ^ (e & c & sg),
      pads[2][1]! ^ e0 ^ (w & eq) ^ both,
      pads[2][2]! ^ both,
    ] as [number, number, number];
    const inWindow = i >= 0 && i < 2 ** index ? 1 : 0, borrow = bits[0]!;
    ex.holds("the bits", got.map((bit, k) => bit ^ omega[k]!), [
      x! >= 0 ? 1 : 0,
      inWindow & (1 - borrow),
      inWindow & borrow,
    ]);
    ex.holds(
      "what is sent of them",
      own.map((list) => list[0]! + 2 * list[1]! + 4 * list[2]!),
      ex.sent(1).map(([word]) => word),
    );
    ex.table([
      ["bit", "value", "party 0 sends", "party 1 sends", "opened", "mask"],
      ...["pos", "w_0", "w_1"].map((
        name,
        k,
      ) => [
        name,
        `${got[k]! ^ omega[k]!}`,
        `${own[0]![k]}`,
        `${own[1]![k]}`,
        `${got[k]}`,
        `${["π", "ω_0", "ω_1"][k]} = ${omega[k]}`,
      ]),
    ]);
    ex.say();

    ex.say("Step 3");
    const words = ex.words("given", "words"),
      pad = ex.words("free", "pad"),
      s = signedIn(words[2][1]!, m),
      [pi, ...om] = omega,
      [mu0, mu1] = values[2] as [number, number];
    ex.holds(
      "the words",
      words[2],
      [pi, s, s * om[0]!, s * om[1]!, (1 - 2 * pi) * r!, (1 - 2 * om[0]!) * s * mu0, (1 - 2 * om[1]!) * s * mu1].map((
        word,
      ) => mod(word, m)),
    );
    const [P, ...wanted] = got,
      last = [0, 1].map((p) => {
        const [wPi, wS, ...more] = words[p] as [number, number, number, number, number, number, number];
        const far = (p === 0 ? P * hat! : 0) + (1 - 2 * P) * hat! * wPi - P * more[2]!;
        const near = [0, 1].map((b) =>
          wanted[b]! * v[b]! * wS + (1 - 2 * wanted[b]!) * v[b]! * more[b]! - wanted[b]! * more[3 + b]!
        );
        const share = mod(far - near[0]! - near[1]! + pad[p]![0]!, m);
        ex.say(
          `party ${p}   ramp ${mod(far, m)}, bumps ${mod(near[0]!, m)} and ${mod(near[1]!, m)}; sends ${
            mod(far, m)
          } − ${mod(near[0]!, m)} − ${mod(near[1]!, m)} + ${pad[p]} = ${share}`,
        );
        return share;
      });
    ex.holds("the shares", last, ex.sent(2).map(([share]) => share));
    const y = ex.opened(2)[0]!, ry = mod(pad[2][0]! + pi * r! - s * om[0]! * mu0 - s * om[1]! * mu1, m);
    ex.holds("y", mod(y - ry, m), mod(result.values[0]!, m));
    ex.say(
      `ŷ = ${y},  r_y = ${pad[2]} + ${pi}·${r} − ${signed(s * om[0]!)}·${mu0} − ${
        signed(s * om[1]!)
      }·${mu1} = ${ry},  y = ${mod(y - ry, m)}`,
    );
  },
};
