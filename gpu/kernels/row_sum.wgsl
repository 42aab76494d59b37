// row_sum: sums every row.
//
//   result[row] = Σ_c x[row, c] mod 2^n
//
// Spec      SPEC.md §5.13 (public-linear operations)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _segments.wgsl
// Dispatch  x = rows, strided past 65535 groups: a group sums a row
// Items     a row, a segment's words are its block's first element and columns
//
// binding  name    access   type    shape          holds
// 0        x       read     u32     (count,)       masked value or share
// 1        lists   read     u32     (segments, 8)  public: blocks and their records
// 2        result  write    u32     (rows,)        masked value
// 3        params  uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  ring_mask: u32,     // 2^n - 1
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> partial: array<u32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var i = params.first + group.x; i < params.end; i += groups.x) {
    let segment = segment_of(i);
    let columns = lists[segment + 7u];
    let base = lists[segment + 6u] + (i - lists[segment]) * columns - params.x_base;
    var sum = 0u;
    for (var c = thread; c < columns; c += WORKGROUP_SIZE) {
      sum += x[base + c];
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
      result[i - params.result_base] = partial[0] & params.ring_mask;
    }
    workgroupBarrier();
  }
}
