// _lookup: looks a public table up with a one-hot vector of the given record: Σ_i table(i)·bit((u - i) mod 2^k), for u alone or also for u - 1.
// Threads read the same table entry at the same time, each with its own turned bits: turns are public.

// The last bit of a vector, which is not stored.
fn last_bit_of(cursor: Cursor, offset: u32, last: u32, parity: u32) -> u32 {
  var folded = 0u;
  for (var at = 0u; at < last; at += 32u) {
    folded ^= given_field(cursor, offset + at, min(32u, last - at));
  }
  return parity ^ parity_of(folded);
}

// 32 bits of a circular vector of at least 64 from `first` on.
fn circular_bits(cursor: Cursor, offset: u32, last: u32, last_bit: u32, first: u32) -> u32 {
  let ahead = last - first; // stored bits before the last one
  if (ahead >= 32u) {
    return given_field(cursor, offset + first, 32u);
  }
  var bits = given_field(cursor, offset + first, ahead) | (last_bit << ahead);
  if (ahead < 31u) {
    bits |= given_field(cursor, offset, 31u - ahead) << (ahead + 1u);
  }
  return bits;
}

// All ones where the bit that is `lanes` below the highest is 1, else 0.
fn spread_high(word: u32, lanes: vec4u) -> vec4u {
  return bitcast<vec4u>(bitcast<vec4i>(vec4u(word) << lanes) >> vec4u(31u));
}

// An entry; tables begin at multiples of four.
fn entry_at(at: u32) -> u32 {
  return tables[at >> 2u][at & 3u];
}

// Entries `at` to `at` + 3, `at` a multiple of four.
fn four_entries(at: u32) -> vec4u {
  return tables[at >> 2u];
}

fn sum_of(x: vec4u) -> u32 {
  return x.x + x.y + x.z + x.w;
}

fn flat_lookup_pair(cursor: Cursor, offset: u32, k: u32, parity: u32, u: u32, table: u32) -> vec2u {
  let last = (1u << k) - 1u;
  let last_bit = last_bit_of(cursor, offset, last, parity);
  if (k <= 5u) {
    var sums = vec2u(0u, 0u);
    let bits = given_field(cursor, offset, last) | (last_bit << last);
    for (var i = 0u; i <= last; i++) {
      let entry = entry_at(table + i);
      sums += vec2u(entry & spread(bits >> ((u - i) & last)), entry & spread(bits >> ((u - 1u - i) & last)));
    }
    return sums;
  }
  // Bit 31 - j of `near` belongs to entry i + j.
  let lanes = vec4u(0u, 1u, 2u, 3u);
  var near_sums = vec4u(0u);
  var far_sums = vec4u(0u);
  var near = circular_bits(cursor, offset, last, last_bit, (u - 31u) & last);
  for (var i = 0u; i <= last; i += 32u) {
    let next = circular_bits(cursor, offset, last, last_bit, (u - i - 63u) & last);
    let far = (near << 1u) | (next >> 31u);
    for (var j = 0u; j < 32u; j += 8u) {
      let low = four_entries(table + i + j);
      let high = four_entries(table + i + j + 4u);
      near_sums += (low & spread_high(near << j, lanes)) + (high & spread_high(near << (j + 4u), lanes));
      far_sums += (low & spread_high(far << j, lanes)) + (high & spread_high(far << (j + 4u), lanes));
    }
    near = next;
  }
  return vec2u(sum_of(near_sums), sum_of(far_sums));
}

// For u alone. Entries i > u are read `beyond` words further on: 0 for a table of 2^k entries; 2^k for one of 2^(k+1) whose index, the difference
// of u and the secret point, is not reduced.
fn flat_lookup(cursor: Cursor, offset: u32, k: u32, parity: u32, u: u32, table: u32, beyond: u32) -> u32 {
  let last = (1u << k) - 1u;
  let last_bit = last_bit_of(cursor, offset, last, parity);
  if (k <= 5u) {
    var sum = 0u;
    let bits = given_field(cursor, offset, last) | (last_bit << last);
    for (var i = 0u; i <= last; i++) {
      sum += entry_at(table + i + select(0u, beyond, i > u)) & spread(bits >> ((u - i) & last));
    }
    return sum;
  }
  let lanes = vec4u(0u, 1u, 2u, 3u);
  var sums = vec4u(0u);
  for (var i = 0u; i <= last; i += 32u) {
    // Bit 31 - j belongs to entry i + j.
    let bits = circular_bits(cursor, offset, last, last_bit, (u - i - 31u) & last);
    for (var j = 0u; j < 32u; j += 4u) {
      let at = table + i + j;
      let entries = select(four_entries(at), four_entries(at + beyond), vec4u(i + j) + lanes > vec4u(u));
      sums += entries & spread_high(bits << j, lanes);
    }
  }
  return sum_of(sums);
}
