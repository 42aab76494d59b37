// exp_dithered_finish: shares a dithered exponential: the product of its masked digits' values.
//
//   result = pad + v_0·v_1·w_0 - v_1·w_1 - v_0·w_2 mod 2^n
//
// Spec      SPEC.md §5.16 (exponential, dithered)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl
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
    let n = params.ring_bits;
    let v0 = values[2u * i - params.values_base];
    let v1 = values[2u * i + 1u - params.values_base];
    var sum = free_field(free_cursor(segment, i), params.pad_at, n);
    sum += v0 * v1 * given_field(key, params.words_at, n);
    sum -= v1 * given_field(key, params.words_at + n, n) + v0 * given_field(key, params.words_at + 2u * n, n);
    result[i - params.result_base] = sum & low_mask(n);
  }
}
