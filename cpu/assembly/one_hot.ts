// Flat one-hot vectors of 2^k points, 2^k - 1 of them stored: the last follows from the parity. Points are public, bits are not.

import { bitAt, bitsAt, parityOf } from "./bits";
import { laneSum } from "./local";

/** Share of 1{u = alpha}. */
export function equalAt(bit: u64, k: u32, parity: u32, u: u32): u32 {
  const last = (<u32> 1 << k) - 1;
  return u == last ? parity ^ parityOf(bit, last) : bitAt(bit + u);
}

/** Share of 1{u < alpha}. */
export function lessAt(bit: u64, k: u32, parity: u32, u: u32): u32 {
  return u == (<u32> 1 << k) - 1 ? 0 : parity ^ parityOf(bit, u + 1);
}

/** Parity of the points below `count`, at most 2^k. */
// @ts-ignore: decorator
@inline
function below(bit: u64, k: u32, parity: u32, count: u32): u32 {
  return count == <u32> 1 << k ? parity : parityOf(bit, count);
}

/** Share of 1{(u - alpha) mod 2^k ≥ 2^(k-1)}: the points u + 1 to u + 2^(k-1). */
export function negativeAt(bit: u64, k: u32, parity: u32, u: u32): u32 {
  const points = <u32> 1 << k, half = points >> 1, first = (u + 1) & (points - 1), end = first + half;
  if (end <= points) return below(bit, k, parity, end) ^ parityOf(bit, first);
  return parity ^ parityOf(bit, first) ^ parityOf(bit, end - points);
}

/** Second result of {@linkcode lookup}; each thread has its own instance. */
let secondSum: u32 = 0;

// @ts-ignore: decorator
@inline
export function second(): u32 {
  return secondSum;
}

/** Σ_j bit_j·T[(u - j) mod 2^k] and, with `two`, the same for `u - 1` in `secondSum`. */
// @ts-ignore: decorator
@inline
function sums(two: bool, bit: u64, k: u32, parity: u32, u: u32, reversed: usize): u32 {
  const points = <u32> 1 << k;
  let table = reversed + (<usize> (points - u) << 2), sum0 = i32x4.splat(0), sum1 = i32x4.splat(0);
  if (points < 32) {
    const stored = <u32> bitsAt(bit) & ((<u32> 1 << (points - 1)) - 1);
    let bits = stored | ((parity ^ (popcnt(stored) & 1)) << (points - 1));
    for (let j: u32 = 0; j < points; j += 4, bits >>= 4, table += 16) {
      const mask = i32x4.eq(v128.and(i32x4.splat(bits), i32x4(1, 2, 4, 8)), i32x4(1, 2, 4, 8));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 4)));
    }
  } else {
    let folded: u32 = 0;
    for (let j: u32 = 0; j < points; j += 32, bit += 32, table += 128) {
      let bits = <u32> bitsAt(bit);
      if (j + 32 == points) {
        bits &= 0x7fffffff;
        bits |= (parity ^ (popcnt(folded ^ bits) & 1)) << 31;
      }
      folded ^= bits;
      const x = i32x4.splat(bits);
      let mask: v128;
      mask = i32x4.eq(v128.and(x, i32x4(1, 2, 4, 8)), i32x4(1, 2, 4, 8));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 0)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 4)));
      mask = i32x4.eq(v128.and(x, i32x4(16, 32, 64, 128)), i32x4(16, 32, 64, 128));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 16)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 20)));
      mask = i32x4.eq(v128.and(x, i32x4(256, 512, 1024, 2048)), i32x4(256, 512, 1024, 2048));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 32)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 36)));
      mask = i32x4.eq(v128.and(x, i32x4(4096, 8192, 16384, 32768)), i32x4(4096, 8192, 16384, 32768));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 48)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 52)));
      mask = i32x4.eq(v128.and(x, i32x4(65536, 131072, 262144, 524288)), i32x4(65536, 131072, 262144, 524288));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 64)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 68)));
      mask = i32x4.eq(v128.and(x, i32x4(1048576, 2097152, 4194304, 8388608)), i32x4(1048576, 2097152, 4194304, 8388608));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 80)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 84)));
      mask = i32x4.eq(v128.and(x, i32x4(16777216, 33554432, 67108864, 134217728)), i32x4(16777216, 33554432, 67108864, 134217728));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 96)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 100)));
      mask = i32x4.eq(v128.and(x, i32x4(268435456, 536870912, 1073741824, -2147483648)), i32x4(268435456, 536870912, 1073741824, -2147483648));
      sum0 = i32x4.add(sum0, v128.and(mask, v128.load(table, 112)));
      if (two) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 116)));
    }
  }
  if (two) secondSum = laneSum(sum1);
  return laneSum(sum0);
}

/**
 * Σ_j bit_j·T[(u - j) mod 2^k], and with `u - 1` in `second()`.
 *
 * @param reversed The table backwards and twice: entry i is T[-i mod 2^k], 2·2^k + 8 words.
 */
export function lookup(bit: u64, k: u32, parity: u32, u: u32, reversed: usize): u32 {
  return sums(true, bit, k, parity, u, reversed);
}

/** Σ_j bit_j·T[(u - j) mod 2^k] alone; or with u - j not reduced, where the reversed table says so. */
export function lookupOne(bit: u64, k: u32, parity: u32, u: u32, reversed: usize): u32 {
  return sums(false, bit, k, parity, u, reversed);
}
