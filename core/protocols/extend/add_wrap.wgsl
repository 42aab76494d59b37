// add_wrap: adds a term where the mask of x may have wrapped.
//
//   result = a ± k·c·2^shift mod 2^m, k = 1 - msb((x + 2^(n-2)) mod 2^n)
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
    let term = ring_select(ring_shift_left(load_c(i), params.shift), spare_wraps(load_x(i), params.in_bits));
    let sum = select(ring_add(load_a(i), term), ring_subtract(load_a(i), term), params.subtracts == 1u);
    store_result(i, ring_reduce(sum, params.out_bits));
  }
}
