/** What examples say about comparisons by permuted selection, SPEC.md §4.2. */

import { follow, pieces, symbols } from "../../reference/flat_dpf.ts";
import { digitsOf, type Example, row } from "../example.ts";

/** Where a comparison of an example lies, and its secret. */
export interface ComparisonPlace {
  readonly chunks: readonly number[];
  /** Secret α and public u. */
  readonly alpha: number;
  readonly u: number;
  /** Bit of the field "given.compare" where it begins, and of "free.symbols". */
  readonly field?: string;
}

/** The rows of an example's key table that hold a comparison and its mask bits. */
export function comparisonRows(ex: Example, { chunks, alpha, field = "compare" }: ComparisonPlace): string[][] {
  const digits = digitsOf(alpha, chunks), count = 2 ** chunks.length - 1;
  const masks = ex.bits("free", "symbols", 0, count), rows: string[][] = [];
  for (const { level, vector, from, bits } of pieces(chunks)) {
    const halves = ex.bits("given", field, from, bits), digit = digits[level]!;
    const mask = vector === null ? 1 : masks[2][2 ** (level - 1) - 1 + vector]!;
    const wanted = Array.from({ length: bits }, (_, i) => i === digit ? mask : 0);
    ex.holds(`level ${level} of ${field}`, halves[2], wanted);
    const what = vector === null
      ? `one-hot at α_${level} = ${digit}`
      : `ρ_${name(level - 1, vector)} = ${mask} at α_${level} = ${digit}`;
    rows.push([from === 0 ? `given.${field}` : "", ...halves.map(row), what]);
  }
  rows.push([
    "free.symbols",
    ...masks.map(row),
    `mask bits ρ_${Array.from({ length: count }, (_, i) => flat(i)).join(", ρ_")}`,
  ]);
  return rows;
}

/** Index of a symbol as the page writes it: its level and its place there. */
function name(level: number, place: number): string {
  return level === 0 ? "0" : `${level},${place}`;
}

function flat(symbol: number): string {
  const level = Math.floor(Math.log2(symbol + 1));
  return name(level, symbol - 2 ** level + 1);
}

/** Says how the symbols of an exchange come about, and returns the path and the result behind its mask bit. */
export function sayComparison(
  ex: Example,
  { chunks, alpha, u, field = "compare" }: ComparisonPlace,
  exchange: number,
): { path: number; bit: number; mask: number } {
  const explicitAt = ex.explicitAt("given"), count = 2 ** chunks.length - 1;
  const size = ex.field("given", field)[0].length * 4;
  const keys = ex.bits("given", field, 0, size), masks = ex.bits("free", "symbols", 0, count), sent = ex.sent(exchange);
  const shares = [0, 1].map((party) => symbols(keys[party]!, chunks, party === explicitAt, u));
  const toBits = (word: number): number[] => Array.from({ length: count }, (_, i) => (word >> i) & 1);
  shares.forEach((share, party) =>
    ex.holds(`symbols of party ${party}`, toBits(sent[party]![0]!), share.map((bit, i) => bit ^ masks[party]![i]!))
  );
  const opened = shares[0]!.map((bit, i) => bit ^ shares[1]![i]! ^ masks[2][i]!),
    { path, bit } = follow(opened, chunks.length);
  const us = digitsOf(u, chunks), alphas = digitsOf(alpha, chunks), values: number[] = [];
  chunks.forEach((_, level) => {
    const less = us[level]! < alphas[level]! ? 1 : 0, equal = us[level] === alphas[level] ? 1 : 0;
    for (let i = 0; i < 2 ** level; i++) {
      const below = level === 0 ? 0 : masks[2][2 ** (level - 1) - 1 + (i >> 1)]!;
      values.push(level === 0 ? less : less ^ (((i & 1) ^ below) * equal));
    }
  });
  ex.holds("symbols", opened, values.map((value, i) => value ^ masks[2][i]!));
  ex.table([
    ["symbol", "value", "party 0 sends", "party 1 sends", "opened"],
    ...values.map((value, i) => [
      `s_${flat(i)}`,
      `${value}`,
      `${shares[0]![i]} ⊕ ${masks[0][i]} = ${shares[0]![i]! ^ masks[0][i]!}`,
      `${shares[1]![i]} ⊕ ${masks[1][i]} = ${shares[1]![i]! ^ masks[1][i]!}`,
      `${opened[i]}`,
    ]),
  ]);
  const mask = masks[2][2 ** (chunks.length - 1) - 1 + path]!;
  ex.holds("the comparison", bit ^ mask, u < alpha ? 1 : 0);
  return { path, bit, mask };
}
