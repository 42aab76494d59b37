// exp_finish: shares an exponential from its masked digits' values.
//
//   P(i, j) = own·(v_low·w_i - w_{i+1}) + step·(v_low·w_{i+2} - w_{i+3}) - v_low·w_{j+c}
//   result = pad + g·P(0, 8) + (1 - 2g)·P(4, 10) + g·w_14 + c·(w_13 + g·(w_12 - 2·w_13)) mod 2^n
//
// Spec      SPEC.md §5.11 (exponential)

// <declarations> written by `deno task kernels`
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
  words_at: u32,      // first bit of the field words
  pad_at: u32,        // first bit of the field pad
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> opened: array<u32>; // opened symbols, public
@group(0) @binding(1) var<storage, read> values: array<u32>; // opened values
@group(0) @binding(2) var<storage, read> clip: array<u32>; // opened clip bits
@group(0) @binding(3) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(4) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(5) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(6) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(7) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

// Of the words S, S·m_low, S·ρ_c, S·m_low·ρ_c from `first` on and A_0, A_1 from `selected` on.
fn polynomial(key: Cursor, first: u32, selected: u32, v_low: u32, own: u32, difference: u32) -> u32 {
  return own * (v_low * word(key, first) - word(key, first + 1u))
    + difference * (v_low * word(key, first + 2u) - word(key, first + 3u)) - v_low * word(key, selected);
}

fn word(key: Cursor, index: u32) -> u32 {
  return given_field(key, params.words_at + params.ring_bits * index, params.ring_bits);
}

fn item(i: u32) {
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
  let pad = free_field(free_cursor(segment, i), params.pad_at, n);
  var sum = pad + g * polynomial(key, 0u, 8u + c, v_low, own, difference);
  sum += sign_of(g) * polynomial(key, 4u, 10u + c, v_low, own, difference);
  // m_low·(A_1 - A_0) without and with the clip's mask bit, and (1 - 2κ)·m_low·A_0.
  sum += g * word(key, 14u) + c * (word(key, 13u) + g * (word(key, 12u) - 2u * word(key, 13u)));
  result[i - params.result_base] = sum & low_mask(n);
}
