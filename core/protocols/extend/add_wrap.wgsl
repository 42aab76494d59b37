// add_wrap: adds a term where the mask of x may have wrapped.
//
//   result = a ± k·c·2^shift mod 2^m, k = 1 - msb((x + 2^(n-2)) mod 2^n)
//
// Spec      SPEC.md §5.17 (extend)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  a_base: u32,       // index of the first bound word of `a`
  x_base: u32,       // index of the first bound word of `x`
  c_base: u32,       // index of the first bound word of `c`
  result_base: u32,  // index of the first bound word of `result`
  a_words: u32,      // words of an element of `a`, 1 or 2
  x_words: u32,      // words of an element of `x`, 1 or 2
  c_words: u32,      // words of an element of `c`, 1 or 2
  result_words: u32, // words of an element of `result`, 1 or 2
  party: u32,        // whose call
  in_bits: u32,      // n, ring of x, at least 2
  shift: u32,        // bits that the term is shifted by
  subtracts: u32,    // 1 where the term is subtracted
  out_bits: u32,     // m, ring of the result
}

@group(0) @binding(0) var<storage, read> a: array<u32>; // share, secret
@group(0) @binding(1) var<storage, read> x: array<u32>; // masked value
@group(0) @binding(2) var<storage, read> c: array<u32>; // share of the term, secret
@group(0) @binding(3) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(4) var<uniform> params: Params;

fn load_a(i: u32) -> Ring {
  let at = params.a_words * i - params.a_base;
  return ring_join(a[at], a[at + params.a_words - 1u], params.a_words);
}

fn load_x(i: u32) -> Ring {
  let at = params.x_words * i - params.x_base;
  return ring_join(x[at], x[at + params.x_words - 1u], params.x_words);
}

fn load_c(i: u32) -> Ring {
  let at = params.c_words * i - params.c_base;
  return ring_join(c[at], c[at + params.c_words - 1u], params.c_words);
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
  let term = ring_select(ring_shift_left(load_c(i), params.shift), spare_wraps(load_x(i), params.in_bits));
  let sum = select(ring_add(load_a(i), term), ring_subtract(load_a(i), term), params.subtracts == 1u);
  store_result(i, ring_reduce(sum, params.out_bits));
}
