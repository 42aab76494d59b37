// One tournament level. Pairs are counted per block; the pairs of a row are its columns two by two.

import { bitsAt, fieldOf, lowBits, pointer, recordBit, word } from "../../../cpu/assembly/bits";
import { permutedPath, permutedSymbols } from "../../../cpu/assembly/permuted";

// <arguments> written by `deno task kernels`
const enum MaximumMerge {
  x,
  selected,
  result,
  party,
  ringBits,
}

const enum MaximumSelect {
  x,
  opened,
  result,
  givenBits,
  freeBits,
  selectAt,
  padAt,
  party,
  parity,
  ringBits,
  chunkCount,
}

const enum MaximumSymbols {
  x,
  symbols,
  givenBits,
  freeBits,
  compareAt,
  symbolsAt,
  party,
  parity,
  ringBits,
  chunks,
  chunkCount,
}
// </arguments>

/** Symbols of every pair. Items are pairs. */
export function maximumSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, MaximumSymbols.givenBits),
    freeBits = word(args, MaximumSymbols.freeBits),
    low = lowBits<u32>(word(args, MaximumSymbols.ringBits) - 1);
  const chunks = word(args, MaximumSymbols.chunks),
    chunkCount = word(args, MaximumSymbols.chunkCount),
    parity = word(args, MaximumSymbols.parity);
  const cols = word(segment, 7), perRow = cols >> 1, count = (<u32> 1 << chunkCount) - 1;
  let given = recordBit(pointer(segment, 2), from, givenBits) + word(args, MaximumSymbols.compareAt);
  let free = recordBit(pointer(segment, 3), from, freeBits) + word(args, MaximumSymbols.symbolsAt),
    column = from % perRow;
  let out = pointer(args, MaximumSymbols.symbols) + (<usize> (word(segment, 0) + from) << 2);
  let x = pointer(args, MaximumSymbols.x) + (<usize> (word(segment, 5) + from / perRow * cols + 2 * column) << 2);
  for (let pair = from; pair < to; pair++, given += givenBits, free += freeBits, out += 4) {
    const d = (load<u32>(x) - load<u32>(x, 4)) & low;
    store<u32>(out, permutedSymbols(given, chunks, chunkCount, parity, d) ^ fieldOf<u32>(free, count));
    x += 8;
    if (++column == perRow) {
      column = 0;
      x += <usize> (cols & 1) << 2;
    }
  }
}

/** Share of g·d of every pair. Items are pairs. */
export function maximumSelect(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, MaximumSelect.givenBits),
    freeBits = word(args, MaximumSelect.freeBits),
    chunkCount = word(args, MaximumSelect.chunkCount);
  const n = word(args, MaximumSelect.ringBits), ring = lowBits<u32>(n), counts = word(args, MaximumSelect.party) - 1;
  const cols = word(segment, 7), perRow = cols >> 1, paths = <u32> 1 << (chunkCount - 1);
  let given = recordBit(pointer(segment, 2), from, givenBits) + word(args, MaximumSelect.selectAt);
  let free = recordBit(pointer(segment, 3), from, freeBits) + word(args, MaximumSelect.padAt);
  let at = <usize> (word(segment, 0) + from) << 2, column = from % perRow;
  let x = pointer(args, MaximumSelect.x) + (<usize> (word(segment, 5) + from / perRow * cols + 2 * column) << 2);
  for (let pair = from; pair < to; pair++, given += givenBits, free += freeBits, at += 4) {
    const d = (load<u32>(x) - load<u32>(x, 4)) & ring,
      selected = permutedPath(load<u32>(pointer(args, MaximumSelect.opened) + at), chunkCount),
      j = selected >> 1;
    const g = (selected & 1) ^ (d >> (n - 1));
    // Words: β of every path; (1 - 2β_0)·r_d; (β_j - β_0)·r_d of every path but the first.
    const beta = <u32> bitsAt(given + <u64> j * n), apart = j > 0 ? <u32> bitsAt(given + <u64> (paths + j) * n) : 0;
    let sum = <u32> bitsAt(free) + (1 - 2 * g) * (d * beta - apart) - g * <u32> bitsAt(given + <u64> paths * n);
    sum += g * d & counts;
    store<u32>(pointer(args, MaximumSelect.result) + at, sum & ring);
    x += 8;
    if (++column == perRow) {
      column = 0;
      x += <usize> (cols & 1) << 2;
    }
  }
}

/** What remains of every row. Items are rows. */
export function maximumMerge(args: usize, segment: usize, from: u32, to: u32): void {
  const cols = word(segment, 7),
    perRow = cols >> 1,
    results = (cols + 1) >> 1,
    ring = lowBits<u32>(word(args, MaximumMerge.ringBits));
  const firstPair = word(segment, 4), firstElement = word(segment, 5);
  for (let row = from; row < to; row++) {
    let x = pointer(args, MaximumMerge.x) + (<usize> (firstElement + row * cols) << 2);
    let selected = pointer(args, MaximumMerge.selected) + (<usize> (firstPair + row * perRow) << 2);
    let out = pointer(args, MaximumMerge.result) + (<usize> (firstElement - firstPair + row * results) << 2);
    for (let i: u32 = 0; i < perRow; i++, x += 8, selected += 4, out += 4) {
      store<u32>(out, (load<u32>(x, 4) + load<u32>(selected)) & ring);
    }
    if (cols & 1) store<u32>(out, load<u32>(x));
  }
}
