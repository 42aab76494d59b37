// subtract_mask: subtracts a party's share of the mask from a masked value.
//
//   result[i] = x[i] - r[i], or -r[i]
//
// Spec      SPEC.md §5.1 (linear layers)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
// </declarations>

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let r = given_ring(given_cursor(segment_of(i), i), 0u, params.given_bits);
    store_result(i, ring_subtract(ring_select(load_x(i), params.has_x), r));
  }
}
