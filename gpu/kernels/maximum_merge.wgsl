// maximum_merge: finishes a tournament level.
//
//   result = b + selected mod 2^m of every pair, or the odd last column as it is
//
// Spec      SPEC.md §5.10 (maximum)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _segments.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element of the result; a segment's words are its block's first element and columns, word 2 its first pair
//
// binding  name      access   type    shape          holds
// 0        x         read     u32     (count,)       masked value or share
// 1        selected  read     u32     (pairs,)       masked value
// 2        lists     read     u32     (segments, 8)  public: blocks and their records
// 3        result    write    u32     (count,)       masked value
// 4        params    uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  selected_base: u32, // index of the first bound word of `selected`
  result_base: u32,   // index of the first bound word of `result`
  ring_mask: u32,     // 2^n - 1
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> selected: array<u32>;
@group(0) @binding(2) var<storage, read> lists: array<u32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let columns = lists[segment + 7u];
    let kept = (columns + 1u) >> 1u;
    let at = i - lists[segment];
    let row = at / kept;
    let column = at - row * kept;
    let source = lists[segment + 6u] + row * columns + 2u * column - params.x_base;
    if (2u * column + 1u == columns) {
      result[i - params.result_base] = x[source];
    } else {
      let pair = lists[segment + 2u] + row * (columns >> 1u) + column;
      result[i - params.result_base] = (x[source + 1u] + selected[pair - params.selected_base]) & params.ring_mask;
    }
  }
}
