// A function of one value per row, by octave groups, and the walks through a tree DPF that find the group. Items are rows.
// A group's list has 8 words: chunk sizes, their count, shift, first bits of the comparison, the one-hot and the words, and 2^fromBit (low, high).

import { bitsAt, elementAt, lowBits, lowMask, pointer, recordBit, word, wordAt } from "../../../cpu/assembly/bits";
import { chachaBlocks, chachaConstants, threadScratch } from "../../../cpu/assembly/chacha";
import { lookup, second, tableBytes } from "../../../cpu/assembly/one_hot";
import { permutedPath, permutedSymbols } from "../../../cpu/assembly/permuted";

// <arguments> written by `deno task kernels`
const enum RowFinish {
  v,
  opened,
  symbols,
  values,
  result,
  groups,
  givenBits,
  freeBits,
  padAt,
  vWords,
  party,
  parity,
  inBits,
  groupCount,
  valueCount,
  ringBits,
}

const enum RowSymbols {
  v,
  symbols,
  values,
  groups,
  entries,
  givenBits,
  freeBits,
  symbolsAt,
  valuesAt,
  vWords,
  party,
  parity,
  groupCount,
  valueCount,
  indexBits,
  symbolBits,
  ringBits,
}

const enum RowThresholds {
  v,
  thresholds,
  groups,
  salt,
  freeBits,
  commonBits,
  rootAt,
  thresholdsAt,
  correctionsAt,
  vWords,
  party,
  inBits,
  groupCount,
}
// </arguments>

const GROUP_BYTES: usize = 32;

/** 2^fromBit of a group. */
// @inline
function fromOf(list: usize): u64 {
  return load<u64>(list, 24);
}

/** Four words, one for each lane. */
// @inline
function gather(a: u32, b: u32, c: u32, d: u32): v128 {
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(a), 1, b), 2, c), 3, d);
}

/** Parity of bits [0, count) of a 128-bit leaf, count 0 to 128. */
// @inline
function leafParity(low: u64, high: u64, count: u32): u32 {
  const lowPart = count >= 64 ? low : low & ((<u64> 1 << count) - 1);
  const highPart = count >= 128 ? high : count > 64 ? high & ((<u64> 1 << (count - 64)) - 1) : 0;
  return <u32> popcnt(lowPart ^ highPart) & 1;
}

/** Shares of the thresholds of all groups but the first. */
export function rowThresholds<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const points = word(args, RowThresholds.groupCount) - 1;
  for (let row = from; row < to; row++) {
    const free = recordBit(pointer(segment, 3), row, word(args, RowThresholds.freeBits)) +
      word(args, RowThresholds.thresholdsAt);
    const mask = <u32> bitsAt(free) & lowBits<u32>(points);
    store<u32>(pointer(args, RowThresholds.thresholds) + (<usize> (word(segment, 0) + row) << 2), mask);
  }
  for (let walk = from * points; walk < to * points; walk += 4) fourWalks<T>(args, segment, walk, to * points);
}

/** Shares of the symbols and table values of all groups. */
export function rowSymbols<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const groups = word(args, RowSymbols.groupCount),
    lists = pointer(args, RowSymbols.groups),
    parity = word(args, RowSymbols.parity),
    sign = 1 - 2 * word(args, RowSymbols.party);
  const indexBits = word(args, RowSymbols.indexBits),
    n = word(args, RowSymbols.ringBits),
    ring = lowBits<u32>(n),
    vWords = word(args, RowSymbols.vWords);
  const symbolBits = word(args, RowSymbols.symbolBits),
    symbolsAt = word(args, RowSymbols.symbolsAt),
    valuesAt = word(args, RowSymbols.valuesAt);
  for (let row = from; row < to; row++) {
    const given = recordBit(pointer(segment, 2), row, word(args, RowSymbols.givenBits)),
      free = recordBit(pointer(segment, 3), row, word(args, RowSymbols.freeBits));
    const at = word(segment, 0) + row, value = <u64> elementAt<T>(pointer(args, RowSymbols.v), at, vWords);
    for (let g: u32 = 0, table = pointer(args, RowSymbols.entries); g < groups; g++, table += tableBytes(indexBits)) {
      const list = lists + <usize> g * GROUP_BYTES,
        shift = word(list, 2),
        i = <usize> (at * groups + g),
        chunkCount = word(list, 1);
      const index = <u32> (value >> shift) & ((<u32> 1 << indexBits) - 1),
        mask = (<u64> 1 << ((<u64> 1 << chunkCount) - 1)) - 1;
      const symbols = permutedSymbols(given + word(list, 3), word(list, 0), chunkCount, parity, value & lowMask(shift));
      store<u32>(
        pointer(args, RowSymbols.symbols) + (i << 2),
        symbols ^ <u32> (bitsAt(free + symbolsAt + <u64> g * symbolBits) & mask),
      );
      const sum = lookup(given + word(list, 4), indexBits, parity, index, table),
        masks = free + valuesAt + <u64> (2 * g) * n;
      store<u32>(pointer(args, RowSymbols.values) + (i << 3), (sign * sum + wordAt(masks)) & ring);
      store<u32>(pointer(args, RowSymbols.values) + (i << 3), (sign * second() + wordAt(masks + n)) & ring, 4);
    }
  }
}

