/**
 * A function of one positive value per row (1/√v, 1/v) by octave groups, all groups at once.
 *
 * v in [2^lo, 2^hi) of a ring of n bits is cut at 2^(e_g) into G groups. Group g looks at i = ⌊v / 2^(σ_g)⌋, which has k
 * bits there, in a table of its own. With the shared bit carry = 1{v̂ mod 2^(σ_g) < r mod 2^(σ_g)} (permuted selection)
 * the index is (v̂ ≫ σ_g) - (r ≫ σ_g) - carry; its value is looked up for both carries. Which group counts is
 * member = t_g ⊕ t_{g+1} with thresholds t_g = 1{v ≥ 2^(e_g)}, all from one tree DPF at r mod 2^(n-1), evaluated at
 * G - 1 public points. Exchange 1 opens thresholds, symbols and signed values, exchange 2
 *
 *   y = Σ_g member_g·s_g·((1 - carry_g)·(v_{g,0} - μ_{g,0}) + carry_g·(v_{g,1} - μ_{g,1})),
 *
 * a formula of opened values. Values outside [2^lo, 2^hi) give a wrong result, not a leak; the oracle asserts the range.
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.9; its m is the ring of the result, its D and T the bits
 *   of all comparisons and of the tree's corrections, P all paths together, w the symbols of the longest comparison
 * - **Exchanges:** `2`   **Sends:** `G - 1 + w·G + 2m·G`, `m` bits per row
 * - **Key:** `G·(oh(k) + 3m) + D + 4m·P + 2·8·⌈T / 8⌉` bits per row, those of the tree in both streams
 * - **Source:** our own; lookups, comparisons and the tree of SPEC §4
 *
 * @module
 */

import { oneHotBits } from "../../fss/flat_dpf.ts";
import { choosePermuted, dealPermuted, pathCount, permutedBits, symbolCount } from "../../fss/permuted.ts";
import { genTreeDpf, treeDpf } from "../../fss/tree_dpf.ts";
import { type KeyRecord, offsets, step, subtractTaken } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, assertWordRing, type Primitive } from "../primitive.ts";
import { blockCounts, elementCount, type Extent, type View, type Wire, wire } from "../tensor.ts";
import { rowTable } from "./tables.ts";
import { rowFormula } from "./formula.ts";
import { FINISH, groupList, SYMBOLS, THRESHOLDS } from "./kernels.ts";

/** Parameters of {@linkcode rowFunction}. */
export interface RowFunctionParams {
  /** "rsqrt": y = 2^scale / √(v / (divisor·2^inScale) + offset). "reciprocal": y = 2^scale / (v / 2^inScale). */
  readonly function: "rsqrt" | "reciprocal";
  /** Fractional bits of the result. */
  readonly scale: number;
  /** Ring of the result, at most 32 bits. */
  readonly ringBits: number;
  /** v lies in [2^lo, 2^hi). */
  readonly lo: number;
  /** End of the range, in bits; the ring of v has more. */
  readonly hi: number;
  /** Bits of precision of the index at the low end of a group. */
  readonly mantissaBits: number;
  /** Octaves of one group. */
  readonly octaves: number;
  /** Divides v before the root. */
  readonly divisor: number;
  /** Added before the root. */
  readonly offset: number;
}

/** Thresholds of a row fit into one word. */
const MAX_GROUPS = 33;

/** One octave group: the values in [2^fromBit, 2^fromBit of the next one). */
interface Group {
  readonly fromBit: number;
  /** Bits that the index drops. */
  readonly shift: number;
  readonly chunks: readonly number[];
  readonly symbols: number;
}

function groups(p: RowFunctionParams): Group[] {
  const out: Group[] = [];
  for (let fromBit = p.lo; fromBit < p.hi; fromBit += p.octaves) {
    const shift = fromBit - p.mantissaBits;
    if (shift < 1) {
      throw new RangeError(
        `Cannot index a row function as the lowest octave must be above ${p.mantissaBits}: received ${p.lo}`,
      );
    }
    const chunks = choosePermuted(shift, 4 * p.ringBits);
    out.push({ fromBit, shift, chunks, symbols: symbolCount(chunks.length) });
  }
  return out;
}

