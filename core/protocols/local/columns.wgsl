// columns: takes some columns of every row.
//
//   result[row][c] = x[row][column + c]
//
// Spec      SPEC.md §5.13 (public-linear operations)
// Needs     _ring.wgsl, _segments.wgsl
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
    let from = lists[segment + 6u] + (i - lists[segment]) * lists[segment + 7u] + params.column;
    for (var c = thread; c < params.width; c += WORKGROUP_SIZE) {
      store_result(i * params.width + c, load_x(from + c));
    }
  }
}
