// distance: subtracts every element from its row's raised top.
//
//   result[row, c] = (top[row] + 1)·2^scale - x[row, c] mod 2^n
//
// Spec      SPEC.md §5.13 (public-linear operations)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _segments.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element; a segment is a block, its words its first row and its columns
//
// binding  name    access   type    shape          holds
// 0        top     read     u32     (rows,)        masked value
// 1        x       read     u32     (count,)       masked value or share
// 2        lists   read     u32     (segments, 8)  public: blocks and their records
// 3        result  write    u32     (count,)       masked value or share
// 4        params  uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  top_base: u32,      // index of the first bound word of `top`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  scale: u32,         // bits
  ring_mask: u32,     // 2^n - 1
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> top: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> lists: array<u32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let row = lists[segment + 6u] + (i - lists[segment]) / lists[segment + 7u];
    result[i - params.result_base] = (((top[row - params.top_base] + 1u) << params.scale) - x[i - params.x_base]) & params.ring_mask;
  }
}
