// exp_symbols: opens the digits of an exponential: four symbols and three signed table values.
//
//   symbols = (less(low), less(high), equal(top, 0), equal(top, 1)) XOR pad
//   values = ±low_table(low), ±high_table(high), ±high_table(high - 1), each plus a pad mod 2^n
//
// Spec      SPEC.md §5.11 (exponential)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  t_base: u32,        // index of the first bound word of `t`
  symbols_base: u32,  // index of the first bound word of `symbols`
  values_base: u32,   // index of the first bound word of `values`
  low_table: u32,     // where in `tables` begins: of the low digit
  high_table: u32,    // where in `tables` begins: of the high digit
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  low_at: u32,        // first bit of the field low
  high_at: u32,       // first bit of the field high
  top_at: u32,        // first bit of the field top
  symbols_at: u32,    // first bit of the field symbols
  values_at: u32,     // first bit of the field values
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  low_bits: u32,      // bits of the low digit
  high_bits: u32,     // bits of the high digit
  top_bits: u32,      // bits of the top digit
  ring_bits: u32,     // n, ring of the values
}

@group(0) @binding(0) var<storage, read> t: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read> tables: array<vec4u>; // public tables
@group(0) @binding(5) var<storage, read_write> symbols: array<u32>; // XOR share, secret
@group(0) @binding(6) var<storage, read_write> values: array<u32>; // shares, secret
@group(0) @binding(7) var<uniform> params: Params;

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
  let value = t[i - params.t_base];
  let t0 = value & low_mask(params.low_bits);
  let t1 = (value >> params.low_bits) & low_mask(params.high_bits);
  let t2 = value >> (params.low_bits + params.high_bits);
  let top_mask = low_mask(params.top_bits);
  var share = flat_less(key, params.low_at, params.low_bits, params.parity, t0);
  share |= flat_less(key, params.high_at, params.high_bits, params.parity, t1) << 1u;
  share |= flat_equal(key, params.top_at, params.top_bits, params.parity, t2 & top_mask) << 2u;
  share |= flat_equal(key, params.top_at, params.top_bits, params.parity, (t2 - 1u) & top_mask) << 3u;
  symbols[i - params.symbols_base] = share ^ free_field(pad, params.symbols_at, 4u);
  let n = params.ring_bits;
  let sign = sign_of(params.party);
  let low_value = flat_lookup_pair(key, params.low_at, params.low_bits, params.parity, t0, params.low_table).x;
  let high_values = flat_lookup_pair(key, params.high_at, params.high_bits, params.parity, t1, params.high_table);
  let at = 3u * i - params.values_base;
  values[at] = (sign * low_value + free_field(pad, params.values_at, n)) & low_mask(n);
  values[at + 1u] = (sign * high_values.x + free_field(pad, params.values_at + n, n)) & low_mask(n);
  values[at + 2u] = (sign * high_values.y + free_field(pad, params.values_at + 2u * n, n)) & low_mask(n);
}
