/** A function of one value per row, SPEC.md §5.9. */

import { choosePermuted, pathCount, permutedBits, symbolCount } from "../../../core/fss/permuted.ts";
import { treeDpf } from "../../../core/fss/tree_dpf.ts";
import { rowFunction, type RowFunctionParams } from "../../../core/protocols/row_function/gate.ts";
import { rowTable } from "../../../core/protocols/row_function/tables.ts";
import { less, lookup } from "../../reference/flat_dpf.ts";
import { binary, type Example, mod, row, signed, signedIn } from "../example.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks, wireCase } from "../gate_vectors.ts";

function of(name: string, ringBits: number, scale: number, gate: RowFunctionParams, v: readonly number[]): GateCase {
  return wireCase(name, rowFunction, gate, input("wire", ringBits, scale, v, { rows: v.length, cols: [1] }));
}

/** Shift and chunks of every group. */
function groupsOf(p: RowFunctionParams): { fromBit: number; shift: number; chunks: readonly number[] }[] {
  const count = Math.ceil((p.hi - p.lo) / p.octaves);
  return Array.from({ length: count }, (_, g) => {
    const fromBit = p.lo + g * p.octaves, shift = fromBit - p.mantissaBits;
    return { fromBit, shift, chunks: choosePermuted(shift, 4 * p.ringBits) };
  });
}

const small: RowFunctionParams = {
  function: "reciprocal",
  ringBits: 8,
  scale: 4,
  lo: 2,
  hi: 4,
  mantissaBits: 1,
  octaves: 1,
  divisor: 1,
  offset: 0,
};
const common = { ringBits: 32, mantissaBits: 7, octaves: 4, offset: 1e-5 };

