// exp_dithered_finish: shares a dithered exponential: the product of its masked digits' values.
//
//   result = pad + v_0·v_1·w_0 - v_1·w_1 - v_0·w_2 mod 2^n
//
// Spec      SPEC.md §5.16 (exponential, dithered)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  values_base: u32,   // index of the first bound word of `values`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  words_at: u32,      // first bit of the field words
  pad_at: u32,        // first bit of the field pad
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> values: array<u32>; // opened values
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(5) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

fn item(i: u32) {
  let segment = segment_of(i);
  let key = given_cursor(segment, i);
  let n = params.ring_bits;
  let v0 = values[2u * i - params.values_base];
  let v1 = values[2u * i + 1u - params.values_base];
  var sum = free_field(free_cursor(segment, i), params.pad_at, n);
  sum += v0 * v1 * given_field(key, params.words_at, n);
  sum -= v1 * given_field(key, params.words_at + n, n) + v0 * given_field(key, params.words_at + 2u * n, n);
  result[i - params.result_base] = sum & low_mask(n);
}
