// A masked value read in a wider ring. Items are elements.

import { elementAt, lowBits, pointer, putElement, shiftLeft, unit, word } from "../../../cpu/assembly/bits";

// <arguments> written by `deno task kernels`
const enum AddWrap {
  a,
  x,
  c,
  result,
  aWords,
  xWords,
  cWords,
  resultWords,
  party,
  inBits,
  shift,
  subtracts,
  outBits,
}

const enum Extend {
  x,
  top,
  result,
  xWords,
  topWords,
  hasTop,
  resultWords,
  party,
  inBits,
  outBits,
}
// </arguments>

/** x without the wrap of its mask, and the bits above it. */
export function extend<T>(args: usize, _segment: usize, from: u32, to: u32): void {
  const x = pointer(args, Extend.x),
    xWords = word(args, Extend.xWords),
    top = pointer(args, Extend.top),
    topWords = word(args, Extend.topWords);
  const out = pointer(args, Extend.result), outWords = word(args, Extend.resultWords), n = word(args, Extend.inBits);
  const narrow = lowBits<T>(n), half = unit<T>(n - 2), ring = lowBits<T>(word(args, Extend.outBits));
  for (let i = from; i < to; i++) {
    const above = top == 0 ? <T> 0 : shiftLeft<T>(elementAt<T>(top, i, topWords), n);
    putElement<T>(out, i, outWords, (((elementAt<T>(x, i, xWords) + half) & narrow) - half + above) & ring);
  }
}

/** a and a term that counts where the mask of x may have wrapped. */
export function addWrap<T>(args: usize, _segment: usize, from: u32, to: u32): void {
  const a = pointer(args, AddWrap.a),
    aWords = word(args, AddWrap.aWords),
    x = pointer(args, AddWrap.x),
    xWords = word(args, AddWrap.xWords);
  const c = pointer(args, AddWrap.c),
    cWords = word(args, AddWrap.cWords),
    out = pointer(args, AddWrap.result),
    outWords = word(args, AddWrap.resultWords);
  const n = word(args, AddWrap.inBits),
    shift = word(args, AddWrap.shift),
    sign = <T> 1 - 2 * <T> word(args, AddWrap.subtracts);
  const half = unit<T>(n - 2), ring = lowBits<T>(word(args, AddWrap.outBits));
  for (let i = from; i < to; i++) {
    const k = (~((elementAt<T>(x, i, xWords) + half) >> <T> (n - 1)) & 1) * sign;
    putElement<T>(
      out,
      i,
      outWords,
      (elementAt<T>(a, i, aWords) + k * shiftLeft<T>(elementAt<T>(c, i, cWords), shift)) & ring,
    );
  }
}
