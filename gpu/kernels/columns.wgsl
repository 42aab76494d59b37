// columns: takes columns of every row.
//
//   result[row, c] = x[row, column + c]
//
// Spec      SPEC.md §5.13 (public-linear operations)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _segments.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element of the result; segments hold the rows of a block
//
// binding  name    access   type    shape          holds
// 0        x       read     u32     (count,)       masked value or share
// 1        lists   read     u32     (segments, 8)  public: blocks and their records
// 2        result  write    u32     (count,)       masked value or share
// 3        params  uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  column: u32,        // first column
  width: u32,         // columns of the result
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let at = i - lists[segment];
    let row = at / params.width;
    let c = at - row * params.width;
    result[i - params.result_base] = x[lists[segment + 6u] + row * lists[segment + 7u] + params.column + c - params.x_base];
  }
}
