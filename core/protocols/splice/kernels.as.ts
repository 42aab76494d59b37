// A ramp or a step minus a bump. Items are elements.

import { bitsAt, lowBits, pointer, recordBit, word, wordAt } from "../../../cpu/assembly/bits";
import { equalAt, lessAt, lookup, lookupHalves, negativeAt, second } from "../../../cpu/assembly/one_hot";

// <arguments> written by `deno task kernels`
const enum SpliceBits {
  opened,
  result,
  givenBits,
  freeBits,
  pairsAt,
  symbolsAt,
  bitsAt,
  party,
  parity,
}

const enum SpliceFinish {
  x,
  values,
  opened,
  result,
  givenBits,
  freeBits,
  wordsAt,
  padAt,
  party,
  parity,
  inBits,
  valueBits,
  ringBits,
}

const enum SpliceSymbols {
  x,
  symbols,
  values,
  table,
  givenBits,
  freeBits,
  lowAt,
  indexAt,
  topAt,
  symbolsAt,
  valuesAt,
  party,
  parity,
  skip,
  lowBits,
  indexBits,
  topBits,
  valueBits,
}
// </arguments>

/** Eight symbols and two signed table values; the table is in halves for values of up to 16 bits. */
export function spliceSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, SpliceSymbols.givenBits),
    freeBits = word(args, SpliceSymbols.freeBits),
    parity = word(args, SpliceSymbols.parity);
  const low = word(args, SpliceSymbols.lowBits),
    index = word(args, SpliceSymbols.indexBits),
    top = word(args, SpliceSymbols.topBits),
    sign = 1 - 2 * word(args, SpliceSymbols.party);
  const lowMask = (<u32> 1 << low) - 1,
    indexMask = (<u32> 1 << index) - 1,
    topMask = (<u32> 1 << top) - 1,
    window = <u32> 1 << (low + index - 1);
  const skip = word(args, SpliceSymbols.skip),
    valueBits = word(args, SpliceSymbols.valueBits),
    valueMask = lowBits<u32>(valueBits),
    table = pointer(args, SpliceSymbols.table);
  const lowAt = word(args, SpliceSymbols.lowAt),
    indexOffset = word(args, SpliceSymbols.indexAt),
    topOffset = word(args, SpliceSymbols.topAt);
  const symbolsAt = word(args, SpliceSymbols.symbolsAt), valuesAt = word(args, SpliceSymbols.valuesAt);
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const x = load<u32>(pointer(args, SpliceSymbols.x) + at) >> skip,
      raised = x + window,
      indexAt = given + indexOffset,
      topAt = given + topOffset;
    const signIndex = (x >> low) & indexMask, signTop = (x >> (low + index)) & topMask;
    const windowIndex = (raised >> low) & indexMask, windowTop = (raised >> (low + index)) & topMask;
    let symbols = lessAt(given + lowAt, low, parity, x & lowMask);
    symbols |= lessAt(indexAt, index, parity, windowIndex) << 1;
    symbols |= equalAt(topAt, top, parity, windowTop) << 2;
    symbols |= equalAt(topAt, top, parity, (windowTop - 1) & topMask) << 3;
    symbols |= lessAt(indexAt, index, parity, signIndex) << 4;
    symbols |= equalAt(indexAt, index, parity, signIndex) << 5;
    symbols |= negativeAt(topAt, top, parity, signTop) << 6;
    symbols |= negativeAt(topAt, top, parity, (signTop - 1) & topMask) << 7;
    store<u32>(pointer(args, SpliceSymbols.symbols) + at, symbols ^ (<u32> bitsAt(free + symbolsAt) & 255));
    const values = pointer(args, SpliceSymbols.values) + 2 * at, masks = free + valuesAt;
    let v0: u32, v1: u32;
    if (valueBits <= 16) {
      const both = lookupHalves(indexAt, index, parity, windowIndex, table);
      v0 = both & 0xffff;
      v1 = both >> 16;
    } else {
      v0 = lookup(indexAt, index, parity, windowIndex, table);
      v1 = second();
    }
    store<u32>(values, (sign * v0 + wordAt(masks)) & valueMask);
    store<u32>(values, (sign * v1 + wordAt(masks + valueBits)) & valueMask, 4);
  }
}

