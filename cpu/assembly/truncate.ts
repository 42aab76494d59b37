// Exact truncation.
// Segment: 0 first element, 2 given, 3 free.

import { bitsAt, lowMask, pointer, recordBit, word } from "./bits";
import { permutedPath, permutedSymbols } from "./permuted";

/**
 * Shares of the comparison's symbols, and the top bit for the party that does not hold it. Items are elements.
 * Arguments: 0 z, 1 out, 2 given bits, 3 free bits, 4 chunks, 5 chunk count, 6 parity, 7 added constant, 8 n - 1, 9 by, 10 tells, 11 symbol count.
 */
export function truncateSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 2), freeBits = word(args, 3), chunks = word(args, 4), chunkCount = word(args, 5), parity = word(args, 6);
  const added = word(args, 7), top = word(args, 8), low = lowMask(word(args, 9)), tells = word(args, 10), count = word(args, 11), symbolMask = (<u64> 1 << count) - 1;
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  let z = pointer(args, 0) + (<usize> (word(segment, 0) + from) << 2), out = pointer(args, 1) + (<usize> (word(segment, 0) + from) << 2);
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, z += 4, out += 4) {
    const shifted = load<u32>(z) + added;
    const symbols = permutedSymbols(given, chunks, chunkCount, parity, <u64> shifted & low) ^ <u32> (bitsAt(free) & symbolMask);
    store<u32>(out, symbols ^ ((tells & ~(shifted >> top)) << count));
  }
}

/**
 * Share of the result. Items are elements.
 * Arguments: 0 z, 1 opened, 2 out, 3 given bits, 4 free bits, 5 chunk count, 6 carries' offset, 7 m, 8 wrap bits, 9 wrap's offset, 10 n - by, 11 adds,
 * 12 added constant, 13 n, 14 by, 15 2^(n-2-by), 16 symbol count.
 */
export function truncateFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 3), freeBits = word(args, 4), chunkCount = word(args, 5), carries = word(args, 6), m = word(args, 7), ring = lowMask(m);
  const wrapMask = (<u64> 1 << word(args, 8)) - 1, wrap = word(args, 9), wrapShift = word(args, 10), adds = word(args, 11) != 0;
  const added = word(args, 12), whole = <u32> lowMask(word(args, 13)), by = word(args, 14), offset = word(args, 15), count = word(args, 16);
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits) + count;
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const symbols = load<u32>(pointer(args, 1) + at), selected = permutedPath(symbols, chunkCount), bit = selected & 1;
    let sum = bitsAt(free) & ring;
    sum -= (1 - 2 * <u64> bit) * (bitsAt(given + carries + <u64> (selected >> 1) * m) & ring);
    if (wrapMask != 0 && ((symbols >> count) & 1) == 1) sum += (bitsAt(given + wrap) & wrapMask) << wrapShift;
    if (adds) sum += <u64> (((load<u32>(pointer(args, 0) + at) + added) & whole) >> by) - offset - bit;
    store<u32>(pointer(args, 2) + at, <u32> (sum & ring));
  }
}
