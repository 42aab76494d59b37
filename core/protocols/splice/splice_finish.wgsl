// splice_finish: shares relu(x) minus the windowed table.
//
//   result = pad + (1 - 2p)·x·word_0 - p·word_4 + [party 0] p·x + k(x)·2^n·top(p, x)
//     - Σ_b (w_b·v_b·word_1 + (1 - 2w_b)·v_b·word_{2+b} - w_b·word_{5+b} + k(v_b)·2^d·top(w_b, v_b)) mod 2^m
//   top(b, x) = t_1 + b·(t_0 - 2·t_1) of two more words for each of x, v_0, v_1, of m - n and m - d bits
//   x of n bits and v_b of d bits with their spare bits, k = 1 where the mask of either may have wrapped
//
// Spec      SPEC.md §5.12 (splice)

// <declarations> written by `deno task kernels`
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
  words_at: u32,      // first bit of the field words
  pad_at: u32,        // first bit of the field pad
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  in_bits: u32,       // ring of x
  value_bits: u32,    // ring of the values
  ring_bits: u32,     // n, ring of the result
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> values: array<u32>; // opened values
@group(0) @binding(2) var<storage, read> opened: array<u32>; // opened bits
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

fn word_of(key: Cursor, index: u32) -> u32 {
  return given_field(key, params.words_at + params.ring_bits * index, params.ring_bits);
}

// The mask's top bit times a masked bit, above the ring of x. At `at`: the top bit, and the top bit times the mask bit.
fn wrapped_top(key: Cursor, x: u32, bits: u32, bit: u32, at: u32) -> u32 {
  let missing = params.ring_bits - bits;
  let both = given_field(key, at + missing, missing);
  return spare_wraps(x, bits) * (both + bit * (given_field(key, at, missing) - 2u * both)) * ring_unit(bits);
}

fn item(i: u32) {
  let segment = segment_of(i);
  let key = given_cursor(segment, i);
  let n = params.ring_bits;
  let input_tops = params.words_at + 7u * n;
  let value_tops = input_tops + 2u * (n - params.in_bits);
  let masked = x[i - params.x_base];
  let value = spare_value(masked, params.in_bits);
  let bits = opened[i - params.opened_base];
  let positive = bits & 1u;
  var sum = free_field(free_cursor(segment, i), params.pad_at, n);
  sum += sign_of(positive) * value * word_of(key, 0u) - positive * word_of(key, 4u) + (1u - params.party) * positive * value;
  sum += wrapped_top(key, masked, params.in_bits, positive, input_tops);
  for (var b = 0u; b < 2u; b++) {
    let w = (bits >> (1u + b)) & 1u;
    let masked_entry = values[2u * i + b - params.values_base];
    let entry = spare_value(masked_entry, params.value_bits);
    sum -= w * entry * word_of(key, 1u) + sign_of(w) * entry * word_of(key, 2u + b) - w * word_of(key, 5u + b);
    sum -= wrapped_top(key, masked_entry, params.value_bits, w, value_tops + 2u * b * (n - params.value_bits));
  }
  result[i - params.result_base] = sum & low_mask(n);
}
