// maximum_merge: makes one column of every pair; an odd last one is carried over.
//
//   result[row][j] = x[row][2j + 1] + selected[row][j] mod 2^n
//
// Spec      SPEC.md §5.10 (maximum)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  selected_base: u32, // index of the first bound word of `selected`
  result_base: u32,   // index of the first bound word of `result`
  party: u32,         // whose call
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> selected: array<u32>; // opened values
@group(0) @binding(2) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(3) var<storage, read_write> result: array<u32>; // masked maxima
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
  let row = i - lists[segment];
  let pairs = columns >> 1u;
  let source = lists[segment + 6u] + row * columns - params.x_base;
  let chosen = lists[segment + 2u] + row * pairs - params.selected_base;
  let target_at = lists[segment + 6u] - lists[segment + 2u] + row * (columns - pairs) - params.result_base;
  for (var j = thread; j < columns - pairs; j += WORKGROUP_SIZE) {
    var value = x[source + min(2u * j + 1u, columns - 1u)];
    if (j < pairs) {
      value += selected[chosen + j];
    }
    result[target_at + j] = value & low_mask(params.ring_bits);
  }
}
