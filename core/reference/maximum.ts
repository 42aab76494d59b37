/**
 * One tournament level, step by step.
 *
 * @module
 */

import type { Extent, Handle, MaximumStep, RecordView } from "../engine.ts";
import { pathCount, permutedBits, permutedPath, permutedSymbols, symbolCount } from "../fss/permuted.ts";
import { lowMask } from "../ring/words.ts";
import { Cursor, tensor, words } from "./memory.ts";

/** Calls `visit(from, pair, to)` for every result of a tournament level; pair is -1 where the last column is carried over. */
function eachPair(extent: Extent, visit: (from: number, pair: number, to: number) => void): void {
  let from = 0, pair = 0, to = 0;
  for (const cols of extent.cols) {
    for (let row = 0; row < extent.rows; row++, from += cols) {
      for (let c = 0; c + 1 < cols; c += 2) visit(from + c, pair++, to++);
      if (cols % 2 === 1) visit(from + cols - 1, -1, to++);
    }
  }
}

/** {@linkcode Engine.maximumSymbols}, as loops. */
export function maximumSymbols(step: MaximumStep, x: Handle, given: RecordView, free: RecordView): Handle {
  const data = words(x),
    out: number[] = [],
    key = new Cursor(given),
    pads = new Cursor(free),
    count = symbolCount(step.chunks.length),
    low = 2 ** (step.bits - 1) - 1;
  eachPair(step.extent, (from, pair) => {
    if (pair < 0) return;
    key.seek(pair);
    const d = (data[from]! - data[from + 1]!) & low;
    out.push(permutedSymbols(key.bytes, key.at, step.chunks, key.parity, d) ^ pads.seek(pair).field(0, count));
  });
  return tensor(Uint32Array.from(out));
}

/** {@linkcode Engine.maximumSelect}, as loops. */
export function maximumSelect(
  party: 0 | 1,
  step: MaximumStep,
  x: Handle,
  opened: Handle,
  given: RecordView,
  free: RecordView,
): Handle {
  const data = words(x),
    symbols = words(opened),
    out: number[] = [],
    key = new Cursor(given),
    pads = new Cursor(free);
  const { bits, chunks } = step,
    ring = lowMask(bits),
    select = permutedBits(chunks),
    paths = pathCount(chunks.length),
    count = symbolCount(chunks.length);
  eachPair(step.extent, (from, pair) => {
    if (pair < 0) return;
    key.seek(pair);
    const d = (data[from]! - data[from + 1]!) & ring,
      selected = permutedPath(symbols[pair]!, chunks.length),
      j = selected >>> 1;
    const g = (selected & 1) ^ (d >>> (bits - 1)), word = (i: number): number => key.field(select + i * bits, bits);
    let sum = pads.seek(pair).field(count, bits) + (1 - 2 * g) * Math.imul(d, word(j)) - g * word(paths + j);
    if (party === 0) sum += g * d;
    if (j > 0) sum -= word(2 * paths + j - 1);
    out.push(sum & ring);
  });
  return tensor(Uint32Array.from(out));
}

/** {@linkcode Engine.maximumMerge}, as loops. */
export function maximumMerge(step: MaximumStep, x: Handle, selected: Handle): Handle {
  const data = words(x), chosen = words(selected), out: number[] = [], ring = lowMask(step.bits);
  eachPair(step.extent, (from, pair) => out.push(pair < 0 ? data[from]! : (data[from + 1]! + chosen[pair]!) & ring));
  return tensor(Uint32Array.from(out));
}
