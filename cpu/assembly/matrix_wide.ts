// Products by matrices in rings above 32 bits: elements of two words, low first, that is little-endian u64. Results are reduced.

import { lowMask, pointer, word } from "./bits";

/** Rows of a panel that are multiplied before the next rows of x: 64 KiB of weights stay in the cache. */
const DEPTH: u32 = 1024;

/** out = (out + x·W) mod 2^n. Weights lie in panels of 8 columns. Items are panels. Arguments: 0 x, 1 panels, 2 out, 3 rows, 4 inputs, 5 outputs, 6 n. */
export function matrixAddWide(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0),
    out = pointer(args, 2),
    rows = word(args, 3),
    inputs = word(args, 4),
    outputs = word(args, 5),
    ring = lowMask(word(args, 6));
  const stride = <usize> outputs << 3, rowBytes = <usize> inputs << 3;
  for (let panel = from; panel < to; panel++) {
    const panelAt = pointer(args, 1) + <usize> panel * (<usize> inputs << 6),
      columns = min<u32>(8, outputs - (panel << 3));
    for (let first: u32 = 0; first < inputs; first += DEPTH) {
      const depth = min<u32>(DEPTH, inputs - first), weights = panelAt + (<usize> first << 6);
      let from = x + (<usize> first << 3), to = out + (<usize> panel << 6), row: u32 = 0;
      if (columns == 8) {
        for (; row + 2 <= rows; row += 2, from += rowBytes << 1, to += stride << 1) {
          twoRows(from, rowBytes, weights, to, stride, depth, ring);
        }
      }
      for (; row < rows; row++, from += rowBytes, to += stride) oneRow(from, weights, to, depth, columns, ring);
    }
  }
}

/** Two rows by eight columns: the sums stay in registers. */
function twoRows(x: usize, rowBytes: usize, weights: usize, out: usize, stride: usize, depth: u32, ring: u64): void {
  let a0 = v128.load(out), a1 = v128.load(out, 16), a2 = v128.load(out, 32), a3 = v128.load(out, 48);
  let b0 = v128.load(out + stride),
    b1 = v128.load(out + stride, 16),
    b2 = v128.load(out + stride, 32),
    b3 = v128.load(out + stride, 48);
  const end = x + (<usize> depth << 3), rings = i64x2.splat(ring);
  for (; x < end; x += 8, weights += 64) {
    const w0 = v128.load(weights),
      w1 = v128.load(weights, 16),
      w2 = v128.load(weights, 32),
      w3 = v128.load(weights, 48);
    let f = v128.load_splat<u64>(x);
    a0 = i64x2.add(a0, i64x2.mul(f, w0));
    a1 = i64x2.add(a1, i64x2.mul(f, w1));
    a2 = i64x2.add(a2, i64x2.mul(f, w2));
    a3 = i64x2.add(a3, i64x2.mul(f, w3));
    f = v128.load_splat<u64>(x + rowBytes);
    b0 = i64x2.add(b0, i64x2.mul(f, w0));
    b1 = i64x2.add(b1, i64x2.mul(f, w1));
    b2 = i64x2.add(b2, i64x2.mul(f, w2));
    b3 = i64x2.add(b3, i64x2.mul(f, w3));
  }
  v128.store(out, v128.and(a0, rings));
  v128.store(out, v128.and(a1, rings), 16);
  v128.store(out, v128.and(a2, rings), 32);
  v128.store(out, v128.and(a3, rings), 48);
  v128.store(out + stride, v128.and(b0, rings));
  v128.store(out + stride, v128.and(b1, rings), 16);
  v128.store(out + stride, v128.and(b2, rings), 32);
  v128.store(out + stride, v128.and(b3, rings), 48);
}

/** One row by up to eight columns. */
function oneRow(x: usize, weights: usize, out: usize, depth: u32, columns: u32, ring: u64): void {
  for (let column: u32 = 0; column < columns; column++) {
    const target = out + (<usize> column << 3);
    let sum = load<u64>(target), w = weights + (<usize> column << 3);
    for (let i: usize = 0; i < depth; i++, w += 64) sum += load<u64>(x + (i << 3)) * load<u64>(w);
    store<u64>(target, sum & ring);
  }
}

