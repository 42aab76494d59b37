// add: adds two tensors.
//
//   result[i] = x[i] + y[i] mod 2^n
//
// Spec      SPEC.md §5.13 (public-linear operations)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  x_base: u32,       // index of the first bound word of `x`
  y_base: u32,       // index of the first bound word of `y`
  result_base: u32,  // index of the first bound word of `result`
  x_words: u32,      // words of an element of `x`, 1 or 2
  y_words: u32,      // words of an element of `y`, 1 or 2
  result_words: u32, // words of an element of `result`, 1 or 2
  party: u32,        // whose call
  ring_bits: u32,    // n
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // summand
@group(0) @binding(1) var<storage, read> y: array<u32>; // summand
@group(0) @binding(2) var<storage, read_write> result: array<u32>; // sum
@group(0) @binding(3) var<uniform> params: Params;

fn load_x(i: u32) -> Ring {
  let at = params.x_words * i - params.x_base;
  return ring_join(x[at], x[at + params.x_words - 1u], params.x_words);
}

fn load_y(i: u32) -> Ring {
  let at = params.y_words * i - params.y_base;
  return ring_join(y[at], y[at + params.y_words - 1u], params.y_words);
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
  store_result(i, ring_reduce(ring_add(load_x(i), load_y(i)), params.ring_bits));
}