export const vectors: GateVectors = {
  section: "5.9",
  folder: "row_function",
  letters({ params, inputs: [v] }) {
    const p = params.gate as RowFunctionParams, groups = groupsOf(p), n = v!.ringBits;
    const paths = groups.map(({ chunks }) => pathCount(chunks.length)),
      bits = groups.map(({ chunks }) => permutedBits(chunks));
    return {
      n,
      m: p.ringBits,
      G: groups.length,
      k: p.mantissaBits + p.octaves,
      w: Math.max(...groups.map(({ chunks }) => symbolCount(chunks.length))),
      T: treeDpf(n - 1).correctionBits,
      D: bits.reduce((a, b) => a + b, 0),
      P: paths.reduce((a, b) => a + b, 0),
      ...Object.fromEntries(groups.flatMap((_, g) => [[`C_${g}`, bits[g]!], [`P_${g}`, paths[g]!]])),
    };
  },
  counts: (test) => ({ row: elements(test) }),
  words: {
    ...Object.fromEntries(Array.from({ length: 8 }, (_, g) => [`given.words${g}`, "m"])),
    "free.values": "m",
    "free.pad": "m",
  },
  cases: [
    { ...of("worked example", 5, 2, small, [11]), ...masks([22]) },
    of("1/√ of 41 bits in five groups", 41, 24, {
      ...common,
      function: "rsqrt",
      scale: 12,
      lo: 21,
      hi: 40,
      divisor: 128,
    }, [2 ** 21, 2 ** 33 + 12345, 2 ** 40 - 1]),
    of("1/ of 32 bits in three groups", 32, 22, {
      ...common,
      function: "reciprocal",
      scale: 14,
      lo: 20,
      hi: 31,
      divisor: 1,
    }, [2 ** 20, 3 * 2 ** 27]),
  ],
  example(ex: Example, { letters, result }: CaseVector) {
    const { n, m, k } = letters as Record<"n" | "m" | "k", number>,
      { values: [v], masks: [r], masked: [hat] } = ex.input(0),
      q = 2 ** m,
      half = 2 ** (n - 1);
    const groups = groupsOf(small).map((group) => ({ ...group, table: [...rowTable(small, 2, group)] })), size = 2 ** k;
    ex.say(
      `1/v, n = ${n}, v at scale 2 in [${2 ** small.lo}, ${
        2 ** small.hi
      }), result at scale ${small.scale}, m = ${m}: words mod ${q}; groups of one octave, k = ${k}`,
    );
    ex.table(
      groups.map((
        { fromBit, shift, table },
        g,
      ) => [`group ${g}`, `from ${2 ** fromBit}`, `σ = ${shift}`, `T = (${table.join(", ")})`]),
    );
    ex.say();
    ex.table([
      [
        "secret",
        `v = ${v}`,
        `y = T_1[${v! >> 2}] = ${result.values[0]}, at scale 4: ${result.values[0]! / 16} (1/${v! / 4} = ${
          (4 / v!).toFixed(3)
        })`,
      ],
      ["dealer", `r = ${r} = ${binary(r!, n - 1, 1)}₂`, ""],
      ["public", `v̂ = ${hat} = ${binary(hat!, n - 1, 1)}₂`, ""],
    ]);
    ex.say();
    const thresholds = ex.bits("free", "thresholds", 0, 1),
      symbols = ex.bits("free", "symbols", 0, 2),
      values = ex.words("free", "values"),
      pad = ex.words("free", "pad");
    const corrections = ex.bits("tree", "corrections", 0, half)[0],
      roots = [0, 1].map((p) => ex.bits("free", "root", 0, half)[p]!);
    const leaves = roots.map((root, p) => root.map((bit, i) => bit ^ (p === 1 ? corrections[i]! : 0)));
    ex.holds(
      "the tree",
      leaves[0]!.map((bit, i) => bit ^ leaves[1]![i]!),
      Array.from({ length: half }, (_, i) => i === r! % half ? 1 : 0),
    );
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ...groups.flatMap(({ shift }, g) => [
        ex.oneHotRow("given", `compare${g}`, shift, r! % 2 ** shift),
        ex.oneHotRow("given", `index${g}`, k, (r! >> shift) % size),
        ...ex.wordRows("given", `words${g}`, ["s", "s·τ", "s·ρ", "s·τ·ρ", "E", "τ·E", "B"]),
      ]),
      ["free.thresholds", ...thresholds.map(row), "ρ of t_1"],
      ["free.symbols", ...symbols.map(row), "ρ of both carries"],
      ...ex.wordRows("free", "values", ["μ_0 of group 0", "μ_1", "μ_0 of group 1", "μ_1"]),
      ex.wordRow("free", "pad", "pad"),
    ]);
    ex.say();
    ex.say(
      `The tree of ${
        n - 1
      } bits has no levels: a leaf is the root seed's first ${half} bits, party 1's with the corrections.`,
    );
    ex.table([["leaf", ...leaves.map(row)], [
      "together",
      row(leaves[0]!.map((bit, i) => bit ^ leaves[1]![i]!)),
      `1 at r mod ${half} = ${r! % half}`,
    ]]);
    ex.say();

    ex.say("Step 1");
    const point = mod(hat! - 2 ** groups[1]!.fromBit, n - 1),
      shares = leaves.map((leaf, p) => (leaf.slice(0, point + 1).filter(Boolean).length + p) % 2);
    const t = shares[0]! ^ shares[1]! ^ thresholds[2][0]!, sign = mod(hat! - 2 ** groups[1]!.fromBit, n) >> (n - 1);
    ex.holds("the threshold", [t, shares[0]! ^ shares[1]!], [ex.opened(0)[0], point < r! % half ? 1 : 0]);
    ex.say(
      `t_1: 1{${point} < ${r! % half}} in shares ${shares.join(" and ")}, opened ${t}; t̂_1 = 1 ⊕ ${sign} ⊕ ${t} = ${
        1 ^ sign ^ t
      } under ${thresholds[2][0]} ⊕ ${r! >> (n - 1)}`,
    );
    const opened = ex.opened(0, 2),
      sent = ex.sent(0, 2),
      seen = ex.opened(0, 1),
      rows: string[][] = [["group", "carry opened", "v_0", "v_1"]];
    groups.forEach(({ shift, table }, g) => {
      const hot = ex.wholes("given", `index${g}`, k),
        compare = ex.wholes("given", `compare${g}`, shift),
        at = (hat! >> shift) % size;
      const bits = [0, 1].map((p) => less(compare[p]!, hat! % 2 ** shift)),
        carry = bits[0]! ^ bits[1]! ^ symbols[2][g]!;
      ex.holds("the carry", [carry, bits[0]! ^ bits[1]!], [seen[g], hat! % 2 ** shift < r! % 2 ** shift ? 1 : 0]);
      const cells = [0, 1].map((b) => {
        const i = 2 * g + b, sums = [0, 1].map((p) => lookup(hot[p]!, (at - b + size) % size, table));
        const words = [mod(sums[0]! + values[0][i]!, m), mod(values[1][i]! - sums[1]!, m)];
        ex.holds("a value", words, [sent[0][i], sent[1][i]]);
        return `${sums[0]} + ${values[0][i]} and −${sums[1]} + ${values[1][i]}: ${opened[i]}, which is ${
          signed(signedIn(opened[i]! - values[2][i]!, m))
        } + ${values[2][i]}`;
      });
      rows.push([`${g}`, `${carry}, under ${symbols[2][g]}`, ...cells]);
    });
    ex.table(rows);
    ex.say();

    ex.say("Step 2");
    const reached = [1, 1 ^ sign ^ t, 0], tMask = [0, thresholds[2][0]! ^ (r! >> (n - 1)), 0];
    let ry = pad[2][0]!;
    const totals = [pad[0][0]!, pad[1][0]!], parts: string[][] = [[], []];
    groups.forEach((_, g) => {
      const member = reached[g]! ^ reached[g + 1]!,
        tau = tMask[g]! ^ tMask[g + 1]!,
        rho = symbols[2][g]!,
        carry = seen[g]!,
        words = ex.words("given", `words${g}`);
      const [v0, v1] = [opened[2 * g]!, opened[2 * g + 1]!],
        [mu0, mu1] = [values[2][2 * g]!, values[2][2 * g + 1]!],
        s = signedIn(words[2][0]!, m);
      const E = s * (mu1 - mu0) * (1 - 2 * rho), B = (1 - 2 * tau) * s * (mu0 + rho * (mu1 - mu0));
      ex.holds(
        `the words of group ${g}`,
        words[2],
        [s, s * tau, s * rho, s * tau * rho, E, tau * E, B].map((word) => mod(word, m)),
      );
      ry += tau * s * (mu0 + rho * (mu1 - mu0));
      [0, 1].forEach((p) => {
        const [w, wTau, wRho, wTauRho, wE, wTauE, wB] = words[p] as [
          number,
          number,
          number,
          number,
          number,
          number,
          number,
        ];
        const sM = member * w + (1 - 2 * member) * wTau, sMRho = member * wRho + (1 - 2 * member) * wTauRho;
        const part = sM * v0 + (carry * sM + (1 - 2 * carry) * sMRho) * (v1 - v0) - member * wB -
          carry * (wTauE + member * (wE - 2 * wTauE));
        totals[p]! += part;
        parts[p]!.push(`${mod(part, m)}`);
      });
      ex.say(`group ${g}: m̂ = ${member}, τ = ${tau}: ${(member ^ tau) === 1 ? "the member" : "not the member"}`);
    });
    const last = totals.map((total) => mod(total, m)), y = ex.opened(1)[0]!, out = mod(ry, m);
    ex.holds("the shares", last, ex.sent(1).map(([share]) => share));
    ex.holds("y", mod(y - out, m), mod(result.values[0]!, m));
    last.forEach((share, p) => ex.say(`party ${p} sends ${parts[p]!.join(" + ")} + ${pad[p]} = ${share}`));
    ex.say(`ŷ = ${y},  r_y = ${out},  y = ${mod(y - out, m)}`);
  },
};
