// truncate_finish: shares the truncated value.
//
//   result = pad - (1 - 2·bit)·carry[path] + wrap·2^(n-by) + [adds] ⌊z⁺ / 2^by⌋ - 2^(n-2-by) - bit mod 2^m
//
// Spec      SPEC.md §5.7 (truncate)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _path.wgsl
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
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let symbols = opened[i - params.opened_base];
    let selected = permuted_path(symbols, params.chunk_count);
    let bit = selected & 1u;
    let carry = given_ring(key, params.carries_at + (selected >> 1u) * params.out_bits, params.out_bits);
    let pad = free_ring(free_cursor(segment, i), params.pad_at, params.out_bits);
    var sum = select(ring_subtract(pad, carry), ring_add(pad, carry), bit == 1u);
    // A field of no bits reads as 0.
    let wraps = symbols >> ((1u << params.chunk_count) - 1u);
    let wrap = ring_select(given_ring(key, params.wrap_at, params.wrap_bits), wraps);
    sum = ring_add(sum, ring_shift_left(wrap, params.in_bits - params.by));
    let raise = ring_add(ring_pair(params.addend, 0u), ring_unit(params.in_bits - 2u));
    let raised = ring_reduce(ring_add(load_z(i), raise), params.in_bits);
    let offset = ring_add(ring_unit(params.in_bits - 2u - params.by), ring_pair(bit, 0u));
    let whole = ring_subtract(ring_shift_right(raised, params.by), offset);
    store_result(i, ring_reduce(ring_add(sum, ring_select(whole, params.adds)), params.out_bits));
  }
}
