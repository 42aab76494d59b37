// _ring: words mod 2^n and 64-bit ring elements as limbs.

alias Ring64 = vec2u; // low word in .x

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

// The element of `words` words, 1 or 2, that begins with `low` and ends with `last`.
fn ring64_of(low: u32, last: u32, words: u32) -> Ring64 {
  return Ring64(low, select(0u, last, words == 2u));
}

fn ring64_add(x: Ring64, y: Ring64) -> Ring64 {
  let low = x.x + y.x;
  return Ring64(low, x.y + y.y + select(0u, 1u, low < x.x));
}

fn ring64_subtract(x: Ring64, y: Ring64) -> Ring64 {
  return Ring64(x.x - y.x, x.y - y.y - select(0u, 1u, x.x < y.x));
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

fn ring64_multiply(x: Ring64, y: Ring64) -> Ring64 {
  return Ring64(x.x * y.x, multiply_high(x.x, y.x) + x.x * y.y + x.y * y.x);
}

// x·2^by mod 2^64; the distance is public.
fn ring64_shift_left(x: Ring64, by: u32) -> Ring64 {
  let within = by & 31u;
  let carried = select(x.x >> ((32u - within) & 31u), 0u, within == 0u);
  let near = Ring64(x.x << within, (x.y << within) | carried);
  let far = Ring64(0u, x.x << within);
  return select(select(near, far, by >= 32u), Ring64(0u, 0u), by >= 64u);
}

// ⌊x / 2^by⌋; the distance is public.
fn ring64_shift_right(x: Ring64, by: u32) -> Ring64 {
  let within = by & 31u;
  let carried = select(x.y << ((32u - within) & 31u), 0u, within == 0u);
  let near = Ring64((x.x >> within) | carried, x.y >> within);
  let far = Ring64(x.y >> within, 0u);
  return select(select(near, far, by >= 32u), Ring64(0u, 0u), by >= 64u);
}

// x mod 2^bits, 0 to 64 bits.
fn ring64_reduce(x: Ring64, bits: u32) -> Ring64 {
  return Ring64(x.x & low_mask(min(bits, 32u)), x.y & low_mask(max(bits, 32u) - 32u));
}

// The bits of x if `bit` is 1, else 0.
fn ring64_select(x: Ring64, bit: u32) -> Ring64 {
  return x & Ring64(spread(bit), spread(bit));
}
