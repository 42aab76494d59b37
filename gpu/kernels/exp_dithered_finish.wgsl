// exp_dithered_finish: shares a dithered exponential: the product of its masked digits' values.
//
//   result = pad + v_0·v_1·w_0 - v_1·w_1 - v_0·w_2 mod 2^n
//
// Spec      SPEC.md §5.16 (exponential, dithered)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        values     read     u32     (count, 2)     masked values
// 1        given_key  read     u32     -              key bits, secret
// 2        free_key   read     u32     -              pad bits, secret
// 3        lists      read     u32     (segments, 8)  public: blocks and their records
// 4        result     write    u32     (count,)       share, secret
// 5        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  values_base: u32,   // index of the first bound word of `values`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  words_at: u32,      // bit offset of the words in the given record
  ring_bits: u32,     // n
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> free_key: array<u32>;
@group(0) @binding(3) var<storage, read> lists: array<u32>;
@group(0) @binding(4) var<storage, read_write> result: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let n = params.ring_bits;
    let v0 = values[2u * i - params.values_base];
    let v1 = values[2u * i + 1u - params.values_base];
    var sum = free_field(free_cursor(segment, i), 2u * n, n);
    sum += v0 * v1 * given_field(key, params.words_at, n);
    sum -= v1 * given_field(key, params.words_at + n, n) + v0 * given_field(key, params.words_at + 2u * n, n);
    result[i - params.result_base] = sum & low_mask(n);
  }
}