/** Width of the symbol word of a group: that of the largest. */
function symbolWidth(all: readonly Group[]): number {
  return Math.max(...all.map((group) => group.symbols));
}

function openings(p: RowFunctionParams, extent: Extent): [OpeningSize[], OpeningSize[]] {
  const all = groups(p),
    rows = elementCount(extent),
    thresholds = all.length - 1,
    symbols = symbolWidth(all),
    n = p.ringBits;
  return [[
    { kind: "xor", count: rows, bits: [thresholds, thresholds] },
    { kind: "xor", count: rows * all.length, bits: [symbols, symbols] },
    { kind: "add", count: rows * all.length * 2, bits: [n, n] },
  ], [{ kind: "add", count: rows, bits: [n, n] }]];
}

function key(p: RowFunctionParams, v: Wire<View>): KeyRecord[] {
  const counts = blockCounts(v.extent), all = groups(p), tree = treeDpf(v.ringBits - 1);
  const given = all.flatMap(({ chunks }, g) => [
    { name: `compare${g}`, bits: permutedBits(chunks) },
    { name: `index${g}`, bits: oneHotBits(p.mantissaBits + p.octaves) },
    { name: `words${g}`, bits: rowFormula(p.ringBits, pathCount(chunks.length)).bits },
  ]);
  return [
    { name: "given", kind: "given", counts, fields: given },
    {
      name: "free",
      kind: "free",
      counts,
      fields: [
        { name: "root", bits: 128 },
        { name: "thresholds", bits: all.length - 1 },
        { name: "symbols", bits: all.length * symbolWidth(all) },
        { name: "values", bits: all.length * 2 * p.ringBits },
        { name: "pad", bits: p.ringBits },
      ],
    },
    {
      name: "tree",
      kind: "common",
      counts,
      fields: [{ name: "corrections", bits: 8 * Math.ceil(tree.correctionBits / 8) }],
    },
  ];
}

/** Public tables of all groups. */
function tablesOf(p: RowFunctionParams, inScale: number): Uint32Array[] {
  return groups(p).map((group) => rowTable(p, inScale, group));
}

