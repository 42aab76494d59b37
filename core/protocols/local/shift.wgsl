// shift: drops the lowest bits.
//
//   result[i] = ((x[i] mod 2^n) ≫ by) mod 2^m
//
// Spec      SPEC.md §5.13 (public-linear operations)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  x_base: u32,       // index of the first bound word of `x`
  result_base: u32,  // index of the first bound word of `result`
  x_words: u32,      // words of an element of `x`, 1 or 2
  result_words: u32, // words of an element of `result`, 1 or 2
  party: u32,        // whose call
  in_bits: u32,      // n, ring of x
  by: u32,           // bits to drop
  out_bits: u32,     // m, ring of the result
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked value
@group(0) @binding(1) var<storage, read_write> result: array<u32>; // its higher bits
@group(0) @binding(2) var<uniform> params: Params;

fn load_x(i: u32) -> Ring {
  let at = params.x_words * i - params.x_base;
  return ring_join(x[at], x[at + params.x_words - 1u], params.x_words);
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
  let whole = ring_reduce(load_x(i), params.in_bits);
  store_result(i, ring_reduce(ring_shift_right(whole, params.by), params.out_bits));
}
