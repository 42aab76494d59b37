// _spare: masked values of a ring of `bits` bits whose values keep a spare bit: -2^(bits-2) ≤ value < 2^(bits-2); one word for 2 to 32 bits, two up to 64.

// x + 2^(bits-2) mod 2^bits.
fn spare_raised(x: u32, bits: u32) -> u32 {
  return (x + (1u << (bits - 2u))) & low_mask(bits);
}

// The integer that x stands for in wider rings, short of 2^bits where the mask wraps.
fn spare_value(x: u32, bits: u32) -> u32 {
  return spare_raised(x, bits) - (1u << (bits - 2u));
}

// 1 where the mask may have wrapped, else 0; x is public.
fn spare_wraps(x: u32, bits: u32) -> u32 {
  return 1u - (spare_raised(x, bits) >> (bits - 1u));
}

// 2^bits mod 2^32.
fn spare_unit(bits: u32) -> u32 {
  return low_mask(bits) + 1u;
}

// x + 2^(bits-2) mod 2^bits.
fn spare64_raised(x: Ring64, bits: u32) -> Ring64 {
  return ring64_reduce(ring64_add(x, ring64_shift_left(Ring64(1u, 0u), bits - 2u)), bits);
}

// The integer that x stands for in wider rings, short of 2^bits where the mask wraps.
fn spare64_value(x: Ring64, bits: u32) -> Ring64 {
  return ring64_subtract(spare64_raised(x, bits), ring64_shift_left(Ring64(1u, 0u), bits - 2u));
}

// 1 where the mask may have wrapped, else 0; x is public.
fn spare64_wraps(x: Ring64, bits: u32) -> u32 {
  return 1u - ring64_shift_right(spare64_raised(x, bits), bits - 1u).x;
}
