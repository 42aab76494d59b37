// finish_product: adds partial products and the pad.
//
//   result[i] = pad[i] + Σ_s product[s][i] mod 2^n
//
// Spec      SPEC.md §5.1 (linear layers)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element of the result; `given_key` holds the pads
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
// </declarations>

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    var sum = ring_unit(64u);
    if (params.has_pad == 1u) {
      sum = given_ring(given_cursor(segment_of(i), i), 0u, params.given_bits);
    }
    for (var slice = 0u; slice < params.slices; slice++) {
      sum = ring_add(sum, load_product(slice * params.count + i));
    }
    store_result(i, ring_reduce(sum, params.ring_bits));
  }
}
