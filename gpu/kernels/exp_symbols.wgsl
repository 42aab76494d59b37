// exp_symbols: opens the digits of an exponential: four symbols and three signed table values.
//
//   symbols = (less(low), less(high), equal(top, 0), equal(top, 1)) XOR pad
//   values = ±low_table(low), ±high_table(high), ±high_table(high - 1), each plus a pad mod 2^n
//
// Spec      SPEC.md §5.11 (exponential)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _flat.wgsl, _lookup.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        t          read     u32     (count,)       masked value
// 1        given_key  read     u32     -              key bits, secret
// 2        free_key   read     u32     -              pad bits, secret
// 3        lists      read     u32     (segments, 8)  public: blocks and their records
// 4        tables     read     vec4u   -              public tables
// 5        symbols    write    u32     (count,)       XOR share, secret
// 6        values     write    u32     (count, 3)     shares, secret
// 7        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  t_base: u32,        // index of the first bound word of `t`
  symbols_base: u32,  // index of the first bound word of `symbols`
  values_base: u32,   // index of the first bound word of `values`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  low: u32,           // bits of the low digit
  high: u32,          // bits of the high digit
  top: u32,           // bits of the top digit
  parity: u32,        // 1 for the holder of explicit halves
  negate: u32,        // 1 for party 1
  high_table: u32,    // place of the high table in `tables`
  ring_bits: u32,     // n
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> t: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> free_key: array<u32>;
@group(0) @binding(3) var<storage, read> lists: array<u32>;
@group(0) @binding(4) var<storage, read> tables: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> symbols: array<u32>;
@group(0) @binding(6) var<storage, read_write> values: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let pad = free_cursor(segment, i);
    let value = t[i - params.t_base];
    let t0 = value & low_mask(params.low);
    let t1 = (value >> params.low) & low_mask(params.high);
    let t2 = value >> (params.low + params.high);
    let high_at = (1u << params.low) - 1u;
    let top_at = high_at + (1u << params.high) - 1u;
    let top_mask = low_mask(params.top);
    var share = flat_less(key, 0u, params.low, params.parity, t0);
    share |= flat_less(key, high_at, params.high, params.parity, t1) << 1u;
    share |= flat_equal(key, top_at, params.top, params.parity, t2 & top_mask) << 2u;
    share |= flat_equal(key, top_at, params.top, params.parity, (t2 - 1u) & top_mask) << 3u;
    symbols[i - params.symbols_base] = share ^ free_field(pad, 0u, 4u);
    let n = params.ring_bits;
    let sign = sign_of(params.negate);
    let low_value = flat_lookup_pair(key, 0u, params.low, params.parity, t0, 0u).x;
    let high_values = flat_lookup_pair(key, high_at, params.high, params.parity, t1, params.high_table);
    let at = 3u * i - params.values_base;
    values[at] = (sign * low_value + free_field(pad, 5u, n)) & low_mask(n);
    values[at + 1u] = (sign * high_values.x + free_field(pad, 5u + n, n)) & low_mask(n);
    values[at + 2u] = (sign * high_values.y + free_field(pad, 5u + 2u * n, n)) & low_mask(n);
  }
}
