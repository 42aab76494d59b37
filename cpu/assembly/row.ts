// A function of one value per row, by octave groups, and the walks through a tree DPF that find the group.
// Segment: 0 first row, 2 given, 3 free, 4 common. A group's list has 16 words: 0 chunks, 1 chunk count, 2 shift, 3 offset of the comparison, 4 offset of the
// one-hot, 5 offset of the words, 6 table, 7 symbol count, 8 and 9 2^fromBit (low, high).

import { bitsAt, lowMask, pointer, recordBit, word, wordAt } from "./bits";
import { chachaBlocks, chachaConstants, threadScratch } from "./chacha";
import { lookup, second } from "./one_hot";
import { permutedPath, permutedSymbols } from "./permuted";

const GROUP_BYTES: usize = 64;

/** Row value of one or two words. */
// @ts-ignore: decorator
@inline
function valueAt(list: usize, row: u32, wide: bool): u64 {
  return wide ? load<u64>(list + (<usize> row << 3)) : <u64> load<u32>(list + (<usize> row << 2));
}

/** Four words, one for each lane. */
// @ts-ignore: decorator
@inline
function gather(a: u32, b: u32, c: u32, d: u32): v128 {
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(a), 1, b), 2, c), 3, d);
}

/** Parity of bits [0, count) of a 128-bit leaf, count 0 to 128. */
// @ts-ignore: decorator
@inline
function leafParity(low: u64, high: u64, count: u32): u32 {
  const lowPart = count >= 64 ? low : low & ((<u64> 1 << count) - 1);
  const highPart = count >= 128 ? high : count > 64 ? high & ((<u64> 1 << (count - 64)) - 1) : 0;
  return <u32> popcnt(lowPart ^ highPart) & 1;
}

/**
 * Shares of thresholds, symbols and values. Items are rows.
 * Arguments: 0 v, 1 words per value, 2 thresholds, 3 symbols, 4 values, 5 given bits, 6 free bits, 7 common bits, 8 n, 9 index bits, 10 groups, 11 group lists,
 * 12 parity, 13 party, 14 salt (4 words), 15 offset of the symbols' masks, 16 their width, 17 offset of the values' masks.
 */
export function rowSymbols(args: usize, segment: usize, from: u32, to: u32): void {
  const wide = word(args, 1) == 2, groups = word(args, 10), lists = pointer(args, 11), parity = word(args, 12), sign = 1 - 2 * word(args, 13), indexBits = word(args, 9);
  for (let row = from; row < to; row++) {
    const given = recordBit(pointer(segment, 2), row, word(args, 5)), free = recordBit(pointer(segment, 3), row, word(args, 6)), at = word(segment, 0) + row;
    const value = valueAt(pointer(args, 0), at, wide);
    store<u32>(pointer(args, 2) + (<usize> at << 2), <u32> (bitsAt(free + 128) & ((<u64> 1 << (groups - 1)) - 1)));
    for (let g: u32 = 0; g < groups; g++) {
      const list = lists + <usize> g * GROUP_BYTES, shift = word(list, 2), i = <usize> (at * groups + g);
      const index = <u32> (value >> shift) & ((<u32> 1 << indexBits) - 1), mask = (<u64> 1 << word(list, 7)) - 1;
      const symbols = permutedSymbols(given + word(list, 3), word(list, 0), word(list, 1), parity, value & lowMask(shift));
      store<u32>(pointer(args, 3) + (i << 2), symbols ^ <u32> (bitsAt(free + word(args, 15) + <u64> g * word(args, 16)) & mask));
      const sum = lookup(given + word(list, 4), indexBits, parity, index, pointer(list, 6)), masks = free + word(args, 17) + (<u64> g << 6);
      store<u32>(pointer(args, 4) + (i << 3), sign * sum + wordAt(masks));
      store<u32>(pointer(args, 4) + (i << 3), sign * second() + wordAt(masks + 32), 4);
    }
  }
  if (groups > 1) {
    const points = groups - 1;
    for (let walk = from * points; walk < to * points; walk += 4) fourWalks(args, segment, walk, to * points);
  }
}

