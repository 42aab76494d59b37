// row_finish: shares a row function from its opened thresholds, symbols and values.
//
//   m = masked 1{v in group g}, c = masked carry under mask bit j
//   result = pad + Σ_g [m·s]·v_0 - [m·s·μ_0] + [m·c·s]·(v_1 - v_0) - [m·c·s·(μ_1 - μ_0)] mod 2^n
//
// Spec      SPEC.md §5.9 (row function)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _path.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a row
//
// binding  name       access   type    shape              holds
// 0        v          read     u32     (rows, wide)       masked value
// 1        opened     read     u32     (rows,)            opened thresholds, public
// 2        symbols    read     u32     (rows, groups)     opened symbols, public
// 3        values     read     u32     (rows, groups, 2)  masked values
// 4        given_key  read     u32     -                  key bits, secret
// 5        free_key   read     u32     -                  pad bits, secret
// 6        lists      read     u32     (segments, 8)      public: blocks and their records
// 7        result     write    u32     (rows,)            share, secret
// 8        params     uniform  Params  -                  public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  v_base: u32,        // index of the first bound word of `v`
  opened_base: u32,   // index of the first bound word of `opened`
  symbols_base: u32,  // index of the first bound word of `symbols`
  values_base: u32,   // index of the first bound word of `values`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  wide: u32,          // words of a value, 1 or 2
  in_bits: u32,       // bits of the ring of v
  group_count: u32,   // octave groups
  octaves_at: u32,    // place of the octave groups in `lists`
  pad_at: u32,        // bit offset of the result's pad
  ring_bits: u32,     // n
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> v: array<u32>;
@group(0) @binding(1) var<storage, read> opened: array<u32>;
@group(0) @binding(2) var<storage, read> symbols: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<u32>;
@group(0) @binding(4) var<storage, read> given_key: array<u32>;
@group(0) @binding(5) var<storage, read> free_key: array<u32>;
@group(0) @binding(6) var<storage, read> lists: array<u32>;
@group(0) @binding(7) var<storage, read_write> result: array<u32>;
@group(0) @binding(8) var<uniform> params: Params;

const GROUP_WORDS: u32 = 10u;  // chunks, their count, shift, bit offsets of comparison, one-hot and words, table, symbols, 2^from_bit (two words)

// Word `field` of an octave group.
fn group_word(group: u32, field: u32) -> u32 {
  return lists[params.octaves_at + GROUP_WORDS * group + field];
}

// Masked 1{v >= 2^from_bit} of a group.
fn reached(row: u32, thresholds: u32, g: u32) -> u32 {
  let at = params.wide * row - params.v_base;
  let value = Ring64(v[at], select(0u, v[at + params.wide - 1u], params.wide == 2u));
  let below = ring64_subtract(value, Ring64(group_word(g, 8u), group_word(g, 9u)));
  let sign = ring64_shift_right(below, params.in_bits - 1u).x & 1u;
  return ((thresholds >> (g - 1u)) & 1u) ^ sign ^ 1u;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let n = params.ring_bits;
    let bits = opened[i - params.opened_base];
    var sum = free_field(free_cursor(segment, i), params.pad_at, n);
    var above = 1u; // the first group's threshold is public
    for (var g = 0u; g < params.group_count; g++) {
      let here = above;
      above = 0u;
      if (g + 1u < params.group_count) {
        above = reached(i, bits, g + 1u);
      }
      let at = i * params.group_count + g;
      let selected = permuted_path(symbols[at - params.symbols_base], group_word(g, 1u));
      let c = selected & 1u;
      let m = here ^ above;
      let path = 6u + 4u * (selected >> 1u);
      let v0 = values[2u * at - params.values_base];
      let difference = values[2u * at + 1u - params.values_base] - v0;
      let words = group_word(g, 5u);
      let ms = sign_of(m);
      let cs = sign_of(c);
      let w0 = given_field(key, words, n);
      let w1 = given_field(key, words + n, n);
      sum += (m * w0 + ms * w1) * v0 - (m * given_field(key, words + 2u * n, n) + ms * given_field(key, words + 3u * n, n));
      let p0 = given_field(key, words + n * path, n);
      let p1 = given_field(key, words + n * (path + 1u), n);
      sum += (m * c * w0 + m * cs * p0 + ms * c * w1 + ms * cs * p1) * difference;
      let w4 = given_field(key, words + 4u * n, n);
      let w5 = given_field(key, words + 5u * n, n);
      let p2 = given_field(key, words + n * (path + 2u), n);
      let p3 = given_field(key, words + n * (path + 3u), n);
      sum -= m * c * w4 + m * cs * p2 + ms * c * w5 + ms * cs * p3;
    }
    result[i - params.result_base] = sum & low_mask(n);
  }
}
