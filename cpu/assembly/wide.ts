// Rings above 32 bits: elements of two words, low first, that is little-endian u64. Results are reduced.

import { bitsAt, fieldAt, lowMask, pointer, recordBit, word } from "./bits";
import { permutedPath, permutedSymbols } from "./permuted";

/** Element of one or two words. */
// @ts-ignore: decorator
@inline
function elementAt(x: usize, index: u32, wide: bool): u64 {
  return wide ? load<u64>(x + (<usize> index << 3)) : <u64> load<u32>(x + (<usize> index << 2));
}

// @ts-ignore: decorator
@inline
function putElement(out: usize, index: u32, wide: bool, value: u64): void {
  if (wide) store<u64>(out + (<usize> index << 3), value);
  else store<u32>(out + (<usize> index << 2), <u32> value);
}

/** A field of 0 to 64 bits. */
// @ts-ignore: decorator
@inline
function anyField(bit: u64, bits: u32): u64 {
  return bits == 0 ? 0 : fieldAt(bit, bits);
}

/** x·2^by mod 2^64; 0 from by = 64 on. */
// @ts-ignore: decorator
@inline
function shiftLeft(x: u64, by: u32): u64 {
  return by >= 64 ? 0 : x << <u64> by;
}

/** A 64-bit argument, low word first. */
// @ts-ignore: decorator
@inline
function word64(list: usize, index: usize): u64 {
  return <u64> word(list, index) | (<u64> word(list, index + 1) << 32);
}

/** (x + y) mod 2^n. Items are elements. Arguments: 0 x, 1 y, 2 out, 3 n. */
export function addWide(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), y = pointer(args, 1), out = pointer(args, 2), ring = lowMask(word(args, 3));
  for (let at = <usize> from << 3; at < <usize> to << 3; at += 8) store<u64>(out + at, (load<u64>(x + at) + load<u64>(y + at)) & ring);
}

/** x - r mod 2^64 (x = 0: -r), where r has been unpacked. Items are elements. Arguments: 0 x, 1 r, 2 out. */
export function subtractWide(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), r = pointer(args, 1), out = pointer(args, 2);
  for (let at = <usize> from << 3; at < <usize> to << 3; at += 8) store<u64>(out + at, (x == 0 ? 0 : load<u64>(x + at)) - load<u64>(r + at));
}

/** Rows of a panel that are multiplied before the next rows of x: 64 KiB of weights stay in the cache. */
const DEPTH: u32 = 1024;

/** out = (out + x·W) mod 2^n. Weights lie in panels of 8 columns. Items are panels. Arguments: 0 x, 1 panels, 2 out, 3 rows, 4 inputs, 5 outputs, 6 n. */
export function matrixAddWide(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), out = pointer(args, 2), rows = word(args, 3), inputs = word(args, 4), outputs = word(args, 5), ring = lowMask(word(args, 6));
  const stride = <usize> outputs << 3, rowBytes = <usize> inputs << 3;
  for (let panel = from; panel < to; panel++) {
    const panelAt = pointer(args, 1) + <usize> panel * (<usize> inputs << 6), columns = min<u32>(8, outputs - (panel << 3));
    for (let first: u32 = 0; first < inputs; first += DEPTH) {
      const depth = min<u32>(DEPTH, inputs - first), weights = panelAt + (<usize> first << 6);
      let from = x + (<usize> first << 3), to = out + (<usize> panel << 6), row: u32 = 0;
      if (columns == 8) {
        for (; row + 2 <= rows; row += 2, from += rowBytes << 1, to += stride << 1) twoRows(from, rowBytes, weights, to, stride, depth, ring);
      }
      for (; row < rows; row++, from += rowBytes, to += stride) oneRow(from, weights, to, depth, columns, ring);
    }
  }
}

