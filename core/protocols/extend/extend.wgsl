// extend: reads a masked value in a wider ring.
//
//   result = ((x + 2^(n-2)) mod 2^n) - 2^(n-2) + top·2^n mod 2^m
//
// Spec      SPEC.md §5.17 (extend)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  x_base: u32,       // index of the first bound word of `x`
  top_base: u32,     // index of the first bound word of `top`
  result_base: u32,  // index of the first bound word of `result`
  x_words: u32,      // words of an element of `x`, 1 or 2
  top_words: u32,    // words of an element of `top`, 1 or 2
  has_top: u32,      // 1 where there is `top`
  result_words: u32, // words of an element of `result`, 1 or 2
  party: u32,        // whose call
  in_bits: u32,      // n, ring of x, at least 2
  out_bits: u32,     // m, ring of the result
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> top: array<u32>; // bits above it, public
@group(0) @binding(2) var<storage, read_write> result: array<u32>; // masked value in the wider ring
@group(0) @binding(3) var<uniform> params: Params;

fn load_x(i: u32) -> Ring {
  let at = params.x_words * i - params.x_base;
  return ring_join(x[at], x[at + params.x_words - 1u], params.x_words);
}

fn load_top(i: u32) -> Ring {
  let at = params.top_words * i - params.top_base;
  return ring_join(top[at], top[at + params.top_words - 1u], params.top_words);
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
  let above = ring_shift_left(ring_select(load_top(i), params.has_top), params.in_bits);
  store_result(i, ring_reduce(ring_add(spare_value(load_x(i), params.in_bits), above), params.out_bits));
}
