// _flat: evaluates halves of one-hot vectors in the given record. Points are public; only 2^k - 1 bits are stored, and the
// parity of all 2^k is known.

fn parity_of(word: u32) -> u32 {
  return countOneBits(word) & 1u;
}

// Parity of the first `count` (at most 2^k) bits.
fn flat_prefix(cursor: Cursor, offset: u32, k: u32, parity: u32, count: u32) -> u32 {
  if (count == (1u << k)) {
    return parity;
  }
  var folded = 0u;
  for (var at = 0u; at < count; at += 32u) {
    folded ^= given_field(cursor, offset + at, min(32u, count - at));
  }
  return parity_of(folded);
}

// XOR share of 1{u < alpha}.
fn flat_less(cursor: Cursor, offset: u32, k: u32, parity: u32, u: u32) -> u32 {
  return parity ^ flat_prefix(cursor, offset, k, parity, u + 1u);
}

// XOR share of 1{u = alpha}.
fn flat_equal(cursor: Cursor, offset: u32, k: u32, parity: u32, u: u32) -> u32 {
  let last = (1u << k) - 1u;
  if (u == last) {
    return parity ^ flat_prefix(cursor, offset, k, parity, last);
  }
  return given_field(cursor, offset + u, 1u);
}

// XOR share of 1{alpha in [first, first + count) mod 2^k}, count ≤ 2^k.
fn flat_interval(cursor: Cursor, offset: u32, k: u32, parity: u32, first: u32, count: u32) -> u32 {
  let size = 1u << k;
  let end = first + count;
  let before = flat_prefix(cursor, offset, k, parity, first);
  if (end <= size) {
    return before ^ flat_prefix(cursor, offset, k, parity, end);
  }
  return parity ^ before ^ flat_prefix(cursor, offset, k, parity, end - size);
}
