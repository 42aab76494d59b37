// columns: takes some columns of every row.
//
//   result[row][c] = x[row][column + c]
//
// Spec      SPEC.md §5.13 (public-linear operations)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  x_words: u32,       // words of an element of `x`, 1 or 2
  result_words: u32,  // words of an element of `result`, 1 or 2
  party: u32,         // whose call
  column: u32,        // first column
  width: u32,         // columns
  ring_bits: u32,     // ring of both, for their words
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // rows
@group(0) @binding(1) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(2) var<storage, read_write> result: array<u32>; // narrower rows
@group(0) @binding(3) var<uniform> params: Params;

fn load_x(i: u32) -> Ring {
  let at = params.x_words * i - params.x_base;
  return ring_join(x[at], x[at + params.x_words - 1u], params.x_words);
}

fn store_result(i: u32, value: Ring) {
  let at = params.result_words * i - params.result_base;
  result[at] = ring_low(value);
  if (params.result_words == 2u) {
    result[at + 1u] = ring_high(value);
  }
}

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
  let source = lists[segment + 6u] + (i - lists[segment]) * lists[segment + 7u] + params.column;
  for (var c = thread; c < params.width; c += WORKGROUP_SIZE) {
    store_result(i * params.width + c, load_x(source + c));
  }
}
