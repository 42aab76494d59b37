/**
 * The steps of a function of one value per row, each defined for one row (SPEC.md §5.9). All octave groups are looked at, whichever counts.
 *
 * @module
 */

import { flatLookup } from "../../fss/flat_dpf.ts";
import { packChunks, pathCount, permutedPath, permutedSymbols, symbolCount, unpackChunks } from "../../fss/permuted.ts";
import { evalTreeLess, treeDpf } from "../../fss/tree_dpf.ts";
import type { FieldPlace } from "../../engine.ts";
import { kernel } from "../../kernel.ts";
import { lowMask } from "../../ring/words.ts";
import { rowFormula } from "./formula.ts";

/** Public words of one group in the list that the kernels read, in order. */
const GROUP = ["chunks", "chunkCount", "shift", "compare", "index", "words", "fromLow", "fromHigh"] as const;
const GROUP_LIST =
  "of every group: chunk sizes, their count, shift, first bits of comparison, one-hot and words, 2^from_bit";

/** The list of all groups; `places` finds a group's field in the given record. */
export function groupList(
  groups: readonly { readonly chunks: readonly number[]; readonly shift: number; readonly fromBit: number }[],
  places: Readonly<Record<string, FieldPlace>>,
): number[] {
  return groups.flatMap(({ chunks, shift, fromBit }, g) => [
    packChunks(chunks),
    chunks.length,
    shift,
    ...["compare", "index", "words"].map((field) => places[`${field}${g}`]!.at),
    fromBit < 32 ? 2 ** fromBit : 0,
    fromBit < 32 ? 0 : 2 ** (fromBit - 32),
  ]);
}

function groupOf(
  list: ArrayLike<number>,
  g: number,
): Record<(typeof GROUP)[number], number> & { readonly from: bigint } {
  const words = Object.fromEntries(GROUP.map((name, i) => [name, list[GROUP.length * g + i]!]));
  const group = words as Record<(typeof GROUP)[number], number>;
  return { ...group, from: BigInt(group.fromLow) | (BigInt(group.fromHigh) << 32n) };
}

/** Exchange 1: the XOR shares of all thresholds 1{v ≥ 2^from_bit} but the first, from one tree DPF. */
export const THRESHOLDS = kernel({
  name: "row_thresholds",
  reads: { v: { holds: "masked values", ring: true } },
  writes: { thresholds: { holds: "XOR share, secret" } },
  records: { free: { fields: ["root", "thresholds"] }, common: { record: "tree", fields: ["corrections"] } },
  params: { in_bits: "ring of v", group_count: "groups" },
  lists: { groups: GROUP_LIST, salt: "session salt of the tree's PRG" },
  byGroup: true,
  costNs: ({ in_bits, group_count }) => group_count * 50 * in_bits,
  element({ i, x, ring, free, common, p, list }) {
    const tree = treeDpf(p.in_bits - 1), salt = new Uint8Array(Uint32Array.from(list.salt!).buffer);
    const seed = Uint8Array.from({ length: 16 }, (_, byte) => free.part("root", 8 * byte, 8));
    let shares = free.word("thresholds", p.group_count - 1);
    for (let g = 1; g < p.group_count; g++) {
      const point = BigInt.asUintN(p.in_bits - 1, ring.v[i]! - groupOf(list.groups!, g).from);
      const key = {
        party: p.party as 0 | 1,
        seed,
        salt,
        corrections: common.bytes,
        bitOffset: common.place("corrections"),
      };
      shares ^= evalTreeLess(tree, key, point) << (g - 1);
    }
    x.thresholds[i] = shares;
  },
});

/** Exchange 1: the symbols of every group's carry, and its signed table values for both carries. */
export const SYMBOLS = kernel({
  name: "row_symbols",
  reads: { v: { holds: "masked values", ring: true } },
  writes: {
    symbols: { holds: "XOR shares, secret", per: "group_count" },
    values: { holds: "shares, secret", per: "value_count" },
  },
  records: { given: { fields: [] }, free: { fields: ["symbols", "values"] } },
  params: {
    group_count: "groups",
    value_count: "two values of each",
    index_bits: "bits of every group's index",
    symbol_bits: "width of a group's symbols in the free record",
    ring_bits: "n, ring of the values",
  },
  tables: { entries: { holds: "one table of every group", kind: "plain" } },
  lists: { groups: GROUP_LIST },
  byGroup: true,
  costNs: ({ group_count, index_bits }) => group_count * 2 ** index_bits / 2,
  element({ i, x, ring, given, free, p, tables, list }) {
    const n = p.ring_bits, last = lowMask(p.index_bits), { bytes, parity } = given;
    for (let g = 0; g < p.group_count; g++) {
      const { chunks, chunkCount, shift, compare, index } = groupOf(list.groups!, g), at = i * p.group_count + g;
      const low = Number(BigInt.asUintN(shift, ring.v[i]!)),
        mask = free.part("symbols", g * p.symbol_bits, symbolCount(chunkCount));
      x.symbols[at] = permutedSymbols(bytes, given.at + compare, unpackChunks(chunks, chunkCount), parity, low) ^ mask;
      const digit = Number(BigInt.asUintN(p.index_bits, ring.v[i]! >> BigInt(shift)));
      for (const carry of [0, 1]) {
        const point = (digit - carry) & last;
        const value = flatLookup(
          { bytes, at: given.at + index, bits: p.index_bits, parity },
          point,
          (j) => tables.entries[g]![j]!,
        );
        x.values[2 * at + carry] = ((1 - 2 * p.party) * value + free.word("values", n, 2 * g + carry)) & lowMask(n);
      }
    }
  },
});

/** Exchange 2: the value of the group that counts, under its pad. */
export const FINISH = kernel({
  name: "row_finish",
  reads: {
    v: { holds: "masked values", ring: true },
    opened: { holds: "opened thresholds" },
    symbols: { holds: "opened symbols", per: "group_count" },
    values: { holds: "opened values", per: "value_count" },
  },
  writes: { result: { holds: "share, secret" } },
  records: { given: { fields: [] }, free: { fields: ["pad"] } },
  params: { in_bits: "ring of v", group_count: "groups", value_count: "two values of each", ring_bits: "n" },
  lists: { groups: GROUP_LIST },
  costNs: ({ group_count }) => 40 * group_count,
  element({ i, x, ring, given, free, p, list }) {
    const n = p.ring_bits;
    // Masked 1{v ≥ 2^from_bit} of every group: the first is public, and beyond the last there is nothing.
    const reached = (g: number): number => {
      if (g === 0 || g === p.group_count) return g === 0 ? 1 : 0;
      const sign = Number(
        BigInt.asUintN(p.in_bits, ring.v[i]! - groupOf(list.groups!, g).from) >> BigInt(p.in_bits - 1),
      );
      return ((x.opened[i]! >>> (g - 1)) & 1) ^ sign ^ 1;
    };
    let sum = free.word("pad", n);
    for (let g = 0; g < p.group_count; g++) {
      const { chunkCount, words } = groupOf(list.groups!, g), at = i * p.group_count + g;
      const selected = permutedPath(x.symbols[at]!, chunkCount);
      sum += rowFormula(n, pathCount(chunkCount)).share({
        party: p.party as 0 | 1,
        values: {
          member: reached(g) ^ reached(g + 1),
          v0: x.values[2 * at]!,
          v1: x.values[2 * at + 1]!,
          carry: selected & 1,
        },
        path: selected >>> 1,
        word: (from, bits) => given.bit(words + from, bits),
      });
    }
    x.result[i] = sum & lowMask(n);
  },
});
