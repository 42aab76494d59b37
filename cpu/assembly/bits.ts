// Little-endian bit arrays. A position is a 64-bit number of bits from the start of memory, so records above 512 MiB work. Every block has 16 readable
// bytes behind it.

/** At least 57 valid bits from `bit` on. */
// @inline
export function bitsAt(bit: u64): u64 {
  return load<u64>(<usize> (bit >> 3)) >> (bit & 7);
}

/** Exactly `bits` bits, 1 to 64. */
// @inline
export function fieldAt(bit: u64, bits: u32): u64 {
  const at = <usize> (bit >> 3), shift = bit & 7;
  return ((load<u64>(at) >> shift) | ((load<u64>(at, 8) << 1) << (63 - shift))) & lowMask(bits);
}

/** A word of 32 bits. */
// @inline
export function wordAt(bit: u64): u32 {
  return <u32> bitsAt(bit);
}

/** 2^bits - 1, bits 1 to 64. */
// @inline
export function lowMask(bits: u32): u64 {
  return <u64> -1 >> <u64> (64 - bits);
}

/** The bit at a public position. */
// @inline
export function bitAt(bit: u64): u32 {
  return <u32> (load<u8>(<usize> (bit >> 3)) >> <u8> (bit & 7)) & 1;
}

/** Parity of `count` bits; `count` is public. */
export function parityOf(bit: u64, count: u32): u32 {
  let folded: u64 = 0;
  while (count > 56) {
    folded ^= bitsAt(bit) & 0xffffffffffffff;
    bit += 56;
    count -= 56;
  }
  return <u32> popcnt(folded ^ (bitsAt(bit) & ((<u64> 1 << count) - 1))) & 1;
}

/** Word i of an argument list or a segment. */
// @inline
export function word(list: usize, index: usize): u32 {
  return load<u32>(list + (index << 2));
}

/** Pointer i of an argument list or a segment. */
// @inline
export function pointer(list: usize, index: usize): usize {
  return <usize> load<u32>(list + (index << 2));
}

/** Where element `index` of a record begins, in bits. */
// @inline
export function recordBit(at: usize, index: u32, bits: u32): u64 {
  return (<u64> at << 3) + <u64> index * bits;
}

/** 2^by in a word type; 0 where it has no such bit. */
// @inline
export function unit<T>(by: u32): T {
  return shiftLeft<T>(1, by);
}

/** x·2^by in a word type; 0 from its width on. */
// @inline
export function shiftLeft<T>(x: T, by: u32): T {
  return by >= sizeof<T>() * 8 ? <T> 0 : x << <T> by;
}

/** 2^bits - 1 in a word type, from 0 bits to its width. */
// @inline
export function lowBits<T>(bits: u32): T {
  return bits == 0 ? <T> 0 : <T> lowMask(bits);
}

/** A field of 0 bits to a word type's width. */
// @inline
export function fieldOf<T>(bit: u64, bits: u32): T {
  if (sizeof<T>() == 4) return <T> bitsAt(bit) & lowBits<T>(bits);
  return bits == 0 ? <T> 0 : <T> fieldAt(bit, bits);
}

/** Element `index` of one or two words. */
// @inline
export function elementAt<T>(x: usize, index: u32, words: u32): T {
  if (sizeof<T>() == 4) return load<T>(x + (<usize> index << 2));
  return words == 2 ? load<T>(x + (<usize> index << 3)) : <T> load<u32>(x + (<usize> index << 2));
}

/** Writes element `index` of one or two words. */
// @inline
export function putElement<T>(out: usize, index: u32, words: u32, value: T): void {
  if (sizeof<T>() == 8 && words == 2) store<T>(out + (<usize> index << 3), value);
  else store<u32>(out + (<usize> index << 2), <u32> value);
}
