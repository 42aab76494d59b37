// Exponential by digits. Items are elements.

import { bitsAt, lowBits, pointer, recordBit, word, wordAt } from "../../../cpu/assembly/bits";
import { equalAt, lessAt, lookup, second } from "../../../cpu/assembly/one_hot";

// <arguments> written by `deno task kernels`
const enum ExpClip {
  opened,
  clip,
  freeBits,
  symbolsAt,
  clipAt,
  party,
}

const enum ExpFinish {
  opened,
  values,
  clip,
  result,
  givenBits,
  freeBits,
  wordsAt,
  padAt,
  party,
  parity,
  ringBits,
}

const enum ExpSymbols {
  t,
  symbols,
  values,
  low,
  high,
  givenBits,
  freeBits,
  lowAt,
  highAt,
  topAt,
  symbolsAt,
  valuesAt,
  party,
  parity,
  lowBits,
  highBits,
  topBits,
  ringBits,
}
// </arguments>

/** Symbols and signed values of the digits. */
export function expSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, ExpSymbols.givenBits),
    freeBits = word(args, ExpSymbols.freeBits),
    parity = word(args, ExpSymbols.parity),
    sign = 1 - 2 * word(args, ExpSymbols.party);
  const low = word(args, ExpSymbols.lowBits),
    high = word(args, ExpSymbols.highBits),
    top = word(args, ExpSymbols.topBits),
    n = word(args, ExpSymbols.ringBits),
    ring = lowBits<u32>(n);
  const lowMask = (<u32> 1 << low) - 1, highMask = (<u32> 1 << high) - 1, topMask = (<u32> 1 << top) - 1;
  const lowOffset = word(args, ExpSymbols.lowAt),
    highOffset = word(args, ExpSymbols.highAt),
    topOffset = word(args, ExpSymbols.topAt);
  const symbolsAt = word(args, ExpSymbols.symbolsAt), valuesAt = word(args, ExpSymbols.valuesAt);
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const t = load<u32>(pointer(args, ExpSymbols.t) + at),
      t0 = t & lowMask,
      t1 = (t >> low) & highMask,
      t2 = t >> (low + high);
    const lowAt = given + lowOffset, highAt = given + highOffset, topAt = given + topOffset, masks = free + valuesAt;
    let symbols = lessAt(lowAt, low, parity, t0);
    symbols |= lessAt(highAt, high, parity, t1) << 1;
    symbols |= equalAt(topAt, top, parity, t2 & topMask) << 2;
    symbols |= equalAt(topAt, top, parity, (t2 - 1) & topMask) << 3;
    store<u32>(pointer(args, ExpSymbols.symbols) + at, symbols ^ (<u32> bitsAt(free + symbolsAt) & 15));
    const values = pointer(args, ExpSymbols.values) + 3 * at;
    store<u32>(values, (sign * lookup(lowAt, low, parity, t0, pointer(args, ExpSymbols.low)) + wordAt(masks)) & ring);
    const v0 = lookup(highAt, high, parity, t1, pointer(args, ExpSymbols.high));
    store<u32>(values, (sign * v0 + wordAt(masks + n)) & ring, 4);
    store<u32>(values, (sign * second() + wordAt(masks + 2 * n)) & ring, 8);
  }
}

/** Share of the clip bit. */
export function expClip(args: usize, segment: usize, from: u32, to: u32): void {
  const freeBits = word(args, ExpClip.freeBits),
    constant = 1 - word(args, ExpClip.party),
    symbolsAt = word(args, ExpClip.symbolsAt),
    clipAt = word(args, ExpClip.clipAt);
  let free = recordBit(pointer(segment, 3), from, freeBits), at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, free += freeBits, at += 4) {
    const s = load<u32>(pointer(args, ExpClip.opened) + at), mine = <u32> bitsAt(free + symbolsAt);
    const l = (s >> 1) & 1,
      e0 = (s >> 2) & 1,
      d = (e0 ^ (s >> 3)) & 1,
      rhoL = mine >> 1,
      rhoD = (mine >> 2) ^ (mine >> 3);
    store<u32>(
      pointer(args, ExpClip.clip) + at,
      (<u32> bitsAt(free + clipAt) ^ (d & rhoL) ^ (l & rhoD) ^ (constant & (e0 ^ (l & d)))) & 1,
    );
  }
}

/** What is multiplied by the clip, but for m_low·A_c. At `words`: S, S·m_low, S·ρ_c, S·m_low·ρ_c; at `selected`: A_c. */
// @inline
function polynomial(words: u64, selected: u64, n: u32, low: u32, own: u32, step: u32): u32 {
  return own * (low * wordAt(words) - wordAt(words + n)) +
    step * (low * wordAt(words + 2 * n) - wordAt(words + 3 * n)) - low * wordAt(selected);
}

/** Share of e^(-t). */
export function expFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, ExpFinish.givenBits),
    freeBits = word(args, ExpFinish.freeBits),
    n = word(args, ExpFinish.ringBits),
    ring = lowBits<u32>(n);
  let words = recordBit(pointer(segment, 2), from, givenBits) + word(args, ExpFinish.wordsAt),
    free = recordBit(pointer(segment, 3), from, freeBits) + word(args, ExpFinish.padAt);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, words += givenBits, free += freeBits, at += 4) {
    const c = load<u32>(pointer(args, ExpFinish.opened) + at) & 1,
      g = load<u32>(pointer(args, ExpFinish.clip) + at),
      values = pointer(args, ExpFinish.values) + 3 * at;
    const low = load<u32>(values),
      v0 = load<u32>(values, 4),
      v1 = load<u32>(values, 8),
      own = c == 1 ? v1 : v0,
      step = (1 - 2 * c) * (v1 - v0);
    // Words: 4 of the polynomial, 4 times κ, A_0 and A_1, both times κ, m_low·(A_1 - A_0), that times κ, (1 - 2κ)·m_low·A_0.
    const selected = words + (8 + c) * n, apart = wordAt(words + 13 * n);
    let sum = wordAt(free) + g * polynomial(words, selected, n, low, own, step) +
      (1 - 2 * g) * polynomial(words + 4 * n, selected + 2 * n, n, low, own, step);
    sum += g * wordAt(words + 14 * n) + c * (apart + g * (wordAt(words + 12 * n) - 2 * apart));
    store<u32>(pointer(args, ExpFinish.result) + at, sum & ring);
  }
}
