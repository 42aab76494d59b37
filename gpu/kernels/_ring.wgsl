// _ring: words mod 2^n.

// 2^bits - 1 for 0 to 32 bits.
fn low_mask(bits: u32) -> u32 {
  return select((1u << (bits & 31u)) - 1u, 0xffffffffu, bits >= 32u);
}

// All ones where `bit` is 1, else 0.
fn spread(bit: u32) -> u32 {
  return 0u - (bit & 1u);
}

// 1 - 2·bit mod 2^32.
fn sign_of(bit: u32) -> u32 {
  return 1u - 2u * bit;
}
