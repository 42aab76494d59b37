// distance: measures how far values are below just above their row's coarse maximum.
//
//   result[row][c] = (top[row] + 1)·2^scale - x[row][c] mod 2^n
//
// Spec      SPEC.md §5.13 (public-linear operations)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  top_base: u32,      // index of the first bound word of `top`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  party: u32,         // whose call
  scale: u32,         // fractional bits of x
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> top: array<u32>; // one value a row
@group(0) @binding(1) var<storage, read> x: array<u32>; // rows
@group(0) @binding(2) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(3) var<storage, read_write> result: array<u32>; // rows
@group(0) @binding(4) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var i = params.first + group.x; i < params.end; i += groups.x) {
    item(i, thread);
  }
}
// </declarations>

fn item(i: u32, thread: u32) {
  let segment = segment_of(i);
  let columns = lists[segment + 7u];
  let first = lists[segment + 6u] + (i - lists[segment]) * columns;
  let above = (top[i - params.top_base] + 1u) << params.scale;
  for (var c = thread; c < columns; c += WORKGROUP_SIZE) {
    result[first + c - params.result_base] = (above - x[first + c - params.x_base]) & low_mask(params.ring_bits);
  }
}
