// splice_finish: shares relu(x) minus the windowed table.
//
//   result = pad + (1 - 2p)·x·w_0 - p·w_1 + [party 0] p·x + k(x)·2^a·inputTops_p
//     - Σ_b (b_b·v_b·w_2 + (1 - 2b_b)·v_b·w_{3+2b} - b_b·w_{4+2b} + k(v_b)·2^v·valueTops_{2b+b_b}) mod 2^n
//   x of a bits and v_b of v bits with their spare bits, k = 1 where the mask of either may have wrapped; tops have n - a and n - v bits
//
// Spec      SPEC.md §5.12 (splice)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _spare.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        x          read     u32     (count,)       masked value
// 1        values     read     u32     (count, 2)     masked values
// 2        opened     read     u32     (count,)       masked bits, public
// 3        given_key  read     u32     -              key bits, secret
// 4        free_key   read     u32     -              pad bits, secret
// 5        lists      read     u32     (segments, 8)  public: blocks and their records
// 6        result     write    u32     (count,)       share, secret
// 7        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  values_base: u32,   // index of the first bound word of `values`
  opened_base: u32,   // index of the first bound word of `opened`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  words_at: u32,      // bit offset of the words in the given record
  in_bits: u32,       // a: bits of the ring of x
  value_bits: u32,    // v: bits of the ring of the values
  ring_bits: u32,     // n
  is_party0: u32,     // 1 for party 0
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read> opened: array<u32>;
@group(0) @binding(3) var<storage, read> given_key: array<u32>;
@group(0) @binding(4) var<storage, read> free_key: array<u32>;
@group(0) @binding(5) var<storage, read> lists: array<u32>;
@group(0) @binding(6) var<storage, read_write> result: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

fn word_of(key: Cursor, index: u32) -> u32 {
  return given_field(key, params.words_at + params.ring_bits * index, params.ring_bits);
}

// What a masked value of `bits` bits lacks in the result's ring: top `index` of those at `at`, where its mask may have wrapped.
fn wrapped_top(key: Cursor, x: u32, bits: u32, at: u32, index: u32) -> u32 {
  let missing = params.ring_bits - bits;
  return spare_wraps(x, bits) * given_field(key, at + missing * index, missing) * spare_unit(bits);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let n = params.ring_bits;
    let input_tops = params.words_at + 7u * n;
    let value_tops = input_tops + 2u * (n - params.in_bits);
    let masked = x[i - params.x_base];
    let value = spare_value(masked, params.in_bits);
    let bits = opened[i - params.opened_base];
    let positive = bits & 1u;
    var sum = free_field(free_cursor(segment, i), 11u + 2u * params.value_bits, n);
    sum += sign_of(positive) * value * word_of(key, 0u) - positive * word_of(key, 1u) + params.is_party0 * positive * value;
    sum += wrapped_top(key, masked, params.in_bits, input_tops, positive);
    for (var b = 0u; b < 2u; b++) {
      let w = (bits >> (1u + b)) & 1u;
      let masked_entry = values[2u * i + b - params.values_base];
      let entry = spare_value(masked_entry, params.value_bits);
      sum -= w * entry * word_of(key, 2u) + sign_of(w) * entry * word_of(key, 3u + 2u * b) - w * word_of(key, 4u + 2u * b);
      sum -= wrapped_top(key, masked_entry, params.value_bits, value_tops, 2u * b + w);
    }
    result[i - params.result_base] = sum & low_mask(n);
  }
}