/** Four walks: number w is row ⌊w / (G-1)⌋ at threshold w mod (G-1); walks beyond the end repeat the last one and are dropped. */
function fourWalks(args: usize, segment: usize, first: u32, end: u32): void {
  const points = word(args, 10) - 1, domain = word(args, 8) - 1, levels = domain > 7 ? domain - 7 : 0, leafBits = <u32> 1 << min<u32>(7, domain), leafAt = 128 * levels;
  const state = threadScratch(), block = state + 256, own = block + 256, party = word(args, 13);
  // 16 bytes per lane: the point, then where the corrections begin, in bits.
  chachaConstants(state);
  for (let i: usize = 0; i < 4; i++) v128.store(state + ((8 + i) << 4), i32x4.splat(word(pointer(args, 14), i)));
  for (let i: usize = 12; i < 16; i++) v128.store(state + (i << 4), i32x4.splat(0));
  for (let lane: u32 = 0; lane < 4; lane++) {
    const walk = min<u32>(first + lane, end - 1), row = walk / points, list = pointer(args, 11) + <usize> (walk % points + 1) * GROUP_BYTES;
    const value = valueAt(pointer(args, 0), word(segment, 0) + row, word(args, 1) == 2), free = recordBit(pointer(segment, 3), row, word(args, 6));
    for (let i: usize = 0; i < 4; i++) store<u32>(state + ((4 + i) << 4) + (lane << 2), wordAt(free + (<u64> i << 5)));
    store<u64>(own + (lane << 4), (value - load<u64>(list, 32)) & lowMask(domain));
    store<u64>(own + (lane << 4), recordBit(pointer(segment, 4), row, word(args, 7)), 8);
  }
  const x0 = load<u64>(own), x1 = load<u64>(own, 16), x2 = load<u64>(own, 32), x3 = load<u64>(own, 48);
  const c0 = load<u64>(own, 8), c1 = load<u64>(own, 24), c2 = load<u64>(own, 40), c3 = load<u64>(own, 56);
  const one = i32x4.splat(1);
  // All ones or all zeros in each lane.
  let control = i32x4.splat(<u32> 0 - party), gathered = i32x4.splat(0), last = i32x4.splat(0);
  for (let level: u32 = 0; level < levels; level++) {
    const shift = <u64> (domain - 1 - level), offset = <u64> level << 7, controls = <u64> leafAt + leafBits + 2 * level;
    const s0 = <u32> (x0 >> shift) & 1, s1 = <u32> (x1 >> shift) & 1, s2 = <u32> (x2 >> shift) & 1, s3 = <u32> (x3 >> shift) & 1;
    const side = i32x4.neg(gather(s0, s1, s2, s3));
    gathered = v128.xor(gathered, v128.and(v128.xor(side, last), control));
    last = side;
    chachaBlocks(state, block);
    for (let i: u64 = 0; i < 4; i++) {
      const at = offset + (i << 5), child = v128.bitselect(v128.load(block + (<usize> (4 + i) << 4)), v128.load(block + (<usize> i << 4)), side);
      const correction = gather(wordAt(c0 + at), wordAt(c1 + at), wordAt(c2 + at), wordAt(c3 + at));
      v128.store(state + (<usize> (4 + i) << 4), v128.xor(child, v128.and(correction, control)));
    }
    const raw = v128.load(block, 128), child = v128.and(v128.bitselect(i32x4.shr_u(raw, 8), raw, side), one);
    const correction = v128.and(gather(
      <u32> bitsAt(c0 + controls + s0),
      <u32> bitsAt(c1 + controls + s1),
      <u32> bitsAt(c2 + controls + s2),
      <u32> bitsAt(c3 + controls + s3),
    ), one);
    control = i32x4.neg(v128.xor(child, v128.and(correction, control)));
  }
  for (let i: u64 = 0; i < 4; i++) {
    const at = <u64> leafAt + (i << 5), seed = state + (<usize> (4 + i) << 4);
    const correction = gather(wordAt(c0 + at), wordAt(c1 + at), wordAt(c2 + at), wordAt(c3 + at));
    v128.store(seed, v128.xor(v128.load(seed), v128.and(correction, control)));
  }
  v128.store(block, gathered);
  v128.store(block, last, 16);
  for (let lane: u32 = 0; lane < 4 && first + lane < end; lane++) {
    const walk = first + lane, seed = state + 64 + (lane << 2), position = <u32> load<u64>(own + (lane << 4)) & (leafBits - 1), suffix = load<u32>(block + (lane << 2), 16);
    const low = <u64> load<u32>(seed) | (<u64> load<u32>(seed, 16) << 32), high = <u64> load<u32>(seed, 32) | (<u64> load<u32>(seed, 48) << 32);
    let less = (load<u32>(block + (lane << 2)) & 1) ^ party ^ leafParity(low, high, position + 1);
    // Beyond `position`: everything but what lies up to it. The last side is public.
    if (suffix != 0) less ^= leafParity(low, high, 128);
    const target = pointer(args, 2) + (<usize> (word(segment, 0) + walk / points) << 2);
    store<u32>(target, load<u32>(target) ^ (less << (walk % points)));
  }
}

