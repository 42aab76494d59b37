// extend_finish: puts the opened top bits above an extended value.
//
//   result[i] = x[i] + 2^(n-2) mod 2^n - 2^(n-2) + 2^n·opened[i] mod 2^m
//
// Spec      SPEC.md §5.17 (extend)
// Twin      core/reference.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape                 holds
// 0        x       read     u32     (count, x_wide)       masked value
// 1        opened  read     u32     (count, opened_wide)  opened top bits, public
// 2        result  write    u32     (count, result_wide)  masked value
// 3        params  uniform  Params  -                     public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  x_base: u32,       // index of the first bound word of `x`
  opened_base: u32,  // index of the first bound word of `opened`
  result_base: u32,  // index of the first bound word of `result`
  x_wide: u32,       // words of `x`, 1 or 2
  opened_wide: u32,  // words of `opened`, 1 or 2
  result_wide: u32,  // words of `result`, 1 or 2
  in_bits: u32,      // n
  out_bits: u32,     // m
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> opened: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

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
    let at = params.opened_wide * i - params.opened_base;
    let top = Ring64(opened[at], select(0u, opened[at + params.opened_wide - 1u], params.opened_wide == 2u));
    let half = ring64_shift_left(Ring64(1u, 0u), params.in_bits - 2u);
    let low = ring64_subtract(raised(i), half);
    let sum = ring64_reduce(ring64_add(low, ring64_shift_left(top, params.in_bits)), params.out_bits);
    result[params.result_wide * i - params.result_base] = sum.x;
    if (params.result_wide == 2u) {
      result[2u * i + 1u - params.result_base] = sum.y;
    }
  }
}
