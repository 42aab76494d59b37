// row_finish: shares a row function from its opened thresholds, symbols and values.
//
//   m = masked 1{v in group g}, c = masked carry under mask bit j
//   result = pad + Σ_g [m·s]·v_0 + [m·c·s]·(v_1 - v_0) - [m·s·(μ_0 + c·(μ_1 - μ_0)) but for what the mask of the result takes] mod 2^n
//
// Spec      SPEC.md §5.9 (row function)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  v_base: u32,        // index of the first bound word of `v`
  opened_base: u32,   // index of the first bound word of `opened`
  symbols_base: u32,  // index of the first bound word of `symbols`
  values_base: u32,   // index of the first bound word of `values`
  result_base: u32,   // index of the first bound word of `result`
  groups_list: u32,   // where in `lists` begins: of every group: chunk sizes, their count, shift, first bits of comparison, one-hot and words, 2^from_bit
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  pad_at: u32,        // first bit of the field pad
  v_words: u32,       // words of an element of `v`, 1 or 2
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  in_bits: u32,       // ring of v
  group_count: u32,   // groups
  value_count: u32,   // two values of each
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> v: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> opened: array<u32>; // opened thresholds
@group(0) @binding(2) var<storage, read> symbols: array<u32>; // opened symbols
@group(0) @binding(3) var<storage, read> values: array<u32>; // opened values
@group(0) @binding(4) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(5) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(6) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(7) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(8) var<uniform> params: Params;

fn load_v(i: u32) -> Ring {
  let at = params.v_words * i - params.v_base;
  return ring_join(v[at], v[at + params.v_words - 1u], params.v_words);
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

const GROUP_WORDS: u32 = 8u; // chunk sizes, their count, shift, first bits of comparison, one-hot and words, 2^from_bit (two words)

fn group_word(group: u32, field: u32) -> u32 {
  return lists[params.groups_list + GROUP_WORDS * group + field];
}

// Masked 1{v >= 2^from_bit} of a group.
fn reached(row: u32, thresholds: u32, g: u32) -> u32 {
  let below = ring_subtract(load_v(row), ring_pair(group_word(g, 6u), group_word(g, 7u)));
  let sign = ring_low(ring_shift_right(below, params.in_bits - 1u)) & 1u;
  return ((thresholds >> (g - 1u)) & 1u) ^ sign ^ 1u;
}

fn item(i: u32) {
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
    let v0 = values[2u * at - params.values_base];
    let difference = values[2u * at + 1u - params.values_base] - v0;
    let words = group_word(g, 5u);
    let ms = sign_of(m);
    let cs = sign_of(c);
    // Words: S, S·τ; S·ρ, S·τ·ρ of every path; E, τE; D, τD of every path but the first, whose D is 0; B.
    let path = selected >> 1u;
    let paths = 1u << (group_word(g, 1u) - 1u);
    let of_path = words + n * (2u + 2u * path);
    let apart = words + n * (2u + 2u * paths);
    let further = apart + 2u * n * path;
    let s = m * given_field(key, words, n) + ms * given_field(key, words + n, n);
    let s_carry = m * given_field(key, of_path, n) + ms * given_field(key, of_path + n, n);
    let d = select(given_field(key, further, n), 0u, path == 0u);
    let dm = select(given_field(key, further + n, n), 0u, path == 0u);
    let e = given_field(key, apart, n) - 2u * d;
    let em = given_field(key, apart + n, n) - 2u * dm;
    sum += s * v0 + (c * s + cs * s_carry) * difference;
    sum -= m * (given_field(key, apart + 2u * n * paths, n) + d - 2u * dm) + dm + c * (em + m * (e - 2u * em));
  }
  result[i - params.result_base] = sum & low_mask(n);
}
