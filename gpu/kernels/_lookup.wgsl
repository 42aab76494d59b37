// _lookup: looks a public table up with a one-hot vector of the given record: Σ_j bit(j)·table((u - j) mod 2^k), for u and for u - 1.

fn flat_lookup_pair(cursor: Cursor, offset: u32, k: u32, parity: u32, u: u32, table: u32) -> vec2u {
  let last = (1u << k) - 1u;
  var sums = vec2u(0u, 0u);
  var folded = 0u;
  var entry = tables[table + (u & last)];
  for (var at = 0u; at < last; at += 32u) {
    let count = min(32u, last - at);
    var bits = given_field(cursor, offset + at, count);
    folded ^= bits;
    for (var j = 0u; j < count; j++) {
      let next = tables[table + ((u - at - j - 1u) & last)];
      sums += vec2u(entry, next) & vec2u(spread(bits), spread(bits));
      entry = next;
      bits >>= 1u;
    }
  }
  let last_bit = spread(parity ^ parity_of(folded));
  return sums + (vec2u(entry, tables[table + (u & last)]) & vec2u(last_bit, last_bit));
}
