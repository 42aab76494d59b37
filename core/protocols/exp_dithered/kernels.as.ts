// Exponential by two digits without a carry. Items are elements.

import { lowBits, pointer, recordBit, word, wordAt } from "../../../cpu/assembly/bits";
import { lookupOne } from "../../../cpu/assembly/one_hot";

// <arguments> written by `deno task kernels`
const enum ExpDitheredFinish {
  values,
  result,
  givenBits,
  freeBits,
  wordsAt,
  padAt,
  party,
  parity,
  ringBits,
}

const enum ExpDitheredValues {
  t,
  values,
  low,
  high,
  givenBits,
  freeBits,
  lowAt,
  highAt,
  valuesAt,
  party,
  parity,
  skip,
  lowBits,
  highBits,
  ringBits,
}
// </arguments>

export function expDitheredValues(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, ExpDitheredValues.givenBits),
    freeBits = word(args, ExpDitheredValues.freeBits),
    parity = word(args, ExpDitheredValues.parity);
  const skip = word(args, ExpDitheredValues.skip),
    low = word(args, ExpDitheredValues.lowBits),
    high = word(args, ExpDitheredValues.highBits);
  const n = word(args, ExpDitheredValues.ringBits),
    ring = lowBits<u32>(n),
    sign = 1 - 2 * word(args, ExpDitheredValues.party);
  const lowMask = (<u32> 1 << low) - 1,
    highMask = (<u32> 1 << high) - 1,
    lowTable = pointer(args, ExpDitheredValues.low),
    highTable = pointer(args, ExpDitheredValues.high);
  const lowAt = word(args, ExpDitheredValues.lowAt), highAt = word(args, ExpDitheredValues.highAt);
  let given = recordBit(pointer(segment, 2), from, givenBits),
    free = recordBit(pointer(segment, 3), from, freeBits) + word(args, ExpDitheredValues.valuesAt);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const t = load<u32>(pointer(args, ExpDitheredValues.t) + at) >> skip,
      values = pointer(args, ExpDitheredValues.values) + 2 * at;
    store<u32>(values, (sign * lookupOne(given + lowAt, low, parity, t & lowMask, lowTable) + wordAt(free)) & ring);
    store<u32>(
      values,
      (sign * lookupOne(given + highAt, high, parity, (t >> low) & highMask, highTable) + wordAt(free + n)) & ring,
      4,
    );
  }
}

/** s·(v_0 - μ_0)·(v_1 - μ_1) under its pad. */
export function expDitheredFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, ExpDitheredFinish.givenBits),
    freeBits = word(args, ExpDitheredFinish.freeBits),
    n = word(args, ExpDitheredFinish.ringBits),
    ring = lowBits<u32>(n);
  let words = recordBit(pointer(segment, 2), from, givenBits) + word(args, ExpDitheredFinish.wordsAt);
  let free = recordBit(pointer(segment, 3), from, freeBits) + word(args, ExpDitheredFinish.padAt);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, words += givenBits, free += freeBits, at += 4) {
    const values = pointer(args, ExpDitheredFinish.values) + 2 * at, v0 = load<u32>(values), v1 = load<u32>(values, 4);
    const sum = v0 * v1 * wordAt(words) - v1 * wordAt(words + n) - v0 * wordAt(words + 2 * n) + wordAt(free);
    store<u32>(pointer(args, ExpDitheredFinish.result) + at, sum & ring);
  }
}