/** Two rows by eight columns: the sums stay in registers. */
function twoRows(x: usize, rowBytes: usize, weights: usize, out: usize, stride: usize, depth: u32, ring: u64): void {
  let a0 = v128.load(out), a1 = v128.load(out, 16), a2 = v128.load(out, 32), a3 = v128.load(out, 48);
  let b0 = v128.load(out + stride), b1 = v128.load(out + stride, 16), b2 = v128.load(out + stride, 32), b3 = v128.load(out + stride, 48);
  const end = x + (<usize> depth << 3), rings = i64x2.splat(ring);
  for (; x < end; x += 8, weights += 64) {
    const w0 = v128.load(weights), w1 = v128.load(weights, 16), w2 = v128.load(weights, 32), w3 = v128.load(weights, 48);
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
  const x = pointer(args, 0), out = pointer(args, 2), rows = word(args, 3), inputs = word(args, 4), outputs = word(args, 5), ring = lowMask(word(args, 6));
  const stride = <usize> outputs << 3, rowBytes = <usize> inputs << 3;
  for (let panel = from; panel < to; panel++) {
    const panelAt = pointer(args, 1) + <usize> panel * (<usize> inputs << 6), columns = min<u32>(16, outputs - (panel << 4));
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

/**
 * [party 0] x̂ŷ - x̂·r_y - r_x·ŷ + pad mod 2^n. Items are rows.
 * Arguments: 0 x, 1 r_x, 2 y, 3 r_y, 4 out, 5 whether this is party 0, 6 whether y has one column, 7 n. Segment: 0 first row, 2 pads, 5 first element, 7 columns.
 */
export function multiplyWide(args: usize, segment: usize, from: u32, to: u32): void {
  const broadcast = word(args, 6) != 0, counts = <u64> 0 - <u64> word(args, 5), cols = word(segment, 7), n = word(args, 7), ring = lowMask(n);
  for (let row = from; row < to; row++) {
    const first = word(segment, 5) + row * cols;
    let pad = recordBit(pointer(segment, 2), row * cols, n);
    for (let c: u32 = 0; c < cols; c++, pad += n) {
      const at = <usize> (first + c) << 3, j = broadcast ? <usize> (word(segment, 0) + row) << 3 : at;
      const x = load<u64>(pointer(args, 0) + at), y = load<u64>(pointer(args, 2) + j);
      const sum = fieldAt(pad, n) + x * ((y & counts) - load<u64>(pointer(args, 3) + j)) - load<u64>(pointer(args, 1) + at) * y;
      store<u64>(pointer(args, 4) + at, sum & ring);
    }
  }
}

/**
 * Share of Σ x² + pad mod 2^q for x of n > 32 bits. Items are rows.
 * Arguments: 0 x, 1 out, 2 q, 3 whether this is party 0, 4 record bits, 5 pad record bits, 6 n. Segment: 0 first row, 2 given, 3 pads, 5 first element,
 * 7 columns.
 */
export function squareSumWide(args: usize, segment: usize, from: u32, to: u32): void {
  const q = word(args, 2), counts = <u64> 0 - <u64> word(args, 3), stride = word(args, 4), n = word(args, 6), cols = word(segment, 7);
  const half = <u64> 1 << <u64> (n - 2), ring = lowMask(n), rBits = max<u32>(q, n), lift = q > n ? q - n : 0, brBits = lift > 0 ? lift - 1 : 0;
  for (let row = from; row < to; row++) {
    let x = pointer(args, 0) + (<usize> (word(segment, 5) + row * cols) << 3), bit = recordBit(pointer(segment, 2), row * cols, stride), sum: u64 = 0;
    for (let c: u32 = 0; c < cols; c++, x += 8, bit += stride) {
      const shifted = (load<u64>(x) + half) & ring, u = shifted - half, noWrap = (shifted >> <u64> (n - 1)) - 1;
      const r = fieldAt(bit, rBits), b = anyField(bit + rBits, lift), br = anyField(bit + rBits + lift, brBits);
      // b·2^(2n) vanishes: 2n > 64.
      sum += ((u * u) & counts) - ((u * r) << 1) + (shiftLeft(u * b - br, n + 1) & noWrap);
    }
    const pad = fieldAt(recordBit(pointer(segment, 3), row, word(args, 5)), q);
    store<u64>(pointer(args, 1) + (<usize> (word(segment, 0) + row) << 3), (sum + pad) & lowMask(q));
  }
}

/**
 * Shares of a truncation's symbols, and the top bit for the party that does not hold it. Items are elements.
 * Arguments: 0 z, 1 out, 2 given bits, 3 free bits, 4 chunks, 5 chunk count, 6 parity, 7 and 8 added constant, 9 n - 1, 10 by, 11 tells, 12 symbol count,
 * 13 whether z has two words. Segment: 0 first element, 2 given, 3 free.
 */
export function truncateSymbolsWide(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 2), freeBits = word(args, 3), chunks = word(args, 4), chunkCount = word(args, 5), parity = word(args, 6);
  const added = word64(args, 7), top = <u64> word(args, 9), low = lowMask(word(args, 10)), tells = word(args, 11), count = word(args, 12), wide = word(args, 13) != 0;
  const symbolMask = (<u64> 1 << count) - 1;
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  for (let i = from; i < to; i++, given += givenBits, free += freeBits) {
    const at = word(segment, 0) + i, shifted = elementAt(pointer(args, 0), at, wide) + added;
    const symbols = permutedSymbols(given, chunks, chunkCount, parity, shifted & low) ^ <u32> (bitsAt(free) & symbolMask);
    store<u32>(pointer(args, 1) + (<usize> at << 2), symbols ^ ((tells & ~<u32> (shifted >> top)) << count));
  }
}

/**
 * Share of a truncation's result. Items are elements.
 * Arguments: 0 z, 1 opened, 2 out, 3 given bits, 4 free bits, 5 chunk count, 6 carries' offset, 7 m, 8 wrap bits, 9 wrap's offset, 10 n, 11 adds,
 * 12 and 13 added constant, 14 by, 15 symbol count, 16 whether z has two words, 17 whether the result has. Segment: 0 first element, 2 given, 3 free.
 */
export function truncateFinishWide(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 3), freeBits = word(args, 4), chunkCount = word(args, 5), carries = word(args, 6), m = word(args, 7), ring = lowMask(m);
  const wrapBits = word(args, 8), wrap = word(args, 9), n = word(args, 10), adds = <u64> 0 - <u64> word(args, 11), added = word64(args, 12), by = word(args, 14);
  const count = word(args, 15), wideIn = word(args, 16) != 0, wideOut = word(args, 17) != 0, whole = lowMask(n), offset = <u64> 1 << <u64> (n - 2 - by);
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits) + count;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits) {
    const at = word(segment, 0) + i, symbols = load<u32>(pointer(args, 1) + (<usize> at << 2)), selected = permutedPath(symbols, chunkCount), bit = <u64> (selected & 1);
    let sum = fieldAt(free, m) - (1 - 2 * bit) * fieldAt(given + carries + <u64> (selected >> 1) * m, m);
    sum += shiftLeft(anyField(given + wrap, wrapBits), n - by) & (<u64> 0 - <u64> ((symbols >> count) & 1));
    sum += ((((elementAt(pointer(args, 0), at, wideIn) + added) & whole) >> <u64> by) - offset - bit) & adds;
    putElement(pointer(args, 2), at, wideOut, sum & ring);
  }
}

