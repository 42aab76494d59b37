// unpack: unpacks a field of every element of a record.
//
// Spec      SPEC.md §3.2 (records)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl
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
    store_result(i, given_ring(given_cursor(segment_of(i), i), params.offset, params.bits));
  }
}
