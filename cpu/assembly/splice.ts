// A ramp plus a bump. Items are elements. Segment: 0 first element, 2 given, 3 free.

import { bitsAt, lowMask as ringMask, pointer, recordBit, word, wordAt } from "./bits";
import { equalAt, lessAt, lookup, lookupHalves, negativeAt, second } from "./one_hot";

/** Arguments: 0 x, 1 symbols, 2 values, 3 given bits, 4 free bits, 5 low, 6 index, 7 top, 8 parity, 9 sign (±1), 10 table, in halves for values of up to 16 bits, 11 skip, 12 value bits. */
export function spliceSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 3), freeBits = word(args, 4), low = word(args, 5), index = word(args, 6), top = word(args, 7), parity = word(args, 8), sign = word(args, 9);
  const lowMask = (<u32> 1 << low) - 1, indexMask = (<u32> 1 << index) - 1, topMask = (<u32> 1 << top) - 1, window = <u32> 1 << (low + index - 1);
  const skip = word(args, 11), valueBits = word(args, 12), valueMask = <u32> ringMask(valueBits);
  let given = recordBit(pointer(segment, 2), from, givenBits), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, given += givenBits, free += freeBits, at += 4) {
    const x = load<u32>(pointer(args, 0) + at) >> skip, raised = x + window, indexAt = given + lowMask, topAt = indexAt + indexMask;
    const signIndex = (x >> low) & indexMask, signTop = (x >> (low + index)) & topMask;
    const windowIndex = (raised >> low) & indexMask, windowTop = (raised >> (low + index)) & topMask;
    let symbols = lessAt(given, low, parity, x & lowMask);
    symbols |= lessAt(indexAt, index, parity, windowIndex) << 1;
    symbols |= equalAt(topAt, top, parity, windowTop) << 2;
    symbols |= equalAt(topAt, top, parity, (windowTop - 1) & topMask) << 3;
    symbols |= lessAt(indexAt, index, parity, signIndex) << 4;
    symbols |= equalAt(indexAt, index, parity, signIndex) << 5;
    symbols |= negativeAt(topAt, top, parity, signTop) << 6;
    symbols |= negativeAt(topAt, top, parity, (signTop - 1) & topMask) << 7;
    store<u32>(pointer(args, 1) + at, symbols ^ (<u32> bitsAt(free) & 255));
    const values = pointer(args, 2) + 2 * at;
    let v0: u32, v1: u32;
    if (valueBits <= 16) {
      const both = lookupHalves(indexAt, index, parity, windowIndex, pointer(args, 10));
      v0 = both & 0xffff;
      v1 = both >> 16;
    } else {
      v0 = lookup(indexAt, index, parity, windowIndex, pointer(args, 10));
      v1 = second();
    }
    store<u32>(values, (sign * v0 + wordAt(free + 11)) & valueMask);
    store<u32>(values, (sign * v1 + wordAt(free + 11 + valueBits)) & valueMask, 4);
  }
}

/** Shares of pos, w_0 and w_1. Arguments: 0 opened, 1 out, 2 given bits, 3 free bits, 4 pairs' offset, 5 whether party 0. */
export function spliceBits(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 2), freeBits = word(args, 3), constant = word(args, 5);
  let pairs = recordBit(pointer(segment, 2), from, givenBits) + word(args, 4), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, pairs += givenBits, free += freeBits, at += 4) {
    const s = load<u32>(pointer(args, 0) + at), mine = <u32> bitsAt(free), own = (mine >> 8) & 7, pair = <u32> bitsAt(pairs);
    // Public masked symbols, this party's shares of their mask bits, and its shares of products of mask bits; only bit 0 of each counts.
    const c = s, w = s >> 1, e0 = s >> 2, l = s >> 4, q = s >> 5, s0 = s >> 6, de = e0 ^ (s >> 3), ds = s0 ^ (s >> 7);
    const rc = mine, rw = mine >> 1, re0 = mine >> 2, rl = mine >> 4, rq = mine >> 5, rde = re0 ^ (mine >> 3), rds = (mine >> 6) ^ (mine >> 7);
    const qc = pair, qs = pair >> 1, cs = pair >> 2, we = pair >> 3, wc = pair >> 4, ec = pair >> 5;
    const neg = (constant & (s0 ^ (l & ds) ^ (q & c & ds))) ^ (ds & rl) ^ (l & rds) ^ (c & ds & rq) ^ (q & ds & rc) ^ (q & c & rds) ^ (ds & qc) ^ (c & qs) ^ (q & cs);
    const inside = (constant & (e0 ^ (w & de))) ^ (de & rw) ^ (w & rde);
    const upper = (constant & ((e0 & c) ^ (w & de & c))) ^ (c & re0) ^ (e0 & rc) ^ (de & c & rw) ^ (w & c & rde) ^ (w & de & rc) ^ (c & we) ^ (de & wc) ^ (w & ec);
    store<u32>(pointer(args, 1) + at, own ^ (neg & 1) ^ (((inside ^ upper) & 1) << 1) ^ ((upper & 1) << 2));
  }
}

