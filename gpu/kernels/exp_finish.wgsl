// exp_finish: shares an exponential from its masked digits' values.
//
//   P(i, j) = own·(v_low·w_i - w_{i+1}) + step·(v_low·w_{i+2} - w_{i+3}) - v_low·w_{j+c}
//   result = pad + g·P(0, 8) + (1 - 2g)·P(4, 10) + g·w_14 + c·(w_13 + g·(w_12 - 2·w_13)) mod 2^n
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

// Of the words S, S·m_low, S·ρ_c, S·m_low·ρ_c from `first` on and A_0, A_1 from `selected` on.
fn polynomial(key: Cursor, first: u32, selected: u32, v_low: u32, own: u32, difference: u32) -> u32 {
  return own * (v_low * word(key, first) - word(key, first + 1u))
    + difference * (v_low * word(key, first + 2u) - word(key, first + 3u)) - v_low * word(key, selected);
}

fn word(key: Cursor, index: u32) -> u32 {
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
    var sum = pad + g * polynomial(key, 0u, 8u + c, v_low, own, difference);
    sum += sign_of(g) * polynomial(key, 4u, 10u + c, v_low, own, difference);
    // m_low·(A_1 - A_0) without and with the clip's mask bit, and (1 - 2κ)·m_low·A_0.
    sum += g * word(key, 14u) + c * (word(key, 13u) + g * (word(key, 12u) - 2u * word(key, 13u)));
    result[i - params.result_base] = sum & low_mask(n);
  }
}
