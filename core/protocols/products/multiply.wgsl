// multiply: shares the product of two operands.
//
//   result = [party 0] x·y - x·r_y - r_x·y + pad = x·([party 0] y - r_y) - r_x·y + pad mod 2^n
//
// Spec      SPEC.md §5.5 (multiply)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  mask_x_base: u32,   // index of the first bound word of `mask_x`
  y_base: u32,        // index of the first bound word of `y`
  mask_y_base: u32,   // index of the first bound word of `mask_y`
  result_base: u32,   // index of the first bound word of `result`
  free_bits: u32,     // bits of one free record
  e_at: u32,          // first bit of the field e
  x_words: u32,       // words of an element of `x`, 1 or 2
  mask_x_words: u32,  // words of an element of `mask_x`, 1 or 2
  y_words: u32,       // words of an element of `y`, 1 or 2
  mask_y_words: u32,  // words of an element of `mask_y`, 1 or 2
  result_words: u32,  // words of an element of `result`, 1 or 2
  party: u32,         // whose call
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> mask_x: array<u32>; // share of its mask, secret
@group(0) @binding(2) var<storage, read> y: array<u32>; // masked value
@group(0) @binding(3) var<storage, read> mask_y: array<u32>; // share of its mask, secret
@group(0) @binding(4) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(5) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(6) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(7) var<uniform> params: Params;

fn load_x(i: u32) -> Ring {
  let at = params.x_words * i - params.x_base;
  return ring_join(x[at], x[at + params.x_words - 1u], params.x_words);
}

fn load_mask_x(i: u32) -> Ring {
  let at = params.mask_x_words * i - params.mask_x_base;
  return ring_join(mask_x[at], mask_x[at + params.mask_x_words - 1u], params.mask_x_words);
}

fn load_y(i: u32) -> Ring {
  let at = params.y_words * i - params.y_base;
  return ring_join(y[at], y[at + params.y_words - 1u], params.y_words);
}

fn load_mask_y(i: u32) -> Ring {
  let at = params.mask_y_words * i - params.mask_y_base;
  return ring_join(mask_y[at], mask_y[at + params.mask_y_words - 1u], params.mask_y_words);
}

fn store_result(i: u32, value: Ring) {
  let at = params.result_words * i - params.result_base;
  result[at] = ring_low(value);
  if (params.result_words == 2u) {
    result[at + 1u] = ring_high(value);
  }
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

fn item(i: u32) {
  let y_value = load_y(i);
  let left = ring_subtract(ring_select(y_value, 1u - params.party), load_mask_y(i));
  let crossed = ring_subtract(ring_multiply(load_x(i), left), ring_multiply(load_mask_x(i), y_value));
  let pad = free_ring(free_cursor(segment_of(i), i), params.e_at, params.ring_bits);
  store_result(i, ring_reduce(ring_add(crossed, pad), params.ring_bits));
}