/** Four walks: number w is row ⌊w / (G-1)⌋ at threshold w mod (G-1); walks beyond the end repeat the last one and are dropped. */
function fourWalks<T>(args: usize, segment: usize, first: u32, end: u32): void {
  const points = word(args, RowThresholds.groupCount) - 1,
    domain = word(args, RowThresholds.inBits) - 1,
    levels = domain > 7 ? domain - 7 : 0,
    leafBits = <u32> 1 << min<u32>(7, domain),
    leafAt = 128 * levels;
  const state = threadScratch(), block = state + 256, own = block + 256, party = word(args, RowThresholds.party);
  const rootAt = word(args, RowThresholds.rootAt),
    correctionsAt = word(args, RowThresholds.correctionsAt),
    vWords = word(args, RowThresholds.vWords);
  // 16 bytes per lane: the point, then where the corrections begin, in bits.
  chachaConstants(state);
  for (let i: usize = 0; i < 4; i++) {
    v128.store(state + ((8 + i) << 4), i32x4.splat(word(pointer(args, RowThresholds.salt), i)));
  }
  for (let i: usize = 12; i < 16; i++) v128.store(state + (i << 4), i32x4.splat(0));
  for (let lane: u32 = 0; lane < 4; lane++) {
    const walk = min<u32>(first + lane, end - 1),
      row = walk / points,
      list = pointer(args, RowThresholds.groups) + <usize> (walk % points + 1) * GROUP_BYTES;
    const value = <u64> elementAt<T>(pointer(args, RowThresholds.v), word(segment, 0) + row, vWords);
    const free = recordBit(pointer(segment, 3), row, word(args, RowThresholds.freeBits)) + rootAt;
    for (let i: usize = 0; i < 4; i++) store<u32>(state + ((4 + i) << 4) + (lane << 2), wordAt(free + (<u64> i << 5)));
    store<u64>(own + (lane << 4), (value - fromOf(list)) & lowMask(domain));
    store<u64>(
      own + (lane << 4),
      recordBit(pointer(segment, 4), row, word(args, RowThresholds.commonBits)) + correctionsAt,
      8,
    );
  }
  const x0 = load<u64>(own), x1 = load<u64>(own, 16), x2 = load<u64>(own, 32), x3 = load<u64>(own, 48);
  const c0 = load<u64>(own, 8), c1 = load<u64>(own, 24), c2 = load<u64>(own, 40), c3 = load<u64>(own, 56);
  const one = i32x4.splat(1);
  // All ones or all zeros in each lane.
  let control = i32x4.splat(<u32> 0 - party), gathered = i32x4.splat(0), last = i32x4.splat(0);
  for (let level: u32 = 0; level < levels; level++) {
    const shift = <u64> (domain - 1 - level), offset = <u64> level << 7, controls = <u64> leafAt + leafBits + 2 * level;
    const s0 = <u32> (x0 >> shift) & 1,
      s1 = <u32> (x1 >> shift) & 1,
      s2 = <u32> (x2 >> shift) & 1,
      s3 = <u32> (x3 >> shift) & 1;
    const side = i32x4.neg(gather(s0, s1, s2, s3));
    gathered = v128.xor(gathered, v128.and(v128.xor(side, last), control));
    last = side;
    chachaBlocks(state, block);
    for (let i: u64 = 0; i < 4; i++) {
      const at = offset + (i << 5),
        child = v128.bitselect(v128.load(block + (<usize> (4 + i) << 4)), v128.load(block + (<usize> i << 4)), side);
      const correction = gather(wordAt(c0 + at), wordAt(c1 + at), wordAt(c2 + at), wordAt(c3 + at));
      v128.store(state + (<usize> (4 + i) << 4), v128.xor(child, v128.and(correction, control)));
    }
    const raw = v128.load(block, 128), child = v128.and(v128.bitselect(i32x4.shr_u(raw, 8), raw, side), one);
    const correction = v128.and(
      gather(
        <u32> bitsAt(c0 + controls + s0),
        <u32> bitsAt(c1 + controls + s1),
        <u32> bitsAt(c2 + controls + s2),
        <u32> bitsAt(c3 + controls + s3),
      ),
      one,
    );
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
    const walk = first + lane,
      seed = state + 64 + (lane << 2),
      position = <u32> load<u64>(own + (lane << 4)) & (leafBits - 1),
      suffix = load<u32>(block + (lane << 2), 16);
    const low = <u64> load<u32>(seed) | (<u64> load<u32>(seed, 16) << 32),
      high = <u64> load<u32>(seed, 32) | (<u64> load<u32>(seed, 48) << 32);
    let less = (load<u32>(block + (lane << 2)) & 1) ^ party ^ leafParity(low, high, position + 1);
    // Beyond `position`: everything but what lies up to it. The last side is public.
    if (suffix != 0) less ^= leafParity(low, high, 128);
    const target = pointer(args, RowThresholds.thresholds) + (<usize> (word(segment, 0) + walk / points) << 2);
    store<u32>(target, load<u32>(target) ^ (less << (walk % points)));
  }
}

