/** Truncation, SPEC.md §5.7. */

import { choosePermuted, permutedBits } from "../../../core/fss/permuted.ts";
import { truncate, type TruncateParams } from "../../../core/protocols/truncate/gate.ts";
import { binary, type Example, mod, signed } from "../example.ts";
import type { LawInput } from "../../law.ts";
import { type CaseVector, elements, type GateCase, type GateVectors, input, masks } from "../gate_vectors.ts";
import { comparisonRows, sayComparison } from "./comparison.ts";

function of(name: string, params: TruncateParams, z: LawInput): GateCase {
  return { name, params: { gate: params }, inputs: [z], run: (ctx, [z]) => ctx.gate("gate", truncate, params, z!) };
}

const small: TruncateParams = { by: 5, to: 8, rounding: "nearest", full: 0, knownTo: "both" };
const edges = [0, 1, -1, 511, 512, -512, -513, 2 ** 30 - 2 ** 11 - 1, -(2 ** 30)];

export const vectors: GateVectors = {
  section: "5.7",
  folder: "truncate",
  letters({ params, inputs: [z] }) {
    const p = params.gate as TruncateParams, n = z!.ringBits, chunks = choosePermuted(p.by, p.to);
    return {
      n,
      m: p.to,
      f: p.by,
      a: p.rounding === "nearest" ? 2 ** (p.by - 1) : 0,
      c: chunks.length,
      C: permutedBits(chunks),
      share: z!.kind === "share" ? 1 : 0,
      both: p.knownTo === "both" ? 1 : 0,
      full: p.full,
    };
  },
  counts: (test) => ({ element: elements(test) }),
  label: ({ inputs: [z] }) => z!.kind === "share" ? "truncate, of a share" : "truncate",
  words: { "given.carries": "m", "given.wrap": "max(0, m − n + f)", "free.pad": "m" },
  cases: [
    { ...of("worked example", small, input("wire", 10, 5, [-82])), ...masks([859]) },
    of("32 to 32 bits by 10", { ...small, by: 10, to: 32 }, input("wire", 32, 20, edges)),
    of(
      "a share, 32 to 20 bits by 10",
      { ...small, by: 10, to: 20, full: 1 },
      input("share", 32, 20, [0, 511, 512, -512, -513, 2 ** 28]),
    ),
    of(
      "a share to party 0, 32 to 32 bits by 12",
      { ...small, by: 12, to: 32, full: 1, knownTo: "party0" },
      input("share", 32, 24, edges),
    ),
    of(
      "down, 40 to 34 bits by 12",
      { ...small, by: 12, to: 34, rounding: "floor" },
      input("share", 40, 24, [-1, 4095, 4096, 2 ** 37, -(2 ** 37)]),
    ),
  ],
  example,
};

function example(ex: Example, { letters, inputs: [input] }: CaseVector): void {
  const { n, m, f, a } = letters as Record<string, number>, z = input!.values[0]!, r = input!.masks[0] as number;
  const masked = input!.masked![0] as number, raised = mod(masked + a! + 2 ** (n! - 2), n!);
  const chunks = choosePermuted(f!, m!), alpha = r % 2 ** f!, u = raised % 2 ** f!;
  ex.say(`n = ${n}, f = ${f}, m = ${m}, to nearest: a = ${a}. Chunks of ${chunks.join(" and ")} bits.`);
  ex.say();
  ex.table([
    [
      "secret",
      `z = ${signed(z)}`,
      `y = ⌊(${signed(z)} + ${a})/${2 ** f!}⌋ = ${signed(Math.floor((z + a!) / 2 ** f!))}`,
    ],
    [
      "dealer",
      `r = ${r} = ${binary(r, ...chunks, n! - f!)}₂`,
      `α = ${alpha}, r ≫ ${f} = ${r >> f!}, msb(r) = ${r >> (n! - 1)}`,
    ],
    ["public", `ẑ = ${masked}`, ""],
    [
      "",
      `ẑ⁺ = ${raised} = ${binary(raised, ...chunks, n! - f!)}₂`,
      `u = ${u}, ẑ⁺ ≫ ${f} = ${raised >> f!}, msb(ẑ⁺) = ${raised >> (n! - 1)}`,
    ],
  ]);
  const place = { chunks, alpha, u };
  const carries = ex.words("given", "carries"), wrap = ex.words("given", "wrap"), pad = ex.words("free", "pad");
  ex.say();
  ex.table([
    ["key", "party 0", "party 1", "together", ""],
    ...comparisonRows(ex, place).slice(0, -1),
    ["given.carries", ...carries.map((words) => words.join(", ")), "ρ_1,0 and ρ_1,1"],
    ["given.wrap", ...wrap.map((words) => words.join(", ")), "msb(r)"],
    ...comparisonRows(ex, place).slice(-1),
    ["free.pad", ...pad.map((words) => words.join(", ")), "pad"],
  ]);
  ex.say();
  ex.say("Exchange 1");
  const { path, bit, mask } = sayComparison(ex, place, 0);
  ex.say(`c = ${bit ^ mask} stands as ĉ = ${bit} under ρ_1,${path} = ${mask}.`);
  ex.say();
  const kept = 1 - (raised >> (n! - 1)), constant = (raised >> f!) - 2 ** (n! - 2 - f!) - bit, sent = ex.sent(1);
  const shares = [0, 1].map((party) => {
    const half = pad[party]![0]! - (1 - 2 * bit) * carries[party]![path]! + kept * wrap[party]![0]! * 2 ** (n! - f!);
    return mod(half + (party === 0 ? constant : 0), m!);
  });
  const sign = bit === 1 ? "+" : "−";
  ex.holds("what is sent in exchange 2", shares, [sent[0][0], sent[1][0]]);
  ex.say("Exchange 2");
  shares.forEach((share, party) => {
    const own = party === 0 ? `${raised >> f!} − ${2 ** (n! - 2 - f!)} − ${bit} + ` : "";
    ex.say(
      `party ${party} sends ${own}${pad[party]![0]} ${sign} ${carries[party]![path]} + ${kept}·${2 ** (n! - f!)}·${
        wrap[party]![0]
      } = ${share} mod ${2 ** m!}`,
    );
  });
  const opened = ex.opened(1)[0]!, out = mod(pad[2][0]! + (r >> f!), m!), y = Math.floor((z + a!) / 2 ** f!);
  ex.holds("ŷ", opened, mod(shares[0]! + shares[1]!, m!));
  ex.holds("y", mod(opened - out, m!), mod(y, m!));
  ex.say(
    `ŷ = ${opened},  r_y = ${pad[2][0]} + ${r >> f!} = ${out},  y = ${opened} − ${out} = ${signed(y)} mod ${2 ** m!}`,
  );
}
