// multiply: shares the product of two operands.
//
//   result = [party 0] x·y - x·r_y - r_x·y + pad = x·([party 0] y - r_y) - r_x·y + pad mod 2^n
//
// Spec      SPEC.md §5.5 (multiply)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _free.wgsl
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
    let y_value = load_y(i);
    let left = ring_subtract(ring_select(y_value, 1u - params.party), load_mask_y(i));
    let crossed = ring_subtract(ring_multiply(load_x(i), left), ring_multiply(load_mask_x(i), y_value));
    let pad = free_ring(free_cursor(segment_of(i), i), params.pad_at, params.ring_bits);
    store_result(i, ring_reduce(ring_add(crossed, pad), params.ring_bits));
  }
}
