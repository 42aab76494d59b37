// Element-wise products, and sums of squares.

import { fieldAt, lowMask, pointer, recordBit, word } from "./bits";

/**
 * [party 0] x̂ŷ - x̂·r_y - r_x·ŷ + pad. Items are rows.
 * Arguments: 0 x, 1 r_x, 2 y, 3 r_y, 4 out, 5 whether this is party 0, 6 whether y has one column. Segment: 0 first row, 2 pads, 5 first element, 7 columns.
 */
export function multiply(args: usize, segment: usize, from: u32, to: u32): void {
  const broadcast = word(args, 6) != 0, counts = <u32> 0 - word(args, 5), cols = word(segment, 7);
  for (let row = from; row < to; row++) {
    const first = <usize> (word(segment, 5) + row * cols) << 2, end = <usize> cols << 2;
    const x = pointer(args, 0) + first, rx = pointer(args, 1) + first, out = pointer(args, 4) + first, pad = pointer(segment, 2) + (<usize> (row * cols) << 2);
    let at: usize = 0;
    if (broadcast) {
      // x·([party 0] ŷ - r_y) - r_x·ŷ
      const one = <usize> (word(segment, 0) + row) << 2, y = load<u32>(pointer(args, 2) + one), left = (y & counts) - load<u32>(pointer(args, 3) + one);
      const ys = i32x4.splat(y), lefts = i32x4.splat(left);
      for (; at + 16 <= end; at += 16) {
        const sum = i32x4.add(v128.load(pad + at), i32x4.mul(v128.load(x + at), lefts));
        v128.store(out + at, i32x4.sub(sum, i32x4.mul(v128.load(rx + at), ys)));
      }
      for (; at < end; at += 4) store<u32>(out + at, load<u32>(pad + at) + load<u32>(x + at) * left - load<u32>(rx + at) * y);
    } else {
      const y = pointer(args, 2) + first, ry = pointer(args, 3) + first, all = i32x4.splat(counts);
      for (; at + 16 <= end; at += 16) {
        const b = v128.load(y + at), left = i32x4.sub(v128.and(b, all), v128.load(ry + at));
        const sum = i32x4.add(v128.load(pad + at), i32x4.mul(v128.load(x + at), left));
        v128.store(out + at, i32x4.sub(sum, i32x4.mul(v128.load(rx + at), b)));
      }
      for (; at < end; at += 4) {
        const b = load<u32>(y + at), left = (b & counts) - load<u32>(ry + at);
        store<u32>(out + at, load<u32>(pad + at) + load<u32>(x + at) * left - load<u32>(rx + at) * b);
      }
    }
  }
}

/**
 * Share of Σ x² + pad mod 2^q. Items are rows.
 * Arguments: 0 x, 1 out, 2 q, 3 whether this is party 0, 4 record bits, 5 pad record bits, 6 n. Segment: 0 first row, 2 given, 3 pads, 5 first element, 7 columns.
 */
export function squareSum(args: usize, segment: usize, from: u32, to: u32): void {
  const q = word(args, 2), counts = <u64> 0 - <u64> word(args, 3), stride = word(args, 4), cols = word(segment, 7);
  const n = word(args, 6), ring = <u32> lowMask(n), half = <u32> 1 << (n - 2), square: u64 = n < 32 ? <u64> 1 << (2 * n) : 0;
  for (let row = from; row < to; row++) {
    let x = pointer(args, 0) + (<usize> (word(segment, 5) + row * cols) << 2), bit = recordBit(pointer(segment, 2), row * cols, stride), sum: u64 = 0;
    for (let c: u32 = 0; c < cols; c++, x += 4, bit += stride) {
      const shifted = (load<u32>(x) + half) & ring, u = <u64> shifted - half, noWrap = <u64> (shifted >> (n - 1)) - 1;
      const r = fieldAt(bit, q), b = fieldAt(bit + q, q - n), br = fieldAt(bit + q + (q - n), q - n - 1);
      sum += ((u * u) & counts) - ((u * r) << 1) + ((((u * b - br) << (n + 1)) + square * b) & noWrap);
    }
    const pad = fieldAt(recordBit(pointer(segment, 3), row, word(args, 5)), q);
    store<u64>(pointer(args, 1) + (<usize> (word(segment, 0) + row) << 3), (sum + pad) & lowMask(q));
  }
}
