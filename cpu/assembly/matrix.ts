// The product of word matrices mod 2^32. Weights lie in panels of 16 columns, row after row, padded with zero columns.

import { pointer, word } from "./bits";

/** Rows of a panel that are multiplied before the next rows of x: 64 KiB of weights stay in the cache. */
const DEPTH: u32 = 1024;

/** Lays weights out. Items are panels. Arguments: 0 words, 1 panels, 2 inputs, 3 outputs. */
export function packPanels(args: usize, _segment: usize, from: u32, to: u32): void {
  const inputs = word(args, 2), outputs = word(args, 3);
  for (let panel = from; panel < to; panel++) {
    const bytes = <usize> min<u32>(16, outputs - (panel << 4)) << 2;
    let source = pointer(args, 0) + (<usize> panel << 6),
      target = pointer(args, 1) + <usize> panel * (<usize> inputs << 6);
    for (let i: u32 = 0; i < inputs; i++, source += <usize> outputs << 2, target += 64) {
      if (bytes < 64) memory.fill(target, 0, 64);
      memory.copy(target, source, bytes);
    }
  }
}

/** out = x - out (x = 0: -out). Items are elements. Arguments: 0 x, 1 out, 2 words per element. */
export function subtract(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), out = pointer(args, 1), shift = <usize> word(args, 2) + 1, end = <usize> to << shift;
  let at = <usize> from << shift;
  if (shift == 3) {
    for (; at < end; at += 8) store<u64>(out + at, (x == 0 ? 0 : load<u64>(x + at)) - load<u64>(out + at));
    return;
  }
  for (; at + 16 <= end; at += 16) {
    v128.store(out + at, i32x4.sub(x == 0 ? i32x4.splat(0) : v128.load(x + at), v128.load(out + at)));
  }
  for (; at < end; at += 4) store<u32>(out + at, (x == 0 ? 0 : load<u32>(x + at)) - load<u32>(out + at));
}

/** out = (out + x·W) & ring. Items are panels. Arguments: 0 x, 1 panels, 2 out, 3 rows, 4 inputs, 5 outputs, 6 ring mask. */
export function matrixAdd(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0),
    out = pointer(args, 2),
    rows = word(args, 3),
    inputs = word(args, 4),
    outputs = word(args, 5);
  const stride = <usize> outputs << 2, rowBytes = <usize> inputs << 2;
  for (let panel = from; panel < to; panel++) {
    const panelAt = pointer(args, 1) + <usize> panel * (<usize> inputs << 6), columns = outputs - (panel << 4);
    for (let first: u32 = 0; first < inputs; first += DEPTH) {
      const depth = min<u32>(DEPTH, inputs - first), weights = panelAt + (<usize> first << 6);
      let from = x + (<usize> first << 2), to = out + (<usize> panel << 6), row: u32 = 0;
      if (columns >= 16) {
        for (; row + 4 <= rows; row += 4, from += rowBytes << 2, to += stride << 2) {
          fourRows(from, rowBytes, weights, to, stride, depth);
          fourRows(from, rowBytes, weights + 32, to + 32, stride, depth);
        }
        for (; row < rows; row++, from += rowBytes, to += stride) oneRow(from, weights, to, depth);
      } else {
        for (; row < rows; row++, from += rowBytes, to += stride) narrowRow(from, weights, to, depth, columns);
      }
    }
    if (word(args, 6) != 0xffffffff) {
      reduce(out + (<usize> panel << 6), rows, stride, min<u32>(16, columns), word(args, 6));
    }
  }
}

/** Reduces the columns of a panel. */
function reduce(out: usize, rows: u32, stride: usize, columns: u32, ring: u32): void {
  for (let row: u32 = 0; row < rows; row++, out += stride) {
    for (let c: usize = 0; c < columns; c++) store<u32>(out + (c << 2), load<u32>(out + (c << 2)) & ring);
  }
}

/** Four rows by eight columns: eight sums stay in registers. */
function fourRows(x: usize, rowBytes: usize, weights: usize, out: usize, stride: usize, depth: u32): void {
  let x0 = x, x1 = x + rowBytes, x2 = x1 + rowBytes, x3 = x2 + rowBytes;
  let a0 = v128.load(out), a1 = v128.load(out, 16);
  let b0 = v128.load(out + stride), b1 = v128.load(out + stride, 16);
  let c0 = v128.load(out + 2 * stride), c1 = v128.load(out + 2 * stride, 16);
  let d0 = v128.load(out + 3 * stride), d1 = v128.load(out + 3 * stride, 16);
  const end = x + (<usize> depth << 2);
  while (x0 < end) {
    const w0 = v128.load(weights), w1 = v128.load(weights, 16);
    let f = v128.load_splat<u32>(x0);
    a0 = i32x4.add(a0, i32x4.mul(f, w0));
    a1 = i32x4.add(a1, i32x4.mul(f, w1));
    f = v128.load_splat<u32>(x1);
    b0 = i32x4.add(b0, i32x4.mul(f, w0));
    b1 = i32x4.add(b1, i32x4.mul(f, w1));
    f = v128.load_splat<u32>(x2);
    c0 = i32x4.add(c0, i32x4.mul(f, w0));
    c1 = i32x4.add(c1, i32x4.mul(f, w1));
    f = v128.load_splat<u32>(x3);
    d0 = i32x4.add(d0, i32x4.mul(f, w0));
    d1 = i32x4.add(d1, i32x4.mul(f, w1));
    x0 += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
    weights += 64;
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out + stride, b0);
  v128.store(out + stride, b1, 16);
  v128.store(out + 2 * stride, c0);
  v128.store(out + 2 * stride, c1, 16);
  v128.store(out + 3 * stride, d0);
  v128.store(out + 3 * stride, d1, 16);
}

/** One row by 16 columns. */
function oneRow(x: usize, weights: usize, out: usize, depth: u32): void {
  let a = v128.load(out), b = v128.load(out, 16), c = v128.load(out, 32), d = v128.load(out, 48);
  for (let i: u32 = 0; i < depth; i++, x += 4, weights += 64) {
    const f = v128.load_splat<u32>(x);
    a = i32x4.add(a, i32x4.mul(f, v128.load(weights)));
    b = i32x4.add(b, i32x4.mul(f, v128.load(weights, 16)));
    c = i32x4.add(c, i32x4.mul(f, v128.load(weights, 32)));
    d = i32x4.add(d, i32x4.mul(f, v128.load(weights, 48)));
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}

/** One row by the last few columns. */
function narrowRow(x: usize, weights: usize, out: usize, depth: u32, columns: u32): void {
  for (let column: u32 = 0; column < columns; column++) {
    let sum = load<u32>(out + (<usize> column << 2)), w = weights + (<usize> column << 2);
    for (let i: usize = 0; i < depth; i++, w += 64) sum += load<u32>(x + (i << 2)) * load<u32>(w);
    store<u32>(out + (<usize> column << 2), sum);
  }
}
