// Exponential by two digits without a carry. Items are elements. Segment: 0 first element, 2 given, 3 free.

import { pointer, recordBit, word, wordAt } from "./bits";
import { lookupOne } from "./one_hot";

/** Arguments: 0 t, 1 values, 2 given bits, 3 free bits, 4 skip, 5 low, 6 high, 7 parity, 8 sign (±1), 9 low table, 10 high table. */
export function expDitheredValues(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 2), freeBits = word(args, 3), skip = word(args, 4), low = word(args, 5), high = word(args, 6), parity = word(args, 7), sign = word(args, 8);
  const lowMask = (<u32> 1 << low) - 1, highMask = (<u32> 1 << high) - 1;
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const t = load<u32>(pointer(args, 0) + at) >> skip, values = pointer(args, 1) + 2 * at;
    store<u32>(values, sign * lookupOne(given, low, parity, t & lowMask, pointer(args, 9)) + wordAt(free));
    store<u32>(values, sign * lookupOne(given + lowMask, high, parity, (t >> low) & highMask, pointer(args, 10)) + wordAt(free + 32), 4);
  }
}

/** s·(v_0 - μ_0)·(v_1 - μ_1) under its pad. Arguments: 0 values, 1 out, 2 given bits, 3 free bits, 4 words' offset. */
export function expDitheredFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 2), freeBits = word(args, 3);
  let words = recordBit(pointer(segment, 2), from, givenBits) + word(args, 4), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, words += givenBits, free += freeBits, at += 4) {
    const values = pointer(args, 0) + 2 * at, v0 = load<u32>(values), v1 = load<u32>(values, 4);
    store<u32>(pointer(args, 1) + at, v0 * v1 * wordAt(words) - v1 * wordAt(words + 32) - v0 * wordAt(words + 64) + wordAt(free + 64));
  }
}
