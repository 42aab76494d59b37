// Comparison by permuted selection. Chunk sizes come as one word, a byte per chunk, lowest first.

import { bitAt, bitsAt, fieldAt } from "./bits";
import { equalAt, lessAt } from "./one_hot";

/** XOR shares of all symbols at the public value u, without mask bits. */
export function permutedSymbols(bit: u64, chunks: u32, count: u32, parity: u32, u: u64): u32 {
  let symbols: u32 = 0;
  for (let level: u32 = 0; level < count; level++, chunks >>= 8) {
    const k = chunks & 255, points = <u32> 1 << k, digit = <u32> u & (points - 1);
    u >>= k;
    let less: u32, equal: u32;
    if (k <= 5) {
      const stored = <u32> bitsAt(bit) & ((<u32> 1 << (points - 1)) - 1);
      const vector = <u64> (stored | ((parity ^ (popcnt(stored) & 1)) << (points - 1))) >> digit;
      equal = <u32> vector & 1;
      less = <u32> popcnt(vector >> 1) & 1;
    } else if (k == 6) {
      const stored = fieldAt(bit, 63), vector = (stored | (<u64> (parity ^ (<u32> popcnt(stored) & 1)) << 63)) >> digit;
      equal = <u32> vector & 1;
      less = <u32> popcnt(vector >> 1) & 1;
    } else {
      equal = equalAt(bit, k, parity, digit);
      less = lessAt(bit, k, parity, digit);
    }
    bit += points - 1;
    if (level == 0) {
      symbols = less;
      continue;
    }
    const pairs = <u32> 1 << (level - 1);
    let at = (pairs << 1) - 1;
    for (let i: u32 = 0; i < pairs; i++, bit += points, at += 2) {
      const candidate = less ^ bitAt(bit + digit);
      symbols |= (candidate | ((candidate ^ equal) << 1)) << at;
    }
  }
  return symbols;
}

/** Follows opened symbols: path·2 + masked result. */
export function permutedPath(opened: u32, count: u32): u32 {
  let path: u32 = 0, bit = opened & 1;
  for (let level: u32 = 1; level < count; level++) {
    path = 2 * path + bit;
    bit = (opened >> ((<u32> 1 << level) - 1 + path)) & 1;
  }
  return 2 * path + bit;
}
