// extend_top: shares the top bits of an extended value.
//
//   result[i] = (1 - msb(x[i] + 2^(n-2)))·b + t mod 2^(m-n)
//
// Spec      SPEC.md §5.17 (extend)
// Twin      core/reference.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape                 holds
// 0        x          read     u32     (count, x_wide)       masked value
// 1        given_key  read     u32     -                     key bits, secret
// 2        free_key   read     u32     -                     pad bits, secret
// 3        lists      read     u32     (segments, 8)         public: blocks and their records
// 4        result     write    u32     (count, result_wide)  share, secret
// 5        params     uniform  Params  -                     public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,          // first item
  end: u32,            // item behind the last
  segment_count: u32,  // segments in `lists`
  x_base: u32,         // index of the first bound word of `x`
  result_base: u32,    // index of the first bound word of `result`
  given_bits: u32,     // bits of one given record
  free_bits: u32,      // bits of one free record
  x_wide: u32,         // words of `x`, 1 or 2
  result_wide: u32,    // words of `result`, 1 or 2
  in_bits: u32,        // n
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> free_key: array<u32>;
@group(0) @binding(3) var<storage, read> lists: array<u32>;
@group(0) @binding(4) var<storage, read_write> result: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

// û: the masked value of one or two words, plus 2^(n-2) mod 2^n.
fn raised(element: u32) -> Ring64 {
  let at = params.x_wide * element - params.x_base;
  let value = Ring64(x[at], select(0u, x[at + params.x_wide - 1u], params.x_wide == 2u));
  return ring64_reduce(ring64_add(value, ring64_shift_left(Ring64(1u, 0u), params.in_bits - 2u)), params.in_bits);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let k = 1u - (ring64_shift_right(raised(i), params.in_bits - 1u).x & 1u);
    let b = given_wide(given_cursor(segment, i), 0u, params.given_bits);
    let t = free_wide(free_cursor(segment, i), 0u, params.free_bits);
    let sum = ring64_reduce(ring64_add(ring64_select(b, k), t), params.free_bits);
    result[params.result_wide * i - params.result_base] = sum.x;
    if (params.result_wide == 2u) {
      result[2u * i + 1u - params.result_base] = sum.y;
    }
  }
}
