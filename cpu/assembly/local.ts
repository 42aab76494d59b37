// Public-linear operations on masked values.

import { pointer, word } from "./bits";

/** (x + y) & ring. Items are elements. Arguments: 0 x, 1 y, 2 out, 3 ring mask. */
export function add(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), y = pointer(args, 1), out = pointer(args, 2), ring = word(args, 3), rings = i32x4.splat(ring);
  let at = <usize> from << 2;
  for (; at + 16 <= <usize> to << 2; at += 16) v128.store(out + at, v128.and(i32x4.add(v128.load(x + at), v128.load(y + at)), rings));
  for (; at < <usize> to << 2; at += 4) store<u32>(out + at, (load<u32>(x + at) + load<u32>(y + at)) & ring);
}

/** Some columns of every row. Items are rows. Arguments: 0 x, 1 out, 2 first column, 3 count. Segment: 0 first row, 5 first element, 7 columns. */
export function columns(args: usize, segment: usize, from: u32, to: u32): void {
  const count = word(args, 3), cols = word(segment, 7), bytes = <usize> count << 2;
  for (let row = from; row < to; row++) {
    const source = word(segment, 5) + row * cols + word(args, 2);
    memory.copy(pointer(args, 1) + <usize> (word(segment, 0) + row) * bytes, pointer(args, 0) + (<usize> source << 2), bytes);
  }
}

/** Rotary positions. Items are (token, head) pairs. Arguments: 0 x, 1 angles (cos, sin), 2 out, 3 heads, 4 half width, 5 ring mask. */
export function rotate(args: usize, _segment: usize, from: u32, to: u32): void {
  const heads = word(args, 3), half = <usize> word(args, 4), ring = word(args, 5), rings = i32x4.splat(ring);
  for (let item = from; item < to; item++) {
    let angle = pointer(args, 1) + <usize> (item / heads) * (half << 3);
    let x = pointer(args, 0) + <usize> item * (half << 3), out = pointer(args, 2) + <usize> item * (half << 3);
    const end = x + (half << 2);
    for (; x + 16 <= end; x += 16, out += 16, angle += 32) {
      const first = v128.load(angle), second = v128.load(angle, 16);
      const cos = v128.shuffle<u32>(first, second, 0, 2, 4, 6), sin = v128.shuffle<u32>(first, second, 1, 3, 5, 7);
      const a = v128.load(x), b = v128.load(x + (half << 2));
      v128.store(out, v128.and(i32x4.sub(i32x4.mul(cos, a), i32x4.mul(sin, b)), rings));
      v128.store(out + (half << 2), v128.and(i32x4.add(i32x4.mul(cos, b), i32x4.mul(sin, a)), rings));
    }
    for (; x < end; x += 4, out += 4, angle += 8) {
      const cos = load<u32>(angle), sin = load<u32>(angle, 4), a = load<u32>(x), b = load<u32>(x + (half << 2));
      store<u32>(out, (cos * a - sin * b) & ring);
      store<u32>(out + (half << 2), (cos * b + sin * a) & ring);
    }
  }
}

/**
 * ((top + 1)·2^scale - x) & ring with one top per row. Items are rows.
 * Arguments: 0 top, 1 x, 2 out, 3 scale, 4 ring mask. Segment: 0 first row, 5 first element, 7 columns.
 */
export function distance(args: usize, segment: usize, from: u32, to: u32): void {
  const ring = word(args, 4), cols = word(segment, 7), rings = i32x4.splat(ring);
  for (let row = from; row < to; row++) {
    const above = (load<u32>(pointer(args, 0) + (<usize> (word(segment, 0) + row) << 2)) + 1) << word(args, 3), aboves = i32x4.splat(above);
    const first = <usize> (word(segment, 5) + row * cols) << 2, end = first + (<usize> cols << 2);
    const x = pointer(args, 1), out = pointer(args, 2);
    let at = first;
    for (; at + 16 <= end; at += 16) v128.store(out + at, v128.and(i32x4.sub(aboves, v128.load(x + at)), rings));
    for (; at < end; at += 4) store<u32>(out + at, (above - load<u32>(x + at)) & ring);
  }
}

/** Sum of every row. Items are rows. Arguments: 0 x, 1 out, 2 ring mask. Segment: 0 first row, 5 first element, 7 columns. */
export function rowSum(args: usize, segment: usize, from: u32, to: u32): void {
  const cols = word(segment, 7);
  for (let row = from; row < to; row++) {
    let at = pointer(args, 0) + (<usize> (word(segment, 5) + row * cols) << 2), sums = i32x4.splat(0);
    const end = at + (<usize> cols << 2);
    for (; at + 16 <= end; at += 16) sums = i32x4.add(sums, v128.load(at));
    let sum = laneSum(sums);
    for (; at < end; at += 4) sum += load<u32>(at);
    store<u32>(pointer(args, 1) + (<usize> (word(segment, 0) + row) << 2), sum & word(args, 2));
  }
}

/** ((x & ring) >> by) & kept. Items are elements. Arguments: 0 x, 1 out, 2 ring mask, 3 by, 4 kept mask. */
export function shift(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), out = pointer(args, 1), ring = word(args, 2), by = word(args, 3), kept = word(args, 4) & (ring >> by), masks = i32x4.splat(kept);
  let at = <usize> from << 2;
  for (; at + 16 <= <usize> to << 2; at += 16) v128.store(out + at, v128.and(i32x4.shr_u(v128.load(x + at), by), masks));
  for (; at < <usize> to << 2; at += 4) store<u32>(out + at, (load<u32>(x + at) >> by) & kept);
}

/**
 * A narrow masked value read in a wider ring. Items are elements.
 * Arguments: 0 x, 1 top or 0, 2 out, 3 mask of the narrow ring, 4 2^(its bits - 2), 5 its bits, 6 ring mask.
 */
export function extend(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), top = pointer(args, 1), out = pointer(args, 2), narrow = word(args, 3), half = word(args, 4), bits = word(args, 5), ring = word(args, 6);
  for (let at = <usize> from << 2; at < <usize> to << 2; at += 4) {
    const above = top == 0 ? 0 : load<u32>(top + at) << bits;
    store<u32>(out + at, (((load<u32>(x + at) + half) & narrow) - half + above) & ring);
  }
}

/**
 * a + k·c·factor, k = 1 where the mask of x may have wrapped. Items are elements.
 * Arguments: 0 a, 1 x, 2 c, 3 out, 4 2^(bits of x - 2), 5 bits of x - 1, 6 factor, 7 ring mask.
 */
export function addWrap(args: usize, _segment: usize, from: u32, to: u32): void {
  const a = pointer(args, 0), x = pointer(args, 1), c = pointer(args, 2), out = pointer(args, 3), half = word(args, 4), top = word(args, 5), factor = word(args, 6);
  const ring = word(args, 7);
  for (let at = <usize> from << 2; at < <usize> to << 2; at += 4) {
    const k = ~((load<u32>(x + at) + half) >> top) & 1;
    store<u32>(out + at, (load<u32>(a + at) + k * load<u32>(c + at) * factor) & ring);
  }
}

/** Sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function laneSum(x: v128): u32 {
  const pairs = i32x4.add(x, v128.shuffle<u32>(x, x, 2, 3, 0, 1));
  return <u32> i32x4.extract_lane(i32x4.add(pairs, v128.shuffle<u32>(pairs, pairs, 1, 0, 3, 2)), 0);
}
