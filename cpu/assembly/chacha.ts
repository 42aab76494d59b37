// ChaCha8, four blocks at a time: vector i holds word i of all four.

import { pointer, word } from "./bits";

// @inline
function rotate16(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

// @inline
function rotate8(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}

// @inline
function rotate12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20));
}

// @inline
function rotate7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25));
}

/** Writes the four blocks of the state vectors at `state` to the vectors at `out`. */
export function chachaBlocks(state: usize, out: usize): void {
  let x0 = v128.load(state, 0);
  let x1 = v128.load(state, 16);
  let x2 = v128.load(state, 32);
  let x3 = v128.load(state, 48);
  let x4 = v128.load(state, 64);
  let x5 = v128.load(state, 80);
  let x6 = v128.load(state, 96);
  let x7 = v128.load(state, 112);
  let x8 = v128.load(state, 128);
  let x9 = v128.load(state, 144);
  let x10 = v128.load(state, 160);
  let x11 = v128.load(state, 176);
  let x12 = v128.load(state, 192);
  let x13 = v128.load(state, 208);
  let x14 = v128.load(state, 224);
  let x15 = v128.load(state, 240);
  for (let round = 0; round < 4; round++) {
    x0 = i32x4.add(x0, x4);
    x12 = rotate16(v128.xor(x12, x0));
    x8 = i32x4.add(x8, x12);
    x4 = rotate12(v128.xor(x4, x8));
    x0 = i32x4.add(x0, x4);
    x12 = rotate8(v128.xor(x12, x0));
    x8 = i32x4.add(x8, x12);
    x4 = rotate7(v128.xor(x4, x8));
    x1 = i32x4.add(x1, x5);
    x13 = rotate16(v128.xor(x13, x1));
    x9 = i32x4.add(x9, x13);
    x5 = rotate12(v128.xor(x5, x9));
    x1 = i32x4.add(x1, x5);
    x13 = rotate8(v128.xor(x13, x1));
    x9 = i32x4.add(x9, x13);
    x5 = rotate7(v128.xor(x5, x9));
    x2 = i32x4.add(x2, x6);
    x14 = rotate16(v128.xor(x14, x2));
    x10 = i32x4.add(x10, x14);
    x6 = rotate12(v128.xor(x6, x10));
    x2 = i32x4.add(x2, x6);
    x14 = rotate8(v128.xor(x14, x2));
    x10 = i32x4.add(x10, x14);
    x6 = rotate7(v128.xor(x6, x10));
    x3 = i32x4.add(x3, x7);
    x15 = rotate16(v128.xor(x15, x3));
    x11 = i32x4.add(x11, x15);
    x7 = rotate12(v128.xor(x7, x11));
    x3 = i32x4.add(x3, x7);
    x15 = rotate8(v128.xor(x15, x3));
    x11 = i32x4.add(x11, x15);
    x7 = rotate7(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x5);
    x15 = rotate16(v128.xor(x15, x0));
    x10 = i32x4.add(x10, x15);
    x5 = rotate12(v128.xor(x5, x10));
    x0 = i32x4.add(x0, x5);
    x15 = rotate8(v128.xor(x15, x0));
    x10 = i32x4.add(x10, x15);
    x5 = rotate7(v128.xor(x5, x10));
    x1 = i32x4.add(x1, x6);
    x12 = rotate16(v128.xor(x12, x1));
    x11 = i32x4.add(x11, x12);
    x6 = rotate12(v128.xor(x6, x11));
    x1 = i32x4.add(x1, x6);
    x12 = rotate8(v128.xor(x12, x1));
    x11 = i32x4.add(x11, x12);
    x6 = rotate7(v128.xor(x6, x11));
    x2 = i32x4.add(x2, x7);
    x13 = rotate16(v128.xor(x13, x2));
    x8 = i32x4.add(x8, x13);
    x7 = rotate12(v128.xor(x7, x8));
    x2 = i32x4.add(x2, x7);
    x13 = rotate8(v128.xor(x13, x2));
    x8 = i32x4.add(x8, x13);
    x7 = rotate7(v128.xor(x7, x8));
    x3 = i32x4.add(x3, x4);
    x14 = rotate16(v128.xor(x14, x3));
    x9 = i32x4.add(x9, x14);
    x4 = rotate12(v128.xor(x4, x9));
    x3 = i32x4.add(x3, x4);
    x14 = rotate8(v128.xor(x14, x3));
    x9 = i32x4.add(x9, x14);
    x4 = rotate7(v128.xor(x4, x9));
  }
  v128.store(out, i32x4.add(x0, v128.load(state, 0)), 0);
  v128.store(out, i32x4.add(x1, v128.load(state, 16)), 16);
  v128.store(out, i32x4.add(x2, v128.load(state, 32)), 32);
  v128.store(out, i32x4.add(x3, v128.load(state, 48)), 48);
  v128.store(out, i32x4.add(x4, v128.load(state, 64)), 64);
  v128.store(out, i32x4.add(x5, v128.load(state, 80)), 80);
  v128.store(out, i32x4.add(x6, v128.load(state, 96)), 96);
  v128.store(out, i32x4.add(x7, v128.load(state, 112)), 112);
  v128.store(out, i32x4.add(x8, v128.load(state, 128)), 128);
  v128.store(out, i32x4.add(x9, v128.load(state, 144)), 144);
  v128.store(out, i32x4.add(x10, v128.load(state, 160)), 160);
  v128.store(out, i32x4.add(x11, v128.load(state, 176)), 176);
  v128.store(out, i32x4.add(x12, v128.load(state, 192)), 192);
  v128.store(out, i32x4.add(x13, v128.load(state, 208)), 208);
  v128.store(out, i32x4.add(x14, v128.load(state, 224)), 224);
  v128.store(out, i32x4.add(x15, v128.load(state, 240)), 240);
}

