// exp_dithered_values: looks up both digits of a dithered exponential.
//
//   u = ⌊t / 2^skip⌋, its digits u_0 and u_1
//   values = ±low_table(u_0 - α_0 mod 2^(low+1)), ±high_table(u_1 - α_1 mod 2^high), each plus a pad mod 2^n
//
// Spec      SPEC.md §5.16 (exponential, dithered)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  t_base: u32,        // index of the first bound word of `t`
  values_base: u32,   // index of the first bound word of `values`
  low_table: u32,     // where in `tables` begins: of the low digit's difference
  high_table: u32,    // where in `tables` begins: of the high digit's difference
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  low_at: u32,        // first bit of the field low
  high_at: u32,       // first bit of the field high
  values_at: u32,     // first bit of the field values
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  skip: u32,          // low bits of t that no digit reads
  low_bits: u32,      // bits of the low digit
  high_bits: u32,     // bits of the high digit
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> t: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read> tables: array<vec4u>; // public tables
@group(0) @binding(5) var<storage, read_write> values: array<u32>; // shares, secret
@group(0) @binding(6) var<uniform> params: Params;

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
  let pad = free_cursor(segment, i);
  let n = params.ring_bits;
  let value = t[i - params.t_base] >> params.skip;
  let low_size = 1u << params.low_bits;
  let low = flat_lookup(key, params.low_at, params.low_bits, params.parity, value & (low_size - 1u), params.low_table, low_size);
  let high_digit = (value >> params.low_bits) & low_mask(params.high_bits);
  let high = flat_lookup(key, params.high_at, params.high_bits, params.parity, high_digit, params.high_table, 0u);
  let sign = sign_of(params.party);
  let at = 2u * i - params.values_base;
  values[at] = (sign * low + free_field(pad, params.values_at, n)) & low_mask(n);
  values[at + 1u] = (sign * high + free_field(pad, params.values_at + n, n)) & low_mask(n);
}
