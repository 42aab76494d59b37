/**
 * One level of a row maximum: pairs (a, b) become max(a, b) = b + g·(a - b), g = 1{a - b ≥ 0}; an odd last column is carried over.
 *
 * For d = a - b in n bits, |d| < 2^(n-1): g = 1 ⊕ msb(d̂) ⊕ msb(r_d) ⊕ 1{d̂ mod 2^(n-1) < r_d mod 2^(n-1)}, the comparison by permuted selection. Its result
 * stands under one of 2^(c-1) mask bits β_j. With the public ĝ and j from the opened symbols,
 *
 *   g·d + β_0·r_d = ĝ·d̂ + (1 - 2ĝ)·d̂·[β_j] - ĝ·[(1 - 2β_0)·r_d] - (1 - 2ĝ)·[(β_j - β_0)·r_d],     r = r_b + pad + β_0·r_d.
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.10
 * - **Exchanges:** `2`   **Sends:** `2^c - 1`, `n` bits per pair   **Key:** `C + 2^c·n` bits per pair
 * - **Source:** our own; the comparison of SPEC §4.2
 *
 * @module
 */

import { choosePermuted, dealPermuted, packChunks, pathCount, permutedBits, symbolCount } from "../../fss/permuted.ts";
import { lowMask } from "../../ring/words.ts";
import { type KeyRecord, offsets, step } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, type Primitive } from "../primitive.ts";
import { blockCounts, elementCount, type Extent, maskWords, type View, type Wire, wire } from "../tensor.ts";
import { maximumFormula } from "./formula.ts";
import { MERGE, SELECT, SYMBOLS } from "./kernels.ts";

/** The columns that remain after one level. */
function halved(extent: Extent): Extent {
  return { rows: extent.rows, cols: extent.cols.map((cols) => Math.ceil(cols / 2)) };
}

/** Calls `visit(from, pair, to)` for every result: its first source element, and which pair it comes from; -1 where the last column is carried over. */
function eachResult(extent: Extent, visit: (from: number, pair: number, to: number) => void): void {
  let from = 0, pair = 0, to = 0;
  for (const cols of extent.cols) {
    for (let row = 0; row < extent.rows; row++) {
      for (let c = 0; c + 1 < cols; c += 2) visit(from + c, pair++, to++);
      if (cols % 2 === 1) visit(from + cols - 1, -1, to++);
      from += cols;
    }
  }
}

function layout(x: Wire<View>) {
  const bits = x.ringBits,
    chunks = choosePermuted(bits - 1, 2 * bits),
    symbols = symbolCount(chunks.length),
    paths = pathCount(chunks.length);
  const pairs: Extent = { rows: x.extent.rows, cols: x.extent.cols.map((cols) => Math.floor(cols / 2)) },
    count = elementCount(pairs);
  const openSymbols: OpeningSize[] = [{ kind: "xor", count, bits: [symbols, symbols] }],
    openSelected: OpeningSize[] = [{ kind: "add", count, bits: [bits, bits] }];
  return { bits, chunks, symbols, paths, pairs, openSymbols, openSelected };
}

/**
 * One tournament level.
 *
 * @example The larger of two values, and the last one carried over
 * ```ts
 * import { clearOf, costOf } from "sluice/core/protocols/cost.ts";
 * import { maximumLevel } from "sluice/core/protocols/maximum/gate.ts";
 * import { wire } from "sluice/core/protocols/tensor.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const x = wire("clear", { ringBits: 10, scale: 0, extent: { rows: 1, cols: [3] } }, Float64Array.of(-3, 5, 4));
 *
 * assertEquals([...clearOf(maximumLevel, {}, [x]).data], [5, 4]);
 * assertEquals(costOf(maximumLevel, {}, x).sentBytes, [1 + 2, 1 + 2]); // symbols and 10 bits of one pair
 * ```
 */
export const maximumLevel: Primitive<Record<never, never>, ["wire"], "wire"> = {
  name: "maximum",
  clear(_p, [x]) {
    const out = halved(x.extent), data = new Float64Array(elementCount(out)), differences: number[] = [];
    eachResult(x.extent, (from, pair, to) => {
      const a = x.data[from]!, b = pair < 0 ? a : x.data[from + 1]!;
      differences.push(a - b);
      data[to] = Math.max(a, b);
    });
    assertRange(Float64Array.from(differences), 2 ** (x.ringBits - 1), `compare ${x.ringBits}-bit values`);
    return wire("clear", { ...x, extent: halved(x.extent) }, data);
  },
  plan(_p, [x]) {
    assertKnownToBoth(x, "compare wires");
    const { bits, chunks, symbols, paths, pairs, openSymbols, openSelected } = layout(x), counts = blockCounts(pairs);
    const key: KeyRecord[] = [{
      name: "given",
      kind: "given",
      counts,
      fields: [{ name: "compare", bits: permutedBits(chunks) }, {
        name: "select",
        bits: maximumFormula(bits, paths).bits,
      }],
    }, { name: "free", kind: "free", counts, fields: [{ name: "symbols", bits: symbols }, { name: "pad", bits }] }];
    return {
      out: wire("plan", { ...x, extent: halved(x.extent) }, null),
      key,
      opens: [openSymbols, openSelected],
    };
  },
  deal(_p, [x], key) {
    const { bits, chunks, symbols, paths, pairs } = layout(x),
      r = maskWords(x),
      data = new Uint32Array(elementCount(halved(x.extent))),
      masks = maximumFormula(bits, paths).masks(elementCount(pairs)),
      given = key.record("given"),
      free = key.record("free"),
      at = offsets(key, "given", ["compare", "select"]),
      pads = offsets(key, "free", ["symbols", "pad"]);
    eachResult(x.extent, (from, pair, to) => {
      data[to] = pair < 0 ? r[from]! : r[from + 1]!;
      if (pair < 0) return;
      given.seek(pair);
      free.seek(pair);
      const d = (r[from]! - r[from + 1]!) & lowMask(bits), low = d & lowMask(bits - 1), flip = (d >>> (bits - 1)) - 1;
      // Every path's mask bit: β_j = ρ_j ⊕ msb(r_d) ⊕ 1.
      masks.larger[pair] = dealPermuted(given, at.compare, chunks, low, free.xor(pads.symbols, symbols)) ^ flip;
      masks.d[pair] = d;
      data[to]! += free.sum(pads.pad, bits);
    });
    const [taken] = maximumFormula(bits, paths).deal(masks, key.record("given"), at.select);
    eachResult(x.extent, (_, pair, to) => {
      if (pair >= 0) data[to] = (data[to]! - taken![pair]!) & lowMask(bits);
    });
    return wire("mask", { ...x, extent: halved(x.extent) }, data);
  },
  *run(_p, [x], key) {
    const { bits, chunks, openSymbols, openSelected } = layout(x), { extent } = x, chunk_count = chunks.length;
    const params = { ring_bits: bits, chunk_count };
    const { symbols } = step(key, SYMBOLS, {
      reads: { x: x.data },
      params: { ...params, chunks: packChunks(chunks) },
      extent,
    });
    const [opened] = yield* open(openSymbols, symbols);
    const share = step(key, SELECT, { reads: { x: x.data, opened }, params, extent });
    const [selected] = yield* open(openSelected, share.result);
    const { result } = step(key, MERGE, { reads: { x: x.data, selected }, params: { ring_bits: bits }, extent });
    return wire("masked", { ...x, extent: halved(x.extent) }, result);
  },
};
