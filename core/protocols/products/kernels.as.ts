// Element-wise products: [party 0] x̂ŷ - x̂·r_y - r_x·ŷ + pad = x̂·([party 0] ŷ - r_y) - r_x·ŷ + pad.

import { fieldOf, lowBits, pointer, recordBit, word } from "../../../cpu/assembly/bits";

// <arguments> written by `deno task kernels`
const enum Multiply {
  x,
  maskX,
  y,
  maskY,
  result,
  freeBits,
  eAt,
  xWords,
  maskXWords,
  yWords,
  maskYWords,
  resultWords,
  party,
  ringBits,
}

const enum MultiplyRow {
  x,
  maskX,
  y,
  maskY,
  result,
  freeBits,
  eAt,
  xWords,
  maskXWords,
  yWords,
  maskYWords,
  resultWords,
  party,
  ringBits,
}
// </arguments>

/** One product of words of type T. */
// @inline
function product<T>(pad: T, x: T, rx: T, y: T, left: T): T {
  return pad + x * left - rx * y;
}

/** Items are elements. */
export function multiply<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const n = word(args, Multiply.ringBits),
    stride = word(args, Multiply.freeBits),
    ring = lowBits<T>(n),
    counts = <T> word(args, Multiply.party) - 1;
  const first = <usize> word(segment, 0) << alignof<T>();
  const x = pointer(args, Multiply.x) + first,
    rx = pointer(args, Multiply.maskX) + first,
    out = pointer(args, Multiply.result) + first;
  const y = pointer(args, Multiply.y) + first, ry = pointer(args, Multiply.maskY) + first;
  let bit = recordBit(pointer(segment, 3), from, stride) + word(args, Multiply.eAt), i = from;
  if (sizeof<T>() == 4 && stride == 32 && n == 32) {
    const all = i32x4.splat(<i32> counts);
    for (let pad = <usize> (bit >> 3); i + 4 <= to; i += 4, pad += 16, bit += 128) {
      const at = <usize> i << 2, b = v128.load(y + at), left = i32x4.sub(v128.and(b, all), v128.load(ry + at));
      const sum = i32x4.add(v128.load(pad), i32x4.mul(v128.load(x + at), left));
      v128.store(out + at, i32x4.sub(sum, i32x4.mul(v128.load(rx + at), b)));
    }
  }
  for (; i < to; i++, bit += stride) {
    const at = <usize> i << alignof<T>(), b = load<T>(y + at), left = (b & counts) - load<T>(ry + at);
    store<T>(out + at, product<T>(fieldOf<T>(bit, n), load<T>(x + at), load<T>(rx + at), b, left) & ring);
  }
}

/** Items are rows; y has one column. */
export function multiplyRow<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const n = word(args, MultiplyRow.ringBits),
    stride = word(args, MultiplyRow.freeBits),
    ring = lowBits<T>(n),
    counts = <T> word(args, MultiplyRow.party) - 1;
  const cols = word(segment, 7);
  for (let row = from; row < to; row++) {
    const first = <usize> (word(segment, 5) + row * cols) << alignof<T>(),
      one = <usize> (word(segment, 0) + row) << alignof<T>();
    const x = pointer(args, MultiplyRow.x) + first,
      rx = pointer(args, MultiplyRow.maskX) + first,
      out = pointer(args, MultiplyRow.result) + first;
    const y = load<T>(pointer(args, MultiplyRow.y) + one),
      left = (y & counts) - load<T>(pointer(args, MultiplyRow.maskY) + one);
    let bit = recordBit(pointer(segment, 3), row * cols, stride) + word(args, MultiplyRow.eAt), c: u32 = 0;
    if (sizeof<T>() == 4 && stride == 32 && n == 32) {
      const ys = i32x4.splat(<i32> y), lefts = i32x4.splat(<i32> left);
      for (let pad = <usize> (bit >> 3); c + 4 <= cols; c += 4, pad += 16, bit += 128) {
        const at = <usize> c << 2, sum = i32x4.add(v128.load(pad), i32x4.mul(v128.load(x + at), lefts));
        v128.store(out + at, i32x4.sub(sum, i32x4.mul(v128.load(rx + at), ys)));
      }
    }
    for (; c < cols; c++, bit += stride) {
      const at = <usize> c << alignof<T>();
      store<T>(out + at, product<T>(fieldOf<T>(bit, n), load<T>(x + at), load<T>(rx + at), y, left) & ring);
    }
  }
}
