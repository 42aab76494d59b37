// Sums of squares. Items are rows.

import {
  elementAt,
  fieldOf,
  lowBits,
  pointer,
  putElement,
  recordBit,
  shiftLeft,
  unit,
  word,
} from "../../../cpu/assembly/bits";

// <arguments> written by `deno task kernels`
const enum SquareSum {
  x,
  result,
  givenBits,
  freeBits,
  rAt,
  bAt,
  brAt,
  eAt,
  xWords,
  resultWords,
  party,
  parity,
  inBits,
  outBits,
  rBits,
  bBits,
  brBits,
}
// </arguments>

/** Share of Σ x² + pad of every row. */
export function squareSum<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const n = word(args, SquareSum.inBits),
    q = word(args, SquareSum.outBits),
    counts = <T> word(args, SquareSum.party) - 1,
    cols = word(segment, 7);
  const givenBits = word(args, SquareSum.givenBits),
    xWords = word(args, SquareSum.xWords),
    outWords = word(args, SquareSum.resultWords);
  const rBits = word(args, SquareSum.rBits), bBits = word(args, SquareSum.bBits), brBits = word(args, SquareSum.brBits);
  const rAt = word(args, SquareSum.rAt), bAt = word(args, SquareSum.bAt), brAt = word(args, SquareSum.brAt);
  const half = unit<T>(n - 2), ring = lowBits<T>(n), square = unit<T>(2 * n);
  for (let row = from; row < to; row++) {
    let bit = recordBit(pointer(segment, 2), row * cols, givenBits), sum: T = 0;
    const first = word(segment, 5) + row * cols;
    for (let c: u32 = 0; c < cols; c++, bit += givenBits) {
      const shifted = (elementAt<T>(pointer(args, SquareSum.x), first + c, xWords) + half) & ring,
        u = shifted - half,
        wraps = (shifted >> <T> (n - 1)) - 1;
      const r = fieldOf<T>(bit + rAt, rBits), b = fieldOf<T>(bit + bAt, bBits), br = fieldOf<T>(bit + brAt, brBits);
      sum += ((u * u) & counts) - ((u * r) << 1) + ((shiftLeft<T>(u * b - br, n + 1) + square * b) & wraps);
    }
    const pad = fieldOf<T>(
      recordBit(pointer(segment, 3), row, word(args, SquareSum.freeBits)) + word(args, SquareSum.eAt),
      q,
    );
    putElement<T>(pointer(args, SquareSum.result), word(segment, 0) + row, outWords, (sum + pad) & lowBits<T>(q));
  }
}
