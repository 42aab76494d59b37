/** The maximum of pairs, SPEC.md §5.10. */

import { choosePermuted, permutedBits } from "../../../core/fss/permuted.ts";
import { maximumLevel } from "../../../core/protocols/maximum/gate.ts";
import type { Extent } from "../../../core/protocols/tensor.ts";
import { binary, type Example, mod, signed } from "../example.ts";
import { type CaseVector, type GateCase, type GateVectors, input, masks, wireCase } from "../gate_vectors.ts";
import { comparisonRows, sayComparison } from "./comparison.ts";

function of(name: string, ringBits: number, x: readonly number[], extent?: Extent): GateCase {
  return wireCase(name, maximumLevel, {}, input("wire", ringBits, 0, x, extent));
}

export const vectors: GateVectors = {
  section: "5.10",
  folder: "maximum",
  letters({ inputs: [x] }) {
    const n = x!.ringBits, chunks = choosePermuted(n - 1, 2 * n);
    return { n, c: chunks.length, C: permutedBits(chunks) };
  },
  counts: ({ inputs: [x] }) => ({
    pair: x!.extent.rows * x!.extent.cols.reduce((sum, cols) => sum + Math.floor(cols / 2), 0),
  }),
  words: { "given.select": "n", "free.pad": "n" },
  cases: [
    { ...of("worked example", 7, [-20, 9]), ...masks([77, 40]) },
    of("10 bits, odd columns", 10, [5, -5, 255, -256, 0, 0, 3, -1, 2, 100], { rows: 2, cols: [2, 3] }),
    of("20 bits", 20, [2 ** 18 - 1, -(2 ** 18), -7, -7]),
  ],
  example(ex: Example, { letters: { n: bits }, result }: CaseVector) {
    const n = bits!, { values: [a, b], masks: [ra, rb], masked: [xa, xb] } = ex.input(0);
    const d = mod(xa! - xb!, n),
      rd = mod(ra! - rb!, n),
      low = 2 ** (n - 1),
      u = d % low,
      alpha = rd % low,
      chunks = choosePermuted(n - 1, 2 * n);
    ex.say(`n = ${n}: words mod ${2 ** n}. Chunks of ${chunks.join(" and ")} bits.`);
    ex.say();
    ex.table([
      ["secret", `a = ${signed(a!)}, b = ${b}`, `d = ${signed(a! - b!)}, g = ${a! >= b! ? 1 : 0}`],
      ["dealer", `r_a = ${ra}, r_b = ${rb}`, `r_d = ${rd} = ${binary(rd, ...chunks, 1)}₂, α = ${alpha}`],
      ["public", `â = ${xa}, b̂ = ${xb}`, `d̂ = ${d} = ${binary(d, ...chunks, 1)}₂, u = ${u}`],
    ]);
    const place = { chunks, alpha, u },
      select = ex.words("given", "select"),
      pad = ex.words("free", "pad"),
      rows = comparisonRows(ex, place);
    const paths = 2 ** (chunks.length - 1),
      top = rd >> (n - 1),
      masksOf = ex.bits("free", "symbols", paths - 1, paths)[2];
    const beta = masksOf.map((rho) => rho ^ top ^ 1);
    ex.holds("select", select[2], [
      ...beta,
      mod((1 - 2 * beta[0]!) * rd, n),
      ...beta.slice(1).map((bit) => mod((bit - beta[0]!) * rd, n)),
    ]);
    ex.say();
    ex.table([
      ["key", "party 0", "party 1", "together", ""],
      ...rows.slice(0, -1),
      ...[["β_0, β_1", 0, 2], ["(1 − 2β_0)·r_d", 2, 3], ["(β_1 − β_0)·r_d", 3, 4]].map(([what, from, to]) => [
        from === 0 ? "given.select" : "",
        ...select.map((words) => words.slice(from as number, to as number).join(", ")),
        what as string,
      ]),
      ...rows.slice(-1),
      ex.wordRow("free", "pad", "pad"),
    ]);
    ex.say();
    ex.say("Step 1");
    const { path, bit } = sayComparison(ex, place, 0);
    const g = bit ^ (d >> (n - 1));
    ex.say(
      `path ${path}, bit ${bit}: ĝ = ${bit} ⊕ ${d >> (n - 1)} = ${g}, and g = ${g} ⊕ β_${path} = ${g ^ beta[path]!}.`,
    );
    ex.holds("g", g ^ beta[path]!, a! >= b! ? 1 : 0);
    ex.say();
    ex.say("Step 2");
    const sent = ex.sent(1),
      shares = [0, 1].map((p) => {
        const word = (i: number): number => select[p]![i]!, apart = path > 0 ? word(paths + path) : 0;
        const share = mod(
          (p === 0 ? g * d : 0) + (1 - 2 * g) * (d * word(path) - apart) - g * word(paths) + pad[p]![0]!,
          n,
        );
        const own = path > 0 ? `(${d}·${word(path)} − ${apart})` : `${d}·${word(path)}`;
        ex.say(
          `party ${p} sends ${p === 0 ? `${g}·${d} + ` : ""}${signed(1 - 2 * g)}·${own} − ${g}·${word(paths)} + ${
            pad[p]
          } = ${share}`,
        );
        return share;
      });
    ex.holds("the shares", shares, [sent[0][0], sent[1][0]]);
    const opened = ex.opened(1)[0]!, max = mod(xb! + opened, n), r = mod(rb! + pad[2][0]! + beta[0]! * rd, n);
    ex.holds("the result", [max, r, mod(max - r, n)], [result.masked[0], result.mask[0], mod(Math.max(a!, b!), n)]);
    ex.say(`opened ${opened}: the masked maximum is ${xb} + ${opened} = ${max}`);
    ex.say(`r = ${rb} + ${pad[2]} + ${beta[0]}·${rd} = ${r}, and ${max} − ${r} = ${signed(Math.max(a!, b!))}`);
  },
};