/** Share of the function's value. */
export function rowFinish<T>(args: usize, segment: usize, from: u32, to: u32): void {
  const groups = word(args, RowFinish.groupCount),
    lists = pointer(args, RowFinish.groups),
    inBits = word(args, RowFinish.inBits),
    vWords = word(args, RowFinish.vWords);
  const n = word(args, RowFinish.ringBits), ring = lowBits<u32>(n), opened = pointer(args, RowFinish.values);
  for (let row = from; row < to; row++) {
    const given = recordBit(pointer(segment, 2), row, word(args, RowFinish.givenBits)),
      free = recordBit(pointer(segment, 3), row, word(args, RowFinish.freeBits));
    const at = word(segment, 0) + row, value = <u64> elementAt<T>(pointer(args, RowFinish.v), at, vWords);
    const thresholds = load<u32>(pointer(args, RowFinish.opened) + (<usize> at << 2));
    let sum = wordAt(free + word(args, RowFinish.padAt)), reached: u32 = 1;
    for (let g: u32 = 0; g < groups; g++) {
      const list = lists + <usize> g * GROUP_BYTES, i = <usize> (at * groups + g), words = given + word(list, 5);
      let next: u32 = 0;
      if (g + 1 < groups) {
        next = ((thresholds >> g) ^ <u32> ((value - fromOf(list + GROUP_BYTES)) >> (inBits - 1)) ^ 1) & 1;
      }
      const m = reached ^ next,
        selected = permutedPath(load<u32>(pointer(args, RowFinish.symbols) + (i << 2)), word(list, 1)),
        c = selected & 1;
      reached = next;
      const v0 = load<u32>(opened + (i << 3)), difference = load<u32>(opened + (i << 3), 4) - v0;
      // Words: S, S·τ; S·ρ, S·τ·ρ of every path; E, τE; D, τD of every path but the first, whose D is 0; B.
      const path = selected >> 1,
        paths = <u32> 1 << (word(list, 1) - 1),
        ofPath = words + <u64> (2 + 2 * path) * n,
        apart = words + <u64> (2 + 2 * paths) * n;
      const ms = 1 - 2 * m,
        cs = 1 - 2 * c,
        further = apart + <u64> (2 * path) * n,
        d = path == 0 ? 0 : wordAt(further),
        dm = path == 0 ? 0 : wordAt(further + n);
      const e = wordAt(apart) - 2 * d, em = wordAt(apart + n) - 2 * dm, s = m * wordAt(words) + ms * wordAt(words + n);
      sum += s * v0 + (c * s + cs * (m * wordAt(ofPath) + ms * wordAt(ofPath + n))) * difference;
      sum -= m * (wordAt(apart + <u64> (2 * paths) * n) + d - 2 * dm) + dm + c * (em + m * (e - 2 * em));
    }
    store<u32>(pointer(args, RowFinish.result) + (<usize> at << 2), sum & ring);
  }
}
