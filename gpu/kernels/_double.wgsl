// _double: ring elements of two words, for rings of up to 64 bits; `_word.wgsl` has the same functions for one word.

alias Ring = vec2u; // low word in .x

// An element of `words` words, the last of which is `last`.
fn ring_join(low: u32, last: u32, words: u32) -> Ring {
  return Ring(low, select(0u, last, words == 2u));
}

// The element with these words.
fn ring_pair(low: u32, high: u32) -> Ring {
  return Ring(low, high);
}

fn ring_low(x: Ring) -> u32 {
  return x.x;
}

fn ring_high(x: Ring) -> u32 {
  return x.y;
}

fn ring_add(x: Ring, y: Ring) -> Ring {
  let low = x.x + y.x;
  return Ring(low, x.y + y.y + select(0u, 1u, low < x.x));
}

fn ring_subtract(x: Ring, y: Ring) -> Ring {
  return Ring(x.x - y.x, x.y - y.y - select(0u, 1u, x.x < y.x));
}

// The high word of x·y.
fn multiply_high(x: u32, y: u32) -> u32 {
  let x_low = x & 0xffffu;
  let x_high = x >> 16u;
  let y_low = y & 0xffffu;
  let y_high = y >> 16u;
  let middle = x_high * y_low + ((x_low * y_low) >> 16u);
  let carry = x_low * y_high + (middle & 0xffffu);
  return x_high * y_high + (middle >> 16u) + (carry >> 16u);
}

fn ring_multiply(x: Ring, y: Ring) -> Ring {
  return Ring(x.x * y.x, multiply_high(x.x, y.x) + x.x * y.y + x.y * y.x);
}

// x·2^by mod 2^64; the distance is public.
fn ring_shift_left(x: Ring, by: u32) -> Ring {
  let within = by & 31u;
  let carried = select(x.x >> ((32u - within) & 31u), 0u, within == 0u);
  let near = Ring(x.x << within, (x.y << within) | carried);
  let far = Ring(0u, x.x << within);
  return select(select(near, far, by >= 32u), Ring(0u, 0u), by >= 64u);
}

// ⌊x / 2^by⌋; the distance is public.
fn ring_shift_right(x: Ring, by: u32) -> Ring {
  let within = by & 31u;
  let carried = select(x.y << ((32u - within) & 31u), 0u, within == 0u);
  let near = Ring((x.x >> within) | carried, x.y >> within);
  let far = Ring(x.y >> within, 0u);
  return select(select(near, far, by >= 32u), Ring(0u, 0u), by >= 64u);
}

// x mod 2^bits, 0 to 64 bits.
fn ring_reduce(x: Ring, bits: u32) -> Ring {
  return Ring(x.x & low_mask(min(bits, 32u)), x.y & low_mask(max(bits, 32u) - 32u));
}

// The bits of x if `bit` is 1, else 0.
fn ring_select(x: Ring, bit: u32) -> Ring {
  return x & Ring(spread(bit), spread(bit));
}

// 2^by.
fn ring_unit(by: u32) -> Ring {
  return ring_shift_left(Ring(1u, 0u), by);
}
