// One tournament level. Pairs are counted per block; the pairs of a row are its columns two by two.
// Segment: 0 first pair (maximumMerge: first row), 2 given, 3 free, 5 first element of x, 6 first result, 7 columns.

import { bitsAt, lowMask, pointer, recordBit, word } from "./bits";
import { permutedPath, permutedSymbols } from "./permuted";

/** Items are pairs. Arguments: 0 x, 1 out, 2 given bits, 3 free bits, 4 chunks, 5 chunk count, 6 parity, 7 bits, 8 symbol count. */
export function maximumSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 2), freeBits = word(args, 3), low = (<u32> 1 << (word(args, 7) - 1)) - 1, symbolMask = (<u64> 1 << word(args, 8)) - 1;
  const cols = word(segment, 7), perRow = cols >> 1;
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  let out = pointer(args, 1) + (<usize> (word(segment, 0) + from) << 2), column = from % perRow;
  let x = pointer(args, 0) + (<usize> (word(segment, 5) + from / perRow * cols + 2 * column) << 2);
  for (let pair = from; pair < to; pair++, given += givenBits, free += freeBits, out += 4) {
    const d = (load<u32>(x) - load<u32>(x, 4)) & low;
    store<u32>(out, permutedSymbols(given, word(args, 4), word(args, 5), word(args, 6), d) ^ <u32> (bitsAt(free) & symbolMask));
    x += 8;
    if (++column == perRow) {
      column = 0;
      x += <usize> (cols & 1) << 2;
    }
  }
}

/** Items are pairs. Arguments: 0 x, 1 opened, 2 out, 3 given bits, 4 free bits, 5 chunk count, 6 words' offset, 7 bits, 8 symbol count, 9 whether party 0. */
export function maximumSelect(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 3), freeBits = word(args, 4), chunkCount = word(args, 5), bits = word(args, 7), ring = <u32> lowMask(bits), counts = <u32> 0 - word(args, 9);
  const cols = word(segment, 7), perRow = cols >> 1, paths = <u32> 1 << (chunkCount - 1);
  let given = recordBit(pointer(segment, 2), from, givenBits) + word(args, 6), free = recordBit(pointer(segment, 3), from, freeBits) + word(args, 8);
  let at = <usize> (word(segment, 0) + from) << 2, column = from % perRow;
  let x = pointer(args, 0) + (<usize> (word(segment, 5) + from / perRow * cols + 2 * column) << 2);
  for (let pair = from; pair < to; pair++, given += givenBits, free += freeBits, at += 4) {
    const d = (load<u32>(x) - load<u32>(x, 4)) & ring, selected = permutedPath(load<u32>(pointer(args, 1) + at), chunkCount), j = selected >> 1;
    const g = (selected & 1) ^ (d >> (bits - 1));
    let sum = <u32> bitsAt(free) + (1 - 2 * g) * d * (<u32> bitsAt(given + <u64> j * bits) & ring);
    sum -= g * <u32> bitsAt(given + <u64> (paths + j) * bits);
    sum += g * d & counts;
    if (j > 0) sum -= <u32> bitsAt(given + <u64> (2 * paths + j - 1) * bits);
    store<u32>(pointer(args, 2) + at, sum & ring);
    x += 8;
    if (++column == perRow) {
      column = 0;
      x += <usize> (cols & 1) << 2;
    }
  }
}

/** Items are rows. Arguments: 0 x, 1 selected, 2 out, 3 ring mask. Segment 4: first pair. */
export function maximumMerge(args: usize, segment: usize, from: u32, to: u32): void {
  const cols = word(segment, 7), perRow = cols >> 1, results = (cols + 1) >> 1, ring = word(args, 3);
  for (let row = from; row < to; row++) {
    let x = pointer(args, 0) + (<usize> (word(segment, 5) + row * cols) << 2), selected = pointer(args, 1) + (<usize> (word(segment, 4) + row * perRow) << 2);
    let out = pointer(args, 2) + (<usize> (word(segment, 6) + row * results) << 2);
    for (let i: u32 = 0; i < perRow; i++, x += 8, selected += 4, out += 4) store<u32>(out, (load<u32>(x, 4) + load<u32>(selected)) & ring);
    if (cols & 1) store<u32>(out, load<u32>(x));
  }
}
