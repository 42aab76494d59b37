// combine: adds or XORs the peer's packed share to this party's own.
//
//   opened[i] = mine[i] + theirs[i] mod 2^bits, or mine[i] XOR theirs[i]
//
// Spec      SPEC.md §2.3 (openings)
// Needs     _ring.wgsl, _bits.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
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

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let own = ring_select(load_mine(i), params.has_mine);
    let other = theirs_ring(cursor_at(0u, 0u, i, params.bits));
    store_opened(i, select(ring_reduce(ring_add(own, other), params.bits), own ^ other, params.is_xor == 1u));
  }
}
