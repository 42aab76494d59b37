// row_sum: sums every row.
//
//   result[row] = Σ_c x[row][c] mod 2^n
//
// Spec      SPEC.md §5.13 (public-linear operations)
// Needs     _ring.wgsl, _segments.wgsl
// Dispatch  x = items, strided past 65535 groups: a group works on an item
// Items     a row
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
// </declarations>

var<workgroup> partial: array<u32, WORKGROUP_SIZE>;

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
    let first = lists[segment + 6u] + (i - lists[segment]) * columns - params.x_base;
    var sum = 0u;
    for (var c = thread; c < columns; c += WORKGROUP_SIZE) {
      sum += x[first + c];
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
      if (thread < width) {
        partial[thread] += partial[thread + width];
      }
      workgroupBarrier();
    }
    if (thread == 0u) {
      result[i - params.result_base] = partial[0] & low_mask(params.ring_bits);
    }
    workgroupBarrier();
  }
}
