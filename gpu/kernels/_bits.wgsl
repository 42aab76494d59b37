// _bits: little-endian bit arrays in words, at any bit and byte.

// A bit position: word index, and bits beyond it.
struct Cursor {
  word: u32,   // words
  shift: u32,  // bits; may exceed 31
}

// Where packed element `element` of `bits` bits begins in a record at byte `byte` of a word. 32 elements fill `bits` words: nothing overflows.
fn cursor_at(word: u32, byte: u32, element: u32, bits: u32) -> Cursor {
  return Cursor(word + (element >> 5u) * bits, 8u * byte + (element & 31u) * bits);
}

// `bits` (0 to 32) bits at `shift` (0 to 31) of the words (low, high).
fn join_bits(low: u32, high: u32, shift: u32, bits: u32) -> u32 {
  let carried = select(high << ((32u - shift) & 31u), 0u, shift == 0u);
  return ((low >> shift) | carried) & low_mask(bits);
}
