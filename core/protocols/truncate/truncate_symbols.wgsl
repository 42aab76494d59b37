// truncate_symbols: opens the carry of a truncation: the symbols of its comparison, and the top bit for the party that does not hold it.
//
//   z⁺ = z + addend + 2^(n-2);   symbols = permuted(z⁺ mod 2^by) XOR mask, and above them [tells] 1 - msb(z⁺)
//
// Spec      SPEC.md §5.7 (truncate)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _flat.wgsl, _permuted.wgsl
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
    let raise = ring_add(ring_pair(params.addend, 0u), ring_unit(params.in_bits - 2u));
    let raised = ring_add(load_z(i), raise);
    let count = (1u << params.chunk_count) - 1u;
    let key = given_cursor(segment, i);
    let low = ring_low(raised) & low_mask(params.by);
    let share = permuted_symbols(key, params.compare_at, params.chunks, params.chunk_count, params.parity, low);
    let told = params.tells & (1u - (ring_low(ring_shift_right(raised, params.in_bits - 1u)) & 1u));
    symbols[i - params.symbols_base] = share ^ free_field(free_cursor(segment, i), params.mask_at, count) ^ (told << count);
  }
}
