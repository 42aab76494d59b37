// splice_symbols: opens the digits of a splice: eight symbols and two signed table values.
//
//   u = ⌊x / 2^skip⌋, w = u + window
//   symbols = (less(low), less(index of w), equal(top of w, 0), equal(top of w, 1), less(index of u), equal(index of u), sign 0, sign 1) XOR pad
//   values = ±table(index of w), ±table(index of w - 1), each plus a pad mod 2^v
//
// Spec      SPEC.md §5.12 (splice)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  symbols_base: u32,  // index of the first bound word of `symbols`
  values_base: u32,   // index of the first bound word of `values`
  table_table: u32,   // where in `tables` begins: the bump
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  low_at: u32,        // first bit of the field low
  index_at: u32,      // first bit of the field index
  top_at: u32,        // first bit of the field top
  symbols_at: u32,    // first bit of the field symbols
  values_at: u32,     // first bit of the field values
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  skip: u32,          // low bits of x that no digit reads
  low_bits: u32,      // bits of the low digit
  index_bits: u32,    // bits of the index digit
  top_bits: u32,      // bits of the top digit
  value_bits: u32,    // ring of the opened values
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked value
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
  let parity = params.parity;
  let index_mask = low_mask(params.index_bits);
  let top_mask = low_mask(params.top_bits);
  let value = x[i - params.x_base] >> params.skip;
  let raised = value + (1u << (params.low_bits + params.index_bits - 1u));
  let low = value & low_mask(params.low_bits);
  let sign_index = (value >> params.low_bits) & index_mask;
  let sign_top = (value >> (params.low_bits + params.index_bits)) & top_mask;
  let window_index = (raised >> params.low_bits) & index_mask;
  let window_top = (raised >> (params.low_bits + params.index_bits)) & top_mask;
  let index_at = params.index_at;
  let top_at = params.top_at;
  // The upper half of the circle below a point begins right behind it.
  let half = 1u << (params.top_bits - 1u);
  var share = flat_less(key, params.low_at, params.low_bits, parity, low);
  share |= flat_less(key, index_at, params.index_bits, parity, window_index) << 1u;
  share |= flat_equal(key, top_at, params.top_bits, parity, window_top) << 2u;
  share |= flat_equal(key, top_at, params.top_bits, parity, (window_top - 1u) & top_mask) << 3u;
  share |= flat_less(key, index_at, params.index_bits, parity, sign_index) << 4u;
  share |= flat_equal(key, index_at, params.index_bits, parity, sign_index) << 5u;
  share |= flat_interval(key, top_at, params.top_bits, parity, (sign_top + 1u) & top_mask, half) << 6u;
  share |= flat_interval(key, top_at, params.top_bits, parity, sign_top, half) << 7u;
  symbols[i - params.symbols_base] = share ^ free_field(pad, params.symbols_at, 8u);
  let v = params.value_bits;
  let sign = sign_of(params.party);
  let entries = flat_lookup_pair(key, index_at, params.index_bits, parity, window_index, params.table_table);
  let at = 2u * i - params.values_base;
  values[at] = (sign * entries.x + free_field(pad, params.values_at, v)) & low_mask(v);
  values[at + 1u] = (sign * entries.y + free_field(pad, params.values_at + v, v)) & low_mask(v);
}
