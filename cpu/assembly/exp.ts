// Exponential by digits. Items are elements. Segment: 0 first element, 2 given, 3 free.

import { bitsAt, pointer, recordBit, word, wordAt } from "./bits";
import { equalAt, lessAt, lookup, second } from "./one_hot";

/** Arguments: 0 t, 1 symbols, 2 values, 3 given bits, 4 free bits, 5 low, 6 high, 7 top, 8 parity, 9 sign (±1), 10 low table, 11 high table. */
export function expSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 3), freeBits = word(args, 4), low = word(args, 5), high = word(args, 6), top = word(args, 7), parity = word(args, 8), sign = word(args, 9);
  const lowMask = (<u32> 1 << low) - 1, highMask = (<u32> 1 << high) - 1, topMask = (<u32> 1 << top) - 1;
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const t = load<u32>(pointer(args, 0) + at), t0 = t & lowMask, t1 = (t >> low) & highMask, t2 = t >> (low + high);
    const highAt = given + lowMask, topAt = highAt + highMask, values = pointer(args, 2) + 3 * at;
    const equal0 = equalAt(topAt, top, parity, t2 & topMask), equal1 = equalAt(topAt, top, parity, (t2 - 1) & topMask);
    const symbols = lessAt(given, low, parity, t0) | (lessAt(highAt, high, parity, t1) << 1) | (equal0 << 2) | (equal1 << 3);
    store<u32>(pointer(args, 1) + at, symbols ^ (<u32> bitsAt(free) & 15));
    store<u32>(values, sign * lookup(given, low, parity, t0, pointer(args, 10)) + wordAt(free + 5));
    store<u32>(values, sign * lookup(highAt, high, parity, t1, pointer(args, 11)) + wordAt(free + 37), 4);
    store<u32>(values, sign * second() + wordAt(free + 69), 8);
  }
}

/** Share of g = E_0 ⊕ l·(E_0 ⊕ E_1). Arguments: 0 opened, 1 out, 2 free bits, 3 whether party 0. */
export function expClip(args: usize, segment: usize, from: u32, to: u32): void {
  const freeBits = word(args, 2), party0 = word(args, 3);
  let free = recordBit(pointer(segment, 3), from, freeBits), at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, free += freeBits, at += 4) {
    const s = load<u32>(pointer(args, 0) + at), mine = <u32> bitsAt(free), l = s >> 1, e0 = s >> 2, d = e0 ^ (s >> 3);
    const rhoL = mine >> 1, rhoD = (mine >> 2) ^ (mine >> 3);
    store<u32>(pointer(args, 1) + at, ((mine >> 4) ^ (d & rhoL) ^ (l & rhoD) ^ (party0 & (e0 ^ (l & d)))) & 1);
  }
}

/**
 * What is multiplied by the clip, but for m_low·A_c. At `words`: S, S·m_low, S·ρ_c, S·m_low·ρ_c; at `selected`: A_c.
 */
// @ts-ignore: decorator
@inline
function polynomial(words: u64, selected: u64, low: u32, own: u32, step: u32): u32 {
  return own * (low * wordAt(words) - wordAt(words + 32)) + step * (low * wordAt(words + 64) - wordAt(words + 96)) - low * wordAt(selected);
}

/** Arguments: 0 symbols, 1 values, 2 clip, 3 out, 4 given bits, 5 free bits, 6 words' offset. */
export function expFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 4), freeBits = word(args, 5);
  let words = recordBit(pointer(segment, 2), from, givenBits) + word(args, 6), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, words += givenBits, free += freeBits, at += 4) {
    const c = load<u32>(pointer(args, 0) + at) & 1, g = load<u32>(pointer(args, 2) + at), values = pointer(args, 1) + 3 * at;
    const low = load<u32>(values), v0 = load<u32>(values, 4), v1 = load<u32>(values, 8), own = c == 1 ? v1 : v0, step = (1 - 2 * c) * (v1 - v0);
    // Words: 4 of the polynomial, 4 times κ, A_0 and A_1, both times κ, m_low·(A_1 - A_0), that times κ, (1 - 2κ)·m_low·A_0.
    const selected = words + 256 + (<u64> c << 5), apart = wordAt(words + 416);
    let sum = wordAt(free + 101) + g * polynomial(words, selected, low, own, step) + (1 - 2 * g) * polynomial(words + 128, selected + 64, low, own, step);
    sum += g * wordAt(words + 448) + c * (apart + g * (wordAt(words + 384) - 2 * apart));
    store<u32>(pointer(args, 3) + at, sum);
  }
}
