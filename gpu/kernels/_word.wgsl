// _word: ring elements of one word, for rings of up to 32 bits; `_double.wgsl` has the same functions for two words.

alias Ring = u32;

// An element of `words` words, the last of which is `last`.
fn ring_join(low: u32, last: u32, words: u32) -> Ring {
  return low;
}

// The element with these words.
fn ring_pair(low: u32, high: u32) -> Ring {
  return low;
}

fn ring_low(x: Ring) -> u32 {
  return x;
}

fn ring_high(x: Ring) -> u32 {
  return 0u;
}

fn ring_add(x: Ring, y: Ring) -> Ring {
  return x + y;
}

fn ring_subtract(x: Ring, y: Ring) -> Ring {
  return x - y;
}

fn ring_multiply(x: Ring, y: Ring) -> Ring {
  return x * y;
}

// x·2^by; 0 from by = 32 on. The distance is public.
fn ring_shift_left(x: Ring, by: u32) -> Ring {
  return select(x << (by & 31u), 0u, by >= 32u);
}

// ⌊x / 2^by⌋; the distance is public.
fn ring_shift_right(x: Ring, by: u32) -> Ring {
  return select(x >> (by & 31u), 0u, by >= 32u);
}

// x mod 2^bits.
fn ring_reduce(x: Ring, bits: u32) -> Ring {
  return x & low_mask(bits);
}

// The bits of x if `bit` is 1, else 0.
fn ring_select(x: Ring, bit: u32) -> Ring {
  return x & spread(bit);
}

// 2^by.
fn ring_unit(by: u32) -> Ring {
  return ring_shift_left(1u, by);
}
