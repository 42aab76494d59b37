// Flat one-hot vectors of 2^k points, 2^k - 1 of them stored: the last follows from the parity. Points are public, bits are not.

import { bitAt, bitsAt, parityOf } from "./bits";
import { laneSum } from "./lanes";

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
// @inline
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

// @inline
export function second(): u32 {
  return secondSum;
}

/** What a walk along a one-hot adds up. */
const ONE = 0, TWO = 1, HALVES = 2;

// @inline
function plus(halves: bool, a: v128, b: v128): v128 {
  return halves ? i16x8.add(a, b) : i32x4.add(a, b);
}

/** Σ_j bit_j·T[(u - j) mod 2^k], where the words 1, 2, 4, … 2^31 stand before the table; with TWO the same for `u - 1` in `secondSum`; with HALVES the low and the high half of every word apart. */
// @inline
function sums(what: i32, bit: u64, k: u32, parity: u32, u: u32, reversed: usize): u32 {
  const points = <u32> 1 << k;
  let table = reversed + (<usize> (points - u) << 2), sum0 = i32x4.splat(0), sum1 = i32x4.splat(0);
  if (points < 32) {
    const stored = <u32> bitsAt(bit) & ((<u32> 1 << (points - 1)) - 1);
    let bits = stored | ((parity ^ (popcnt(stored) & 1)) << (points - 1));
    for (let j: u32 = 0; j < points; j += 4, bits >>= 4, table += 16) {
      const mask = i32x4.eq(v128.and(i32x4.splat(bits), i32x4(1, 2, 4, 8)), i32x4(1, 2, 4, 8));
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 4)));
    }
  } else {
    // Loaded, not written as constants: V8 makes a constant anew at every use.
    const masks = reversed - 128,
      m0 = v128.load(masks),
      m1 = v128.load(masks, 16),
      m2 = v128.load(masks, 32),
      m3 = v128.load(masks, 48);
    const m4 = v128.load(masks, 64), m5 = v128.load(masks, 80), m6 = v128.load(masks, 96), m7 = v128.load(masks, 112);
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
      mask = i32x4.eq(v128.and(x, m0), m0);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 0)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 4)));
      mask = i32x4.eq(v128.and(x, m1), m1);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 16)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 20)));
      mask = i32x4.eq(v128.and(x, m2), m2);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 32)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 36)));
      mask = i32x4.eq(v128.and(x, m3), m3);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 48)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 52)));
      mask = i32x4.eq(v128.and(x, m4), m4);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 64)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 68)));
      mask = i32x4.eq(v128.and(x, m5), m5);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 80)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 84)));
      mask = i32x4.eq(v128.and(x, m6), m6);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 96)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 100)));
      mask = i32x4.eq(v128.and(x, m7), m7);
      sum0 = plus(what == HALVES, sum0, v128.and(mask, v128.load(table, 112)));
      if (what == TWO) sum1 = i32x4.add(sum1, v128.and(mask, v128.load(table, 116)));
    }
  }
  if (what == TWO) secondSum = laneSum(sum1);
  if (what != HALVES) return laneSum(sum0);
  const pairs = i16x8.add(sum0, v128.shuffle<u32>(sum0, sum0, 2, 3, 0, 1));
  return <u32> i32x4.extract_lane(i16x8.add(pairs, v128.shuffle<u32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

/**
 * Σ_j bit_j·T[(u - j) mod 2^k], and with `u - 1` in `second()`.
 *
 * @param reversed The table backwards and twice: entry i is T[-i mod 2^k], 2·2^k + 8 words.
 */
export function lookup(bit: u64, k: u32, parity: u32, u: u32, reversed: usize): u32 {
  return sums(TWO, bit, k, parity, u, reversed);
}

/** Σ_j bit_j·T[(u - j) mod 2^k] alone; or with u - j not reduced, where the reversed table says so. */
export function lookupOne(bit: u64, k: u32, parity: u32, u: u32, reversed: usize): u32 {
  return sums(ONE, bit, k, parity, u, reversed);
}

/**
 * Both sums of {@linkcode lookup} mod 2^16 in one word, that of `u` in its low half.
 *
 * @param reversed The table backwards and twice; each word holds T[i] mod 2^16 and, in its high half, T[i - 1].
 */
export function lookupHalves(bit: u64, k: u32, parity: u32, u: u32, reversed: usize): u32 {
  return sums(HALVES, bit, k, parity, u, reversed);
}

/** Bytes from one plain table of 2^k entries to the next: its entries twice, the words before them and the slack behind them. */
// @inline
export function tableBytes(k: u32): usize {
  return <usize> ((<u32> 2 << k) + 40) << 2;
}
