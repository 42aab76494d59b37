// maximum_select: shares g·d of two columns, d = a - b and g = 1 where a is the larger.
//
//   result = pad + (1 - 2g)·d·β_j - g·w_j + [party 0] g·d - [j > 0] u_j mod 2^n
//
// Spec      SPEC.md §5.10 (maximum)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _pairs.wgsl, _path.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a pair of neighbouring columns
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
    let pair = pair_at(segment, i) - params.x_base;
    let key = given_cursor(segment, i);
    let n = params.ring_bits;
    let d = (x[pair] - x[pair + 1u]) & low_mask(n);
    let selected = permuted_path(opened[i - params.opened_base], params.chunk_count);
    let j = selected >> 1u;
    let g = (selected & 1u) ^ (d >> (n - 1u));
    let paths = 1u << (params.chunk_count - 1u);
    var sum = free_field(free_cursor(segment, i), params.pad_at, n);
    sum += sign_of(g) * d * given_field(key, params.select_at + j * n, n);
    sum -= g * given_field(key, params.select_at + (paths + j) * n, n);
    sum += (1u - params.party) * g * d;
    // The first path has no third word; paths are public.
    sum -= select(0u, given_field(key, params.select_at + (2u * paths + max(j, 1u) - 1u) * n, n), j > 0u);
    result[i - params.result_base] = sum & low_mask(n);
  }
}
