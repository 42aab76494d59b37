// subtract_mask: subtracts a party's share of the mask from a masked value.
//
//   result[i] = x[i] - r[i], or -r[i]
//
// Spec      SPEC.md §5.1 (linear layers)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one record
  x_words: u32,       // words of an element, 1 or 2
  result_words: u32,  // the same
  has_x: u32,         // 0 for -r alone
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(3) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(4) var<uniform> params: Params;

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
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

fn item(i: u32) {
  let r = given_ring(given_cursor(segment_of(i), i), 0u, params.given_bits);
  store_result(i, ring_subtract(ring_select(load_x(i), params.has_x), r));
}
