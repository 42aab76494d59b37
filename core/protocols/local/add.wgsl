// add: adds two tensors.
//
//   result[i] = x[i] + y[i] mod 2^n
//
// Spec      SPEC.md §5.13 (public-linear operations)
// Needs     _ring.wgsl
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
    store_result(i, ring_reduce(ring_add(load_x(i), load_y(i)), params.ring_bits));
  }
}
