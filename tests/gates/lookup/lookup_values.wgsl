// lookup_values: looks a public table up at a secret place.
//
//   values = ±table(x), plus a mask mod 2^n
//
// Spec      SPEC.md §4.1 (flat DPFs)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  values_base: u32,   // index of the first bound word of `values`
  table_table: u32,   // where in `tables` begins: one entry for each x
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  digit_at: u32,      // first bit of the field digit
  value_at: u32,      // first bit of the field value
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  digit_bits: u32,    // bits of x
  ring_bits: u32,     // n, ring of the result
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read> tables: array<vec4u>; // public tables
@group(0) @binding(5) var<storage, read_write> values: array<u32>; // share, secret
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
  let n = params.ring_bits;
  let found = flat_lookup(key, params.digit_at, params.digit_bits, params.parity, x[i - params.x_base], params.table_table, 0u);
  let mask = free_field(free_cursor(segment, i), params.value_at, n);
  values[i - params.values_base] = (sign_of(params.party) * found + mask) & low_mask(n);
}
