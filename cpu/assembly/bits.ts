// Little-endian bit arrays. A position is a 64-bit number of bits from the start of memory, so records above 512 MiB work. Every block has 16 readable
// bytes behind it.

/** At least 57 valid bits from `bit` on. */
// @ts-ignore: decorator
@inline
export function bitsAt(bit: u64): u64 {
  return load<u64>(<usize> (bit >> 3)) >> (bit & 7);
}

/** Exactly `bits` bits, 1 to 64. */
// @ts-ignore: decorator
@inline
export function fieldAt(bit: u64, bits: u32): u64 {
  const at = <usize> (bit >> 3), shift = bit & 7;
  return ((load<u64>(at) >> shift) | ((load<u64>(at, 8) << 1) << (63 - shift))) & lowMask(bits);
}

/** A word of 32 bits. */
// @ts-ignore: decorator
@inline
export function wordAt(bit: u64): u32 {
  return <u32> bitsAt(bit);
}

/** 2^bits - 1, bits 1 to 64. */
// @ts-ignore: decorator
@inline
export function lowMask(bits: u32): u64 {
  return <u64> -1 >> <u64> (64 - bits);
}

/** The bit at a public position. */
// @ts-ignore: decorator
@inline
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
// @ts-ignore: decorator
@inline
export function word(list: usize, index: usize): u32 {
  return load<u32>(list + (index << 2));
}

/** Pointer i of an argument list or a segment. */
// @ts-ignore: decorator
@inline
export function pointer(list: usize, index: usize): usize {
  return <usize> load<u32>(list + (index << 2));
}

/** Where element `index` of a record begins, in bits. */
// @ts-ignore: decorator
@inline
export function recordBit(at: usize, index: u32, bits: u32): u64 {
  return (<u64> at << 3) + <u64> index * bits;
}