/** Sets vectors 0 to 3 of a state to the constants of ChaCha. */
export function chachaConstants(state: usize): void {
  v128.store(state, i32x4.splat(0x61707865), 0);
  v128.store(state, i32x4.splat(0x3320646e), 16);
  v128.store(state, i32x4.splat(0x79622d32), 32);
  v128.store(state, i32x4.splat(0x6b206574), 48);
}

/** Memory of this thread's own: state, blocks, and one group of blocks. */
let scratch: usize = 0;

export function setScratch(at: usize): void {
  scratch = at;
}

// @inline
export function threadScratch(): usize {
  return scratch;
}

/** Turns four vectors of one word each into the four words of each block, 64 bytes apart. */
// @inline
function transpose(from: usize, to: usize): void {
  const a = v128.load(from), b = v128.load(from, 16), c = v128.load(from, 32), d = v128.load(from, 48);
  const ab0 = v128.shuffle<u32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<u32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<u64>(ab0, cd0, 0, 2));
  v128.store(to, v128.shuffle<u64>(ab0, cd0, 1, 3), 64);
  v128.store(to, v128.shuffle<u64>(ab1, cd1, 0, 2), 128);
  v128.store(to, v128.shuffle<u64>(ab1, cd1, 1, 3), 192);
}

/**
 * Key stream of (key, nonce). Items are groups of four blocks.
 * Arguments: 0 key (8 words), 1 nonce (3 words), 2 out, 3 byte length.
 */
export function expand(args: usize, _segment: usize, from: u32, to: u32): void {
  const key = pointer(args, 0), nonce = pointer(args, 1), out = pointer(args, 2), length = word(args, 3);
  const state = scratch, blocks = scratch + 256, last = scratch + 512;
  chachaConstants(state);
  for (let i: usize = 0; i < 8; i++) v128.store(state + ((4 + i) << 4), i32x4.splat(word(key, i)));
  for (let i: usize = 0; i < 3; i++) v128.store(state + ((13 + i) << 4), i32x4.splat(word(nonce, i)));
  for (let group = from; group < to; group++) {
    v128.store(state, i32x4.add(i32x4.splat(group << 2), i32x4(0, 1, 2, 3)), 12 << 4);
    chachaBlocks(state, blocks);
    const rest = length - (group << 8), at = out + (<usize> group << 8), target = rest < 256 ? last : at;
    for (let i: usize = 0; i < 4; i++) transpose(blocks + (i << 6), target + (i << 4));
    if (rest < 256) memory.copy(at, last, rest);
  }
}
