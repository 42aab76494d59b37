// multiply_row: shares the product of every row with a value of its own.
//
//   result = x·([party 0] y - r_y) - r_x·y + pad mod 2^n, one y for a row
//
// Spec      SPEC.md §5.5 (multiply)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _free.wgsl
// Dispatch  x = items, strided past 65535 groups: a group works on an item
// Items     a row
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
// </declarations>

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var i = params.first + group.x; i < params.end; i += groups.x) {
    let segment = segment_of(i);
    let columns = lists[segment + 7u];
    let in_block = (i - lists[segment]) * columns;
    let first = lists[segment + 6u] + in_block;
    let y_value = load_y(i);
    let left = ring_subtract(ring_select(y_value, 1u - params.party), load_mask_y(i));
    for (var c = thread; c < columns; c += WORKGROUP_SIZE) {
      let crossed = ring_subtract(ring_multiply(load_x(first + c), left), ring_multiply(load_mask_x(first + c), y_value));
      let pad = free_ring(free_cursor_at(segment, in_block + c), params.pad_at, params.ring_bits);
      store_result(first + c, ring_reduce(ring_add(crossed, pad), params.ring_bits));
    }
  }
}
