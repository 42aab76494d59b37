// rotate: turns the pairs of a head by the angles of its token.
//
//   result[j] = cos·x[j] - sin·x[half + j],   result[half + j] = cos·x[half + j] + sin·x[j] mod 2^n
//
// Spec      SPEC.md §5.13 (public-linear operations)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  angles_list: u32,   // where in `lists` begins: (cos, sin) of every token and pair, as signed integers
  party: u32,         // whose call
  heads: u32,         // heads of a token
  width: u32,         // values of a head, even
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // one head
@group(0) @binding(1) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(2) var<storage, read_write> result: array<u32>; // the same, turned
@group(0) @binding(3) var<uniform> params: Params;

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
  let half = params.width / 2u;
  let angle = i / params.heads * half;
  let source = i * params.width - params.x_base;
  let target_at = i * params.width - params.result_base;
  for (var j = thread; j < half; j += WORKGROUP_SIZE) {
    let cos = lists[params.angles_list + 2u * (angle + j)];
    let sin = lists[params.angles_list + 2u * (angle + j) + 1u];
    let a = x[source + j];
    let b = x[source + half + j];
    result[target_at + j] = (cos * a - sin * b) & low_mask(params.ring_bits);
    result[target_at + half + j] = (cos * b + sin * a) & low_mask(params.ring_bits);
  }
}