/**
 * Share of the function's value. Items are rows.
 * Arguments: 0 v, 1 words per value, 2 thresholds, 3 symbols, 4 values, 5 out, 6 given bits, 7 free bits, 8 n, 9 groups, 10 group lists, 11 offset of the pad.
 */
export function rowFinish(args: usize, segment: usize, from: u32, to: u32): void {
  const wide = word(args, 1) == 2, groups = word(args, 9), lists = pointer(args, 10), n = word(args, 8);
  for (let row = from; row < to; row++) {
    const given = recordBit(pointer(segment, 2), row, word(args, 6)), free = recordBit(pointer(segment, 3), row, word(args, 7)), at = word(segment, 0) + row;
    const value = valueAt(pointer(args, 0), at, wide), thresholds = load<u32>(pointer(args, 2) + (<usize> at << 2));
    let sum = wordAt(free + word(args, 11)), reached: u32 = 1;
    for (let g: u32 = 0; g < groups; g++) {
      const list = lists + <usize> g * GROUP_BYTES, i = <usize> (at * groups + g), words = given + word(list, 5);
      let next: u32 = 0;
      if (g + 1 < groups) next = ((thresholds >> g) ^ <u32> ((value - load<u64>(list + GROUP_BYTES, 32)) >> (n - 1)) ^ 1) & 1;
      const m = reached ^ next, selected = permutedPath(load<u32>(pointer(args, 3) + (i << 2)), word(list, 1)), c = selected & 1;
      reached = next;
      const path = words + 192 + (<u64> (selected >> 1) << 7), ms = 1 - 2 * m, cs = 1 - 2 * c;
      const v0 = load<u32>(pointer(args, 4) + (i << 3)), difference = load<u32>(pointer(args, 4) + (i << 3), 4) - v0;
      sum += (m * wordAt(words) + ms * wordAt(words + 32)) * v0 - (m * wordAt(words + 64) + ms * wordAt(words + 96));
      sum += (m * c * wordAt(words) + m * cs * wordAt(path) + ms * c * wordAt(words + 32) + ms * cs * wordAt(path + 32)) * difference;
      sum -= m * c * wordAt(words + 128) + m * cs * wordAt(path + 64) + ms * c * wordAt(words + 160) + ms * cs * wordAt(path + 96);
    }
    store<u32>(pointer(args, 5) + (<usize> at << 2), sum);
  }
}