/** What a masked value stands for in 32 bits, with its spare bit. A ring of 32 bits needs none: `half` is 0. */
// @ts-ignore: decorator
@inline
function spare(x: u32, mask: u32, half: u32): u32 {
  return ((x + half) & mask) - half;
}

/**
 * A term of `missing` bits above the ring of x, or 0 where its mask cannot have wrapped or nothing is missing.
 *
 * @param missingMask 2^missing - 1.
 */
// @ts-ignore: decorator
@inline
function wrapped(x: u32, half: u32, bits: u32, term: u64, missingMask: u32): u32 {
  return missingMask == 0 ? 0 : (~((x + half) >> (bits - 1)) & 1) * ((<u32> bitsAt(term) & missingMask) << bits);
}

/**
 * Arguments: 0 x, 1 values, 2 bits, 3 out, 4 given bits, 5 free bits, 6 words' offset, 7 whether party 0, 8 bits of x's ring, 9 bits of the values' ring.
 */
export function spliceFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const givenBits = word(args, 4), freeBits = word(args, 5), party0 = word(args, 7), inBits = word(args, 8), valueBits = word(args, 9);
  const inMissing = 32 - inBits, inMask = <u32> ringMask(inBits), inHalf: u32 = inMissing == 0 ? 0 : <u32> 1 << (inBits - 2), inTop = <u32> ((<u64> 1 << inMissing) - 1);
  const missing = 32 - valueBits, mask = <u32> ringMask(valueBits), half: u32 = missing == 0 ? 0 : <u32> 1 << (valueBits - 2), top = <u32> ((<u64> 1 << missing) - 1);
  const pad = 11 + 2 * valueBits, inTops = 224, valueTops = inTops + 2 * inMissing;
  let words = recordBit(pointer(segment, 2), from, givenBits) + word(args, 6), free = recordBit(pointer(segment, 3), from, freeBits);
  let at = <usize> (word(segment, 0) + from) << 2;
  for (let i = from; i < to; i++, words += givenBits, free += freeBits, at += 4) {
    const x = load<u32>(pointer(args, 0) + at), bits = load<u32>(pointer(args, 2) + at), values = pointer(args, 1) + 2 * at;
    const v0 = load<u32>(values), v1 = load<u32>(values, 4), pos = bits & 1, w0 = (bits >> 1) & 1, w1 = (bits >> 2) & 1, s = wordAt(words + 64);
    const u = spare(x, inMask, inHalf), u0 = spare(v0, mask, half), u1 = spare(v1, mask, half);
    let sum = wordAt(free + pad) + (1 - 2 * pos) * u * wordAt(words) - pos * wordAt(words + 32) + party0 * pos * u;
    sum -= w0 * u0 * s + (1 - 2 * w0) * u0 * wordAt(words + 96) - w0 * wordAt(words + 128);
    sum -= w1 * u1 * s + (1 - 2 * w1) * u1 * wordAt(words + 160) - w1 * wordAt(words + 192);
    sum += wrapped(x, inHalf, inBits, words + inTops + pos * inMissing, inTop);
    sum -= wrapped(v0, half, valueBits, words + valueTops + w0 * missing, top) + wrapped(v1, half, valueBits, words + valueTops + (2 + w1) * missing, top);
    store<u32>(pointer(args, 3) + at, sum);
  }
}
