/**
 * The steps of one tournament level, each defined for one pair of neighbouring columns a and b with d = a - b (SPEC.md §5.10).
 *
 * @module
 */

import { pathCount, permutedPath, permutedSymbols, symbolCount, unpackChunks } from "../../fss/permuted.ts";
import { kernel } from "../../kernel.ts";
import { lowMask } from "../../ring/words.ts";
import { maximumFormula } from "./formula.ts";

/** Exchange 1: the symbols of d̂ mod 2^(n-1). */
export const SYMBOLS = kernel({
  name: "maximum_symbols",
  over: "pair",
  reads: { x: { holds: "masked values", over: "element" } },
  writes: { symbols: { holds: "XOR share, secret" } },
  records: { given: { fields: ["compare"] }, free: { fields: ["symbols"] } },
  params: { ring_bits: "n", chunks: "chunk sizes, a byte each", chunk_count: "chunks" },
  costNs: () => 20,
  element({ i, at, x, given, free, p }) {
    const d = (x.x[at.x]! - x.x[at.x + 1]!) & lowMask(p.ring_bits - 1), chunks = unpackChunks(p.chunks, p.chunk_count);
    const symbols = permutedSymbols(given.bytes, given.place("compare"), chunks, given.parity, d);
    x.symbols[i] = symbols ^ free.word("symbols", symbolCount(p.chunk_count));
  },
});

/** Exchange 2: the share of g·d under its pad. */
export const SELECT = kernel({
  name: "maximum_select",
  over: "pair",
  reads: { x: { holds: "masked values", over: "element" }, opened: { holds: "opened symbols, public" } },
  writes: { result: { holds: "share, secret" } },
  records: { given: { fields: ["select"] }, free: { fields: ["pad"] } },
  params: { ring_bits: "n", chunk_count: "chunks" },
  costNs: () => 10,
  element({ i, at, x, given, free, p }) {
    const n = p.ring_bits, d = (x.x[at.x]! - x.x[at.x + 1]!) & lowMask(n), paths = pathCount(p.chunk_count);
    const selected = permutedPath(x.opened[i]!, p.chunk_count),
      j = selected >>> 1,
      g = (selected & 1) ^ (d >>> (n - 1));
    const share = maximumFormula(n, paths).share({
      party: p.party as 0 | 1,
      values: { larger: g, d },
      path: j,
      word: (at, bits) => given.part("select", at, bits),
    });
    x.result[i] = (free.word("pad", n) + share) & lowMask(n);
  },
});

/** What remains of a row: b + selected for each pair, the odd column carried over. */
export const MERGE = kernel({
  name: "maximum_merge",
  over: "row",
  reads: { x: { holds: "masked values", over: "element" }, selected: { holds: "opened values", over: "pair" } },
  writes: { result: { holds: "masked maxima", over: "half" } },
  params: { ring_bits: "n" },
  byGroup: true,
  costNs: (_, cols) => cols,
  element({ at, x, p }) {
    const pairs = p.cols >>> 1;
    for (let j = 0; j < pairs; j++) {
      x.result[at.result + j] = (x.x[at.x + 2 * j + 1]! + x.selected[at.selected + j]!) & lowMask(p.ring_bits);
    }
    if (p.cols % 2 === 1) x.result[at.result + pairs] = x.x[at.x + p.cols - 1]!;
  },
});
