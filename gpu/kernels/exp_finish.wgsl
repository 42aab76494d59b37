// exp_finish: shares an exponential from its masked digits' values.
//
//   P(i) = own·v_low·w_i + step·v_low·w_{i+1} - v_low·w_{i+2+c} - own·w_{i+4} - step·w_{i+5} + w_{i+6+c}
//   result = pad + g·P(0) + (1 - 2g)·P(8) mod 2^n
//
// Spec      SPEC.md §5.11 (exponential)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        opened     read     u32     (count,)       opened symbols, public
// 1        values     read     u32     (count, 3)     masked values
// 2        clip       read     u32     (count,)       masked bit, public
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
  opened_base: u32,   // index of the first bound word of `opened`
  values_base: u32,   // index of the first bound word of `values`
  clip_base: u32,     // index of the first bound word of `clip`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  words_at: u32,      // bit offset of the words in the given record
  ring_bits: u32,     // n
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> opened: array<u32>;
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read> clip: array<u32>;
@group(0) @binding(3) var<storage, read> given_key: array<u32>;
@group(0) @binding(4) var<storage, read> free_key: array<u32>;
@group(0) @binding(5) var<storage, read> lists: array<u32>;
@group(0) @binding(6) var<storage, read_write> result: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

// Monomials S, S·ρ_c, A_0, A_1, S·m_low, S·m_low·ρ_c, m_low·A_0, m_low·A_1; the second eight carry the clip's mask bit.
fn polynomial(key: Cursor, first: u32, c: u32, v_low: u32, own: u32, difference: u32) -> u32 {
  return own * v_low * monomial(key, first) + difference * v_low * monomial(key, first + 1u)
    - v_low * monomial(key, first + 2u + c) - own * monomial(key, first + 4u)
    - difference * monomial(key, first + 5u) + monomial(key, first + 6u + c);
}

fn monomial(key: Cursor, index: u32) -> u32 {
  return given_field(key, params.words_at + params.ring_bits * index, params.ring_bits);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let c = opened[i - params.opened_base] & 1u;
    let at = 3u * i - params.values_base;
    let v_low = values[at];
    let v0 = values[at + 1u];
    let v1 = values[at + 2u];
    let own = select(v0, v1, c == 1u);
    let difference = sign_of(c) * (v1 - v0);
    let g = clip[i - params.clip_base];
    let n = params.ring_bits;
    let pad = free_field(free_cursor(segment, i), 5u + 3u * n, n);
    let sum = pad + g * polynomial(key, 0u, c, v_low, own, difference) + sign_of(g) * polynomial(key, 8u, c, v_low, own, difference);
    result[i - params.result_base] = sum & low_mask(n);
  }
}
