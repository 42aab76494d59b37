// Public-linear operations on masked values.

import { elementAt, lowBits, pointer, putElement, word } from "../../../cpu/assembly/bits";
import { laneSum } from "../../../cpu/assembly/lanes";

// <arguments> written by `deno task kernels`
const enum Add {
  x,
  y,
  result,
  xWords,
  yWords,
  resultWords,
  party,
  ringBits,
}

const enum Columns {
  x,
  result,
  xWords,
  resultWords,
  party,
  column,
  width,
  ringBits,
}

const enum Distance {
  top,
  x,
  result,
  party,
  scale,
  ringBits,
}

const enum Rotate {
  x,
  result,
  angles,
  party,
  heads,
  width,
  ringBits,
}

const enum RowSum {
  x,
  result,
  party,
  ringBits,
}

const enum Shift {
  x,
  result,
  xWords,
  resultWords,
  party,
  inBits,
  by,
  outBits,
}
// </arguments>

/** (x + y) & ring. Items are elements. */
export function add<T>(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, Add.x),
    y = pointer(args, Add.y),
    out = pointer(args, Add.result),
    ring = lowBits<T>(word(args, Add.ringBits));
  const shift = alignof<T>();
  let at = <usize> from << shift;
  const end = <usize> to << shift;
  if (sizeof<T>() == 4) {
    const rings = i32x4.splat(<i32> ring);
    for (; at + 16 <= end; at += 16) {
      v128.store(out + at, v128.and(i32x4.add(v128.load(x + at), v128.load(y + at)), rings));
    }
  }
  for (; at < end; at += sizeof<T>()) store<T>(out + at, (load<T>(x + at) + load<T>(y + at)) & ring);
}

/** ((x & ring) >> by) & kept. Items are elements. */
export function shift<T>(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, Shift.x),
    xWords = word(args, Shift.xWords),
    out = pointer(args, Shift.result),
    outWords = word(args, Shift.resultWords);
  const by = word(args, Shift.by),
    ring = lowBits<T>(word(args, Shift.inBits)),
    kept = lowBits<T>(word(args, Shift.outBits)) & (ring >> <T> by);
  let i = from;
  if (sizeof<T>() == 4) {
    const masks = i32x4.splat(<i32> kept);
    for (; i + 4 <= to; i += 4) {
      const at = <usize> i << 2;
      v128.store(out + at, v128.and(i32x4.shr_u(v128.load(x + at), by), masks));
    }
  }
  for (; i < to; i++) putElement<T>(out, i, outWords, (elementAt<T>(x, i, xWords) >> <T> by) & kept);
}

/** Some columns of every row. Items are rows. */
export function columns<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const width = word(args, Columns.width), cols = word(segment, 7), bytes = <usize> width << alignof<T>();
  for (let row = from; row < to; row++) {
    const source = <usize> (word(segment, 5) + row * cols + word(args, Columns.column)) << alignof<T>();
    memory.copy(
      pointer(args, Columns.result) + <usize> (word(segment, 0) + row) * bytes,
      pointer(args, Columns.x) + source,
      bytes,
    );
  }
}

/** Rotary positions. Items are (token, head) pairs. */
export function rotate(args: usize, _segment: usize, from: u32, to: u32): void {
  const heads = word(args, Rotate.heads),
    half = <usize> word(args, Rotate.width) >> 1,
    ring = lowBits<u32>(word(args, Rotate.ringBits)),
    rings = i32x4.splat(ring);
  for (let item = from; item < to; item++) {
    let angle = pointer(args, Rotate.angles) + <usize> (item / heads) * (half << 3);
    let x = pointer(args, Rotate.x) + <usize> item * (half << 3),
      out = pointer(args, Rotate.result) + <usize> item * (half << 3);
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

/** ((top + 1)·2^scale - x) & ring with one top per row. Items are rows. */
export function distance(args: usize, segment: usize, from: u32, to: u32): void {
  const ring = lowBits<u32>(word(args, Distance.ringBits)),
    cols = word(segment, 7),
    rings = i32x4.splat(ring),
    scale = word(args, Distance.scale);
  const x = pointer(args, Distance.x), out = pointer(args, Distance.result);
  for (let row = from; row < to; row++) {
    const above = (load<u32>(pointer(args, Distance.top) + (<usize> (word(segment, 0) + row) << 2)) + 1) << scale,
      aboves = i32x4.splat(above);
    let at = <usize> (word(segment, 5) + row * cols) << 2;
    const end = at + (<usize> cols << 2);
    for (; at + 16 <= end; at += 16) v128.store(out + at, v128.and(i32x4.sub(aboves, v128.load(x + at)), rings));
    for (; at < end; at += 4) store<u32>(out + at, (above - load<u32>(x + at)) & ring);
  }
}

/** Sum of every row. Items are rows. */
export function rowSum(args: usize, segment: usize, from: u32, to: u32): void {
  const cols = word(segment, 7), ring = lowBits<u32>(word(args, RowSum.ringBits));
  for (let row = from; row < to; row++) {
    let at = pointer(args, RowSum.x) + (<usize> (word(segment, 5) + row * cols) << 2), sums = i32x4.splat(0);
    const end = at + (<usize> cols << 2);
    for (; at + 16 <= end; at += 16) sums = i32x4.add(sums, v128.load(at));
    let sum = laneSum(sums);
    for (; at < end; at += 4) sum += load<u32>(at);
    store<u32>(pointer(args, RowSum.result) + (<usize> (word(segment, 0) + row) << 2), sum & ring);
  }
}
