// exp_dithered_values: looks up both digits of a dithered exponential.
//
//   u = ⌊t / 2^skip⌋, its digits u_0 and u_1
//   values = ±low_table(u_0 - α_0 mod 2^(low+1)), ±high_table(u_1 - α_1 mod 2^high), each plus a pad mod 2^n
//
// Spec      SPEC.md §5.16 (exponential, dithered)
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
// 5        values     write    u32     (count, 2)     shares, secret
// 6        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  t_base: u32,        // index of the first bound word of `t`
  values_base: u32,   // index of the first bound word of `values`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  skip: u32,          // low bits of t that no digit reads
  low: u32,           // bits of the low digit
  high: u32,          // bits of the high digit
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
@group(0) @binding(5) var<storage, read_write> values: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let pad = free_cursor(segment, i);
    let n = params.ring_bits;
    let value = t[i - params.t_base] >> params.skip;
    let low_size = 1u << params.low;
    let low = flat_lookup(key, 0u, params.low, params.parity, value & (low_size - 1u), 0u, low_size);
    let high_digit = (value >> params.low) & low_mask(params.high);
    let high = flat_lookup(key, low_size - 1u, params.high, params.parity, high_digit, params.high_table, 0u);
    let sign = sign_of(params.negate);
    let at = 2u * i - params.values_base;
    values[at] = (sign * low + free_field(pad, 0u, n)) & low_mask(n);
    values[at + 1u] = (sign * high + free_field(pad, n, n)) & low_mask(n);
  }
}
