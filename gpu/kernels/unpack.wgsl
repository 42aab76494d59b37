// unpack: unpacks a field of every element of a record.
//
// Spec      SPEC.md §3.2 (records)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one record
  offset: u32,        // first bit of the field
  bits: u32,          // bits of the field
  result_words: u32,  // words of a result, 1 or 2
}

@group(0) @binding(0) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(1) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(2) var<storage, read_write> result: array<u32>; // key words, secret
@group(0) @binding(3) var<uniform> params: Params;

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
  store_result(i, given_ring(given_cursor(segment_of(i), i), params.offset, params.bits));
}
