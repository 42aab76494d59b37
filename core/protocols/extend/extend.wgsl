// extend: reads a masked value in a wider ring.
//
//   result = ((x + 2^(n-2)) mod 2^n) - 2^(n-2) + top·2^n mod 2^m
//
// Spec      SPEC.md §5.17 (extend)
// Needs     _ring.wgsl, _spare.wgsl
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
    let above = ring_shift_left(ring_select(load_top(i), params.has_top), params.in_bits);
    store_result(i, ring_reduce(ring_add(spare_value(load_x(i), params.in_bits), above), params.out_bits));
  }
}
