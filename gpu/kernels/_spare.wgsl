// _spare: masked values of a ring of `bits` bits, at least 2, whose values keep a spare bit: -2^(bits-2) ≤ value < 2^(bits-2).

// x + 2^(bits-2) mod 2^bits.
fn spare_raised(x: Ring, bits: u32) -> Ring {
  return ring_reduce(ring_add(x, ring_unit(bits - 2u)), bits);
}

// The integer that x stands for in wider rings, short of 2^bits where the mask wraps.
fn spare_value(x: Ring, bits: u32) -> Ring {
  return ring_subtract(spare_raised(x, bits), ring_unit(bits - 2u));
}

// 1 where the mask may have wrapped, else 0; x is public.
fn spare_wraps(x: Ring, bits: u32) -> u32 {
  return 1u - ring_low(ring_shift_right(spare_raised(x, bits), bits - 1u));
}