/**
 * out = (out + x·W) mod 2^n for entries that are signed words of 32 bits, in panels of 16 columns. Items are panels. Arguments as of matrixAddWide.
 * With x = l + 2^32·h for a signed l, x·w = l·w + 2^32·(h·w mod 2^32): the upper parts are summed in 32 bits.
 */
export function matrixAddSigned(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0),
    out = pointer(args, 2),
    rows = word(args, 3),
    inputs = word(args, 4),
    outputs = word(args, 5),
    ring = lowMask(word(args, 6));
  const stride = <usize> outputs << 3, rowBytes = <usize> inputs << 3;
  for (let panel = from; panel < to; panel++) {
    const panelAt = pointer(args, 1) + <usize> panel * (<usize> inputs << 6),
      columns = min<u32>(16, outputs - (panel << 4));
    for (let first: u32 = 0; first < inputs; first += DEPTH) {
      const depth = min<u32>(DEPTH, inputs - first), weights = panelAt + (<usize> first << 6);
      let from = x + (<usize> first << 3), to = out + (<usize> panel << 7);
      for (let row: u32 = 0; row < rows; row++, from += rowBytes, to += stride) {
        if (columns == 16) {
          signedRow(from, weights, to, depth, ring);
          signedRow(from, weights + 32, to + 64, depth, ring);
        } else narrowSignedRow(from, weights, to, depth, columns, ring);
      }
    }
  }
}

/** One row by eight columns. */
function signedRow(x: usize, weights: usize, out: usize, depth: u32, ring: u64): void {
  let a0 = v128.load(out), a1 = v128.load(out, 16), a2 = v128.load(out, 32), a3 = v128.load(out, 48);
  let b0 = i32x4.splat(0), b1 = i32x4.splat(0);
  const rings = i64x2.splat(ring), end = x + (<usize> depth << 3);
  for (; x < end; x += 8, weights += 64) {
    const value = load<u64>(x), low = i32x4.splat(<i32> value), high = i32x4.splat(<i32> ((value + 0x80000000) >> 32));
    const w0 = v128.load(weights), w1 = v128.load(weights, 16);
    a0 = i64x2.add(a0, i64x2.extmul_low_i32x4_s(low, w0));
    a1 = i64x2.add(a1, i64x2.extmul_high_i32x4_s(low, w0));
    a2 = i64x2.add(a2, i64x2.extmul_low_i32x4_s(low, w1));
    a3 = i64x2.add(a3, i64x2.extmul_high_i32x4_s(low, w1));
    b0 = i32x4.add(b0, i32x4.mul(high, w0));
    b1 = i32x4.add(b1, i32x4.mul(high, w1));
  }
  v128.store(out, v128.and(i64x2.add(a0, i64x2.shl(i64x2.extend_low_i32x4_u(b0), 32)), rings));
  v128.store(out, v128.and(i64x2.add(a1, i64x2.shl(i64x2.extend_high_i32x4_u(b0), 32)), rings), 16);
  v128.store(out, v128.and(i64x2.add(a2, i64x2.shl(i64x2.extend_low_i32x4_u(b1), 32)), rings), 32);
  v128.store(out, v128.and(i64x2.add(a3, i64x2.shl(i64x2.extend_high_i32x4_u(b1), 32)), rings), 48);
}

/** One row by the last few columns. */
function narrowSignedRow(x: usize, weights: usize, out: usize, depth: u32, columns: u32, ring: u64): void {
  for (let column: u32 = 0; column < columns; column++) {
    const target = out + (<usize> column << 3);
    let sum = load<u64>(target), w = weights + (<usize> column << 2);
    for (let i: usize = 0; i < depth; i++, w += 64) sum += load<u64>(x + (i << 3)) * <u64> (<i64> load<i32>(w));
    store<u64>(target, sum & ring);
  }
}
