// Products with cached operands. A cache holds two planes of words, token after token: right operands A = (x̂ - r or -r), then B = -x̂; a share of q·k is
// q̂·A + [r_q]·B.

import { pointer, word } from "./bits";
import { laneSum } from "./lanes";

/** Appends values. Items are values. Arguments: 0 x, 1 r, 2 plane A at the first value, 3 plane B likewise, 4 whether A counts x. */
export function cacheStore(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0),
    r = pointer(args, 1),
    a = pointer(args, 2),
    b = pointer(args, 3),
    counts = <u32> 0 - word(args, 4);
  for (let at = <usize> from << 2; at < <usize> to << 2; at += 4) {
    const value = load<u32>(x + at);
    store<u32>(a + at, (value & counts) - load<u32>(r + at));
    store<u32>(b + at, <u32> 0 - value);
  }
}

/**
 * Adds the scores of one (token, head) row against all columns. Items are rows.
 * Arguments: 0 q, 1 r_q, 2 plane A, 3 plane B, 4 out, 5 heads, 6 heads per cached head, 7 width, 8 values per token, 9 ring mask.
 * Segment: 0 first row, 5 first score, 6 first token, 7 columns.
 */
export function scores(args: usize, segment: usize, from: u32, to: u32): void {
  const heads = word(args, 5),
    width = <usize> word(args, 7),
    tokenBytes = <usize> word(args, 8) << 2,
    cols = word(segment, 7),
    ring = word(args, 9);
  for (let row = from; row < to; row++) {
    const query = (<usize> (word(segment, 0) + row) * width) << 2,
      q = pointer(args, 0) + query,
      r = pointer(args, 1) + query;
    const base = ((<usize> ((row % heads) / word(args, 6)) * width) << 2) + <usize> word(segment, 6) * tokenBytes;
    let a = pointer(args, 2) + base, b = pointer(args, 3) + base;
    let out = pointer(args, 4) + (<usize> (word(segment, 5) + row * cols) << 2);
    for (let c: u32 = 0; c < cols; c++, a += tokenBytes, b += tokenBytes, out += 4) {
      let sums = i32x4.splat(0), at: usize = 0;
      for (; at + 16 <= width << 2; at += 16) {
        sums = i32x4.add(sums, i32x4.mul(v128.load(q + at), v128.load(a + at)));
        sums = i32x4.add(sums, i32x4.mul(v128.load(r + at), v128.load(b + at)));
      }
      let sum = laneSum(sums) + load<u32>(out);
      for (; at < width << 2; at += 4) {
        sum += load<u32>(q + at) * load<u32>(a + at) + load<u32>(r + at) * load<u32>(b + at);
      }
      store<u32>(out, sum & ring);
    }
  }
}

/**
 * Adds the mixtures of one (token, head) row. Items are rows.
 * Arguments: 0 p, 1 r_p, 2 plane A, 3 plane B, 4 out, 5 heads, 6 heads per cached head, 7 width, 8 values per token, 9 ring mask.
 * Segment: 0 first row, 5 first score, 6 first token, 7 columns.
 */
export function mix(args: usize, segment: usize, from: u32, to: u32): void {
  const heads = word(args, 5),
    width = <usize> word(args, 7),
    cols = word(segment, 7),
    ring = word(args, 9),
    tokenBytes = <usize> word(args, 8) << 2;
  for (let row = from; row < to; row++) {
    const score = <usize> (word(segment, 5) + row * cols) << 2,
      p = pointer(args, 0) + score,
      r = pointer(args, 1) + score;
    const base = (<usize> ((row % heads) / word(args, 6)) * width + <usize> word(segment, 6) * word(args, 8)) << 2,
      a = pointer(args, 2) + base,
      b = pointer(args, 3) + base;
    const out = pointer(args, 4) + ((<usize> (word(segment, 0) + row) * width) << 2);
    let at: usize = 0;
    for (; at + 32 <= width << 2; at += 32) mixEight(p, r, a + at, b + at, out + at, cols, tokenBytes, ring);
    for (; at < width << 2; at += 4) mixOne(p, r, a + at, b + at, out + at, cols, tokenBytes, ring);
  }
}

/** Eight values of a mixture. */
function mixEight(p: usize, r: usize, a: usize, b: usize, out: usize, cols: u32, tokenBytes: usize, ring: u32): void {
  const rings = i32x4.splat(ring);
  let sum0 = v128.load(out), sum1 = v128.load(out, 16);
  for (let c: u32 = 0; c < cols; c++, p += 4, r += 4, a += tokenBytes, b += tokenBytes) {
    const left = v128.load_splat<u32>(p), right = v128.load_splat<u32>(r);
    sum0 = i32x4.add(sum0, i32x4.add(i32x4.mul(left, v128.load(a)), i32x4.mul(right, v128.load(b))));
    sum1 = i32x4.add(sum1, i32x4.add(i32x4.mul(left, v128.load(a, 16)), i32x4.mul(right, v128.load(b, 16))));
  }
  v128.store(out, v128.and(sum0, rings));
  v128.store(out, v128.and(sum1, rings), 16);
}

/** One value of a mixture. */
function mixOne(p: usize, r: usize, a: usize, b: usize, out: usize, cols: u32, tokenBytes: usize, ring: u32): void {
  let sum = load<u32>(out);
  for (let c: u32 = 0; c < cols; c++, p += 4, r += 4, a += tokenBytes, b += tokenBytes) {
    sum += load<u32>(p) * load<u32>(a) + load<u32>(r) * load<u32>(b);
  }
  store<u32>(out, sum & ring);
}