/** Shares of pos, w_0 and w_1. */
export function spliceBits(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, SpliceBits.givenBits),
    freeBits = word(args, SpliceBits.freeBits),
    constant = 1 - word(args, SpliceBits.party);
  const symbolsAt = word(args, SpliceBits.symbolsAt), bitsOffset = word(args, SpliceBits.bitsAt);
  let pairs = recordBit(pointer(segment, 2), from, givenBits) + word(args, SpliceBits.pairsAt),
    free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, pairs += givenBits, free += freeBits, at += 4) {
    const s = load<u32>(pointer(args, SpliceBits.opened) + at),
      mine = <u32> bitsAt(free + symbolsAt),
      own = <u32> bitsAt(free + bitsOffset) & 7,
      pair = <u32> bitsAt(pairs);
    // Public masked symbols, this party's shares of their mask bits, and its shares of products of mask bits; only bit 0 of each counts.
    const c = s, w = s >> 1, e0 = s >> 2, l = s >> 4, q = s >> 5, s0 = s >> 6, de = e0 ^ (s >> 3), ds = s0 ^ (s >> 7);
    const rc = mine,
      rw = mine >> 1,
      re0 = mine >> 2,
      rl = mine >> 4,
      rq = mine >> 5,
      rde = re0 ^ (mine >> 3),
      rds = (mine >> 6) ^ (mine >> 7);
    const qc = pair, wc = pair >> 1, qs = pair >> 2, cs = pair >> 3, ec = pair >> 4, we = pair >> 5;
    const pos = (constant & (s0 ^ (l & ds) ^ (q & c & ds))) ^ (ds & rl) ^ (l & rds) ^ (c & ds & rq) ^ (q & ds & rc) ^
      (q & c & rds) ^ (ds & qc) ^ (c & qs) ^ (q & cs);
    const inside = (constant & (e0 ^ (w & de))) ^ (de & rw) ^ (w & rde);
    const upper = (constant & ((e0 & c) ^ (w & de & c))) ^ (c & re0) ^ (e0 & rc) ^ (de & c & rw) ^ (w & c & rde) ^
      (w & de & rc) ^ (c & we) ^ (de & wc) ^ (w & ec);
    store<u32>(
      pointer(args, SpliceBits.result) + at,
      own ^ (pos & 1) ^ (((inside ^ upper) & 1) << 1) ^ ((upper & 1) << 2),
    );
  }
}

/** What a masked value stands for in the result's ring, with its spare bit; a ring as wide as that needs none: `half` is 0. */
// @inline
function spare(x: u32, mask: u32, half: u32): u32 {
  return ((x + half) & mask) - half;
}

/**
 * The mask's top bit times a masked bit, above the ring of x; 0 where the mask cannot have wrapped or nothing is missing. At `tops`: the top bit, and the top
 * bit times the mask bit, in `missing` bits each.
 */
// @inline
function wrapped(x: u32, half: u32, bits: u32, bit: u32, tops: u64, missing: u32): u32 {
  if (missing == 0 || ((x + half) >> (bits - 1)) & 1) return 0;
  const both = <u32> bitsAt(tops + missing);
  return (both + bit * (<u32> bitsAt(tops) - 2 * both)) << bits;
}

/** Share of the function's value. */
export function spliceFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, SpliceFinish.givenBits),
    freeBits = word(args, SpliceFinish.freeBits),
    party0 = 1 - word(args, SpliceFinish.party);
  const n = word(args, SpliceFinish.ringBits),
    ring = lowBits<u32>(n),
    inBits = word(args, SpliceFinish.inBits),
    valueBits = word(args, SpliceFinish.valueBits);
  const inMissing = n - inBits,
    inMask = lowBits<u32>(inBits),
    inHalf: u32 = inMissing == 0 ? 0 : <u32> 1 << (inBits - 2);
  const missing = n - valueBits,
    mask = lowBits<u32>(valueBits),
    half: u32 = missing == 0 ? 0 : <u32> 1 << (valueBits - 2);
  const wordsAt = word(args, SpliceFinish.wordsAt), inTops = 7 * n, valueTops = inTops + 2 * inMissing;
  const n2 = 2 * n, n3 = 3 * n, n4 = 4 * n, n5 = 5 * n, n6 = 6 * n;
  let given = recordBit(pointer(segment, 2), from, givenBits),
    free = recordBit(pointer(segment, 3), from, freeBits) + word(args, SpliceFinish.padAt);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const x = load<u32>(pointer(args, SpliceFinish.x) + at),
      bits = load<u32>(pointer(args, SpliceFinish.opened) + at),
      values = pointer(args, SpliceFinish.values) + 2 * at;
    const words = given + wordsAt,
      v0 = load<u32>(values),
      v1 = load<u32>(values, 4),
      pos = bits & 1,
      w0 = (bits >> 1) & 1,
      w1 = (bits >> 2) & 1,
      s = wordAt(words + n);
    const u = spare(x, inMask, inHalf), u0 = spare(v0, mask, half), u1 = spare(v1, mask, half);
    // Words: π, s, sω_0, sω_1, (1 - 2π)·r, (1 - 2ω_0)·s·μ_0, (1 - 2ω_1)·s·μ_1; then the tops of x, v_0 and v_1.
    let sum = wordAt(free) + (1 - 2 * pos) * u * wordAt(words) - pos * wordAt(words + n4) + party0 * pos * u;
    sum -= w0 * u0 * s + (1 - 2 * w0) * u0 * wordAt(words + n2) - w0 * wordAt(words + n5);
    sum -= w1 * u1 * s + (1 - 2 * w1) * u1 * wordAt(words + n3) - w1 * wordAt(words + n6);
    sum += wrapped(x, inHalf, inBits, pos, words + inTops, inMissing);
    sum -= wrapped(v0, half, valueBits, w0, words + valueTops, missing) +
      wrapped(v1, half, valueBits, w1, words + valueTops + 2 * missing, missing);
    store<u32>(pointer(args, SpliceFinish.result) + at, sum & ring);
  }
}
