// Between packed bytes and words.

import { bitsAt, fieldAt, lowMask, pointer, recordBit, word } from "./bits";

/**
 * Packs the low bits of elements. Items are groups of 32 elements, 4·bits bytes each; the result is padded to whole words.
 * Arguments: 0 x, 1 out, 2 bits, 3 count, 4 words per element.
 */
export function pack(args: usize, _segment: usize, from: u32, to: u32): void {
  const bits = word(args, 2), count = word(args, 3), wide = word(args, 4) == 2;
  for (let group = from; group < to; group++) {
    const first = group << 5, rest = min<u32>(32, count - first);
    let out = pointer(args, 1) + <usize> group * (bits << 2);
    if (wide) {
      packWide(pointer(args, 0) + (<usize> first << 3), out, rest, bits);
    } else if (bits == 1 && rest == 32) {
      const x = pointer(args, 0) + (<usize> first << 2);
      let packed: u32 = 0;
      for (let i: usize = 0; i < 8; i++) {
        packed |= <u32> i32x4.bitmask(i32x4.shl(v128.load(x + (i << 4)), 31)) << <u32> (i << 2);
      }
      store<u32>(out, packed);
    } else if (bits == 8 && rest == 32) {
      const x = pointer(args, 0) + (<usize> first << 2);
      packBytes(x, out);
      packBytes(x + 64, out + 16);
    } else {
      const x = pointer(args, 0) + (<usize> first << 2), mask = lowMask(bits);
      let packed: u64 = 0, filled: u32 = 0;
      for (let i: u32 = 0; i < rest; i++) {
        packed |= (<u64> load<u32>(x + (<usize> i << 2)) & mask) << filled;
        filled += bits;
        if (filled >= 32) {
          store<u32>(out, <u32> packed);
          out += 4;
          packed >>= 32;
          filled -= 32;
        }
      }
      if (filled > 0) store<u32>(out, <u32> packed);
    }
  }
}

/** The low bytes of 16 words. */
// @inline
function packBytes(x: usize, out: usize): void {
  const mask = i32x4.splat(0xff);
  const a = v128.and(v128.load(x), mask),
    b = v128.and(v128.load(x, 16), mask),
    c = v128.and(v128.load(x, 32), mask),
    d = v128.and(v128.load(x, 48), mask);
  v128.store(out, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(a, b), i16x8.narrow_i32x4_u(c, d)));
}

/** Packs elements of two words, 1 to 64 bits of each. */
function packWide(x: usize, out: usize, count: u32, bits: u32): void {
  const mask = lowMask(bits), low = min<u32>(bits, 32), high = bits - low;
  let packed: u64 = 0, filled: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<u64>(x + (<usize> i << 3)) & mask;
    packed |= (value & 0xffffffff) << filled;
    filled += low;
    if (filled >= 32) {
      store<u32>(out, <u32> packed);
      out += 4;
      packed >>= 32;
      filled -= 32;
    }
    packed |= (value >> 32) << filled;
    filled += high;
    if (filled >= 32) {
      store<u32>(out, <u32> packed);
      out += 4;
      packed >>= 32;
      filled -= 32;
    }
  }
  if (filled > 0) store<u32>(out, <u32> packed);
}

/**
 * mine + theirs mod 2^bits, or mine XOR theirs. Items are elements.
 * Arguments: 0 mine (0: none), 1 words per element of it, 2 theirs (packed), 3 out, 4 bits (1 to 64), 5 xor, 6 words per element of the result.
 */
export function combine(args: usize, _segment: usize, from: u32, to: u32): void {
  const mine = pointer(args, 0),
    mineWords = word(args, 1),
    out = pointer(args, 3),
    bits = word(args, 4),
    mask = lowMask(bits);
  let bit = recordBit(pointer(args, 2), from, bits);
  if (word(args, 6) == 2) {
    for (let i = from; i < to; i++, bit += bits) {
      store<u64>(out + (<usize> i << 3), (own<u64>(mine, i, mineWords) + fieldAt(bit, bits)) & mask);
    }
  } else if (word(args, 5) != 0) {
    for (let i = from; i < to; i++, bit += bits) {
      store<u32>(out + (<usize> i << 2), own<u32>(mine, i, mineWords) ^ <u32> (bitsAt(bit) & mask));
    }
  } else if (bits == 32 && mineWords == 1) {
    const theirs = pointer(args, 2);
    let i = from;
    for (; i + 4 <= to; i += 4) {
      const at = <usize> i << 2, words = mine == 0 ? i32x4.splat(0) : v128.load(mine + at);
      v128.store(out + at, i32x4.add(words, v128.load(theirs + at)));
    }
    for (; i < to; i++) store<u32>(out + (<usize> i << 2), own<u32>(mine, i, 1) + load<u32>(theirs + (<usize> i << 2)));
  } else {
    for (let i = from; i < to; i++, bit += bits) {
      store<u32>(out + (<usize> i << 2), (own<u32>(mine, i, mineWords) + <u32> bitsAt(bit)) & <u32> mask);
    }
  }
}

/** The low words of an element of this party's share; 0 where it has none. */
// @inline
function own<T>(mine: usize, i: u32, words: u32): T {
  return mine == 0 ? <T> 0 : load<T>(mine + (<usize> (i * words) << 2));
}

/**
 * One field of every element of a record. Items are elements.
 * Arguments: 0 out, 1 record bits, 2 offset, 3 bits (1 to 64). Segment: 0 first element, 2 record.
 */
export function unpack(args: usize, segment: usize, from: u32, to: u32): void {
  const stride = word(args, 1), bits = word(args, 3), first = word(segment, 0), mask = lowMask(bits);
  let bit = recordBit(pointer(segment, 2), from, stride) + word(args, 2);
  if (bits > 32) {
    let out = pointer(args, 0) + (<usize> (first + from) << 3);
    for (let i = from; i < to; i++, bit += stride, out += 8) store<u64>(out, fieldAt(bit, bits));
  } else {
    let out = pointer(args, 0) + (<usize> (first + from) << 2);
    if (bits == 32 && stride == 32 && (bit & 7) == 0) {
      memory.copy(out, <usize> (bit >> 3), <usize> (to - from) << 2);
    } else {
      for (let i = from; i < to; i++, bit += stride, out += 4) store<u32>(out, <u32> (bitsAt(bit) & mask));
    }
  }
}