/** 1/√ or 1/ of one value per row. */
export const rowFunction: Primitive<RowFunctionParams, ["wire"], "wire"> = {
  name: "row",
  clear(p, [v]) {
    const all = groups(p).map((group) => ({ ...group, table: rowTable(p, v.scale, group) }));
    const data = v.data.map((value) => {
      if (!(value >= 2 ** p.lo && value < 2 ** p.hi)) {
        throw new RangeError(`Cannot take the ${p.function} of a row as its value must lie in [2^${p.lo}, 2^${p.hi})`);
      }
      const group = all.findLast((candidate) => value >= 2 ** candidate.fromBit)!;
      return group.table[Math.floor(value / 2 ** group.shift)]!;
    });
    assertRange(data, 2 ** (p.ringBits - 1), `hold the ${p.function} of a row in ${p.ringBits} bits`);
    return wire("clear", { ...v, ringBits: p.ringBits, scale: p.scale }, data);
  },
  plan(p, [v]) {
    if (p.hi > v.ringBits - 1) {
      throw new RangeError(`Cannot index a row function as the ring must hold 2^${p.hi}: received ${v.ringBits} bits`);
    }
    assertKnownToBoth(v, `take the ${p.function} of a row`);
    assertWordRing(p.ringBits, `take the ${p.function} of a row`);
    // The index of the last group ends at 2^(fromBit + octaves): above the ring it would miss the wrap of v̂.
    const indexed = groups(p).at(-1)!.fromBit + p.octaves;
    if (indexed > v.ringBits) {
      throw new RangeError(
        `Cannot index a row function as the ring must hold its last group, ${indexed} bits: received ${v.ringBits}`,
      );
    }
    const count = groups(p).length;
    if (count > MAX_GROUPS) {
      throw new RangeError(
        `Cannot index a row function as it must have at most ${MAX_GROUPS} groups: received ${count}`,
      );
    }
    return {
      out: wire("plan", { ...v, ringBits: p.ringBits, scale: p.scale }, null),
      key: key(p, v),
      opens: openings(p, v.extent),
    };
  },
  deal(p, [v], keys) {
    const all = groups(p),
      n = p.ringBits,
      indexBits = p.mantissaBits + p.octaves,
      q = v.ringBits,
      tree = treeDpf(q - 1),
      width = symbolWidth(all),
      given = keys.record("given"),
      free = keys.record("free"),
      common = keys.record("tree"),
      pads = offsets(keys, "free", ["thresholds", "symbols", "values", "pad"]),
      data = new Uint32Array(v.data.length);
    const parts = all.map(({ chunks, shift, symbols }, g) => {
      const formula = rowFormula(n, pathCount(chunks.length)), masks = formula.masks(data.length);
      const [compare, index, words] = ["compare", "index", "words"].map((name) => keys.offset("given", `${name}${g}`));
      return { chunks, shift, symbols, formula, masks, compare: compare!, hot: index!, words: words! };
    });
    for (let row = 0; row < data.length; row++) {
      const r = BigInt(v.data[row]!), top = Number(r >> BigInt(q - 1));
      given.seek(row);
      free.seek(row);
      common.seek(row);
      const seeds: [Uint8Array, Uint8Array] = [free.half(0, 0, 16), free.half(1, 0, 16)];
      common.bytes(0, genTreeDpf(tree, { alpha: BigInt.asUintN(q - 1, r), seeds, salt: keys.salt }));
      // Threshold t_g stands under ρ_g ⊕ msb(r); t_0 = 1 and t_G = 0 are public.
      const thresholds = all.map((_, g) => g === 0 ? 0 : free.xor(pads.thresholds + g - 1, 1) ^ top);
      parts.forEach(({ chunks, shift, symbols, masks, compare, hot }, g) => {
        const low = Number(BigInt.asUintN(shift, r)), index = Number(BigInt.asUintN(indexBits, r >> BigInt(shift)));
        masks.carry[row] = dealPermuted(given, compare, chunks, low, free.xor(pads.symbols + g * width, symbols));
        masks.s[row] = 2 * given.oneHot(hot, indexBits, index) - 1;
        masks.member[row] = thresholds[g]! ^ (thresholds[g + 1] ?? 0);
        masks.v0[row] = free.sum(pads.values + 2 * n * g, n);
        masks.v1[row] = free.sum(pads.values + 2 * n * g + n, n);
      });
      data[row] = free.sum(pads.pad, n);
    }
    for (const { formula, masks, words } of parts) {
      const [taken] = formula.deal(masks, keys.record("given"), words);
      subtractTaken(data, taken!, n);
    }
    return wire("mask", { ...v, ringBits: p.ringBits, scale: p.scale }, data);
  },
  *run(p, [v], keys) {
    const all = groups(p), [openFirst, openValue] = openings(p, v.extent), places = keys.record("given").fields;
    const counts = { group_count: all.length, value_count: 2 * all.length }, ring_bits = p.ringBits;
    const lists = { groups: groupList(all, places) }, salt = new Uint32Array(keys.salt.slice().buffer);
    const { thresholds } = step(keys, THRESHOLDS, {
      reads: { v: v.data },
      params: { in_bits: v.ringBits, group_count: all.length },
      lists: { ...lists, salt },
    });
    const { symbols, values } = step(keys, SYMBOLS, {
      reads: { v: v.data },
      params: { ...counts, index_bits: p.mantissaBits + p.octaves, symbol_bits: symbolWidth(all), ring_bits },
      tables: { entries: tablesOf(p, v.scale) },
      lists,
    });
    const opened = yield* open(openFirst, thresholds, symbols, values);
    const { result } = step(keys, FINISH, {
      reads: { v: v.data, opened: opened[0], symbols: opened[1], values: opened[2] },
      params: { ...counts, in_bits: v.ringBits, ring_bits },
      lists,
    });
    const [data] = yield* open(openValue, result);
    return wire("masked", { ...v, ringBits: p.ringBits, scale: p.scale }, data);
  },
};
