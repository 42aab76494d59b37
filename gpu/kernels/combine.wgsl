// combine: adds or XORs the peer's packed share to this party's own.
//
//   opened[i] = mine[i] + theirs[i] mod 2^bits, or mine[i] XOR theirs[i]
//
// Spec      SPEC.md §2.3 (openings)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  mine_base: u32,    // index of the first bound word of `mine`
  theirs_base: u32,  // index of the first bound word of `theirs`
  opened_base: u32,  // index of the first bound word of `opened`
  bits: u32,         // bits of a packed element, 0 to 64
  mine_words: u32,   // words of an element of `mine`, 1 or 2
  opened_words: u32, // words of an opened element, 1 or 2
  is_xor: u32,       // 1 for XOR, 0 for addition
  has_mine: u32,     // 1 where there is `mine`
}

@group(0) @binding(0) var<storage, read> mine: array<u32>; // this party's share, secret
@group(0) @binding(1) var<storage, read> theirs: array<u32>; // the peer's packed share
@group(0) @binding(2) var<storage, read_write> opened: array<u32>; // opened values
@group(0) @binding(3) var<uniform> params: Params;

fn load_mine(i: u32) -> Ring {
  let at = params.mine_words * i - params.mine_base;
  return ring_join(mine[at], mine[at + params.mine_words - 1u], params.mine_words);
}

fn store_opened(i: u32, value: Ring) {
  let at = params.opened_words * i - params.opened_base;
  opened[at] = ring_low(value);
  if (params.opened_words == 2u) {
    opened[at + 1u] = ring_high(value);
  }
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

// A field of the packed share, at most 32 bits.
fn theirs_field(cursor: Cursor, offset: u32, bits: u32) -> u32 {
  let shift = cursor.shift + offset;
  let word = cursor.word + (shift >> 5u) - params.theirs_base;
  return join_bits(theirs[word], theirs[word + 1u], shift & 31u, bits);
}

fn theirs_ring(cursor: Cursor) -> Ring {
  let high = theirs_field(cursor, 32u, max(params.bits, 32u) - 32u);
  return ring_pair(theirs_field(cursor, 0u, min(params.bits, 32u)), high);
}

fn item(i: u32) {
  let own = ring_select(load_mine(i), params.has_mine);
  let other = theirs_ring(cursor_at(0u, 0u, i, params.bits));
  store_opened(i, select(ring_reduce(ring_add(own, other), params.bits), own ^ other, params.is_xor == 1u));
}