/** ((x mod 2^n) >> by) mod 2^m. Items are elements. Arguments: 0 x, 1 out, 2 n, 3 by, 4 m, 5 whether the result has two words. */
export function shiftWide(args: usize, _segment: usize, from: u32, to: u32): void {
  const whole = lowMask(word(args, 2)), by = <u64> word(args, 3), ring = lowMask(word(args, 4)), wide = word(args, 5) != 0;
  for (let i = from; i < to; i++) putElement(pointer(args, 1), i, wide, ((elementAt(pointer(args, 0), i, true) & whole) >> by) & ring);
}

/**
 * A masked value read in a ring of m > 32 bits. Items are elements.
 * Arguments: 0 x, 1 top or 0, 2 out, 3 n, 4 m, 5 whether x has two words, 6 whether top has.
 */
export function extendWide(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, 0), top = pointer(args, 1), out = pointer(args, 2), n = word(args, 3), ring = lowMask(word(args, 4));
  const wideX = word(args, 5) != 0, wideTop = word(args, 6) != 0, half = <u64> 1 << <u64> (n - 2), narrow = lowMask(n);
  for (let i = from; i < to; i++) {
    const above = top == 0 ? 0 : elementAt(top, i, wideTop) << <u64> n;
    putElement(out, i, true, (((elementAt(x, i, wideX) + half) & narrow) - half + above) & ring);
  }
}

/**
 * a ± k·c·2^shift mod 2^m, k = 1 where the mask of x may have wrapped, with x or the result in more than 32 bits. Items are elements.
 * Arguments: 0 a, 1 x, 2 c, 3 out, 4 n, 5 shift, 6 whether the term is subtracted, 7 m, 8 whether x has two words, 9 whether c has, 10 whether a and the
 * result have.
 */
export function addWrapWide(args: usize, _segment: usize, from: u32, to: u32): void {
  const a = pointer(args, 0), x = pointer(args, 1), c = pointer(args, 2), out = pointer(args, 3), n = word(args, 4), shift = word(args, 5);
  const half = <u64> 1 << <u64> (n - 2), top = <u64> (n - 1), sign = <u64> 1 - 2 * <u64> word(args, 6), ring = lowMask(word(args, 7));
  const wideX = word(args, 8) != 0, wideC = word(args, 9) != 0, wideOut = word(args, 10) != 0;
  for (let i = from; i < to; i++) {
    const wrapped = ((elementAt(x, i, wideX) + half) >> top) & 1, term = sign * shiftLeft(elementAt(c, i, wideC), shift);
    putElement(out, i, wideOut, (elementAt(a, i, wideOut) + (term & (wrapped - 1))) & ring);
  }
}
