// extend_wide: reads masked values of a ring in one of more than 32 bits.
//
//   result[i] = ((x[i] + 2^(n-2)) mod 2^n) - 2^(n-2) + [has_top] top[i]·2^n mod 2^m
//
// Spec      SPEC.md §5.17 (extend)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _spare.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape              holds
// 0        x       read     u32     (count, x_wide)    masked value
// 1        top     read     u32     (count, top_wide)  missing bits, masked
// 2        result  write    u32     (count, 2)         masked value
// 3        params  uniform  Params  -                  public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  x_base: u32,      // index of the first bound word of `x`
  top_base: u32,    // index of the first bound word of `top`
  result_base: u32, // index of the first bound word of `result`
  x_wide: u32,      // words of `x`, 1 or 2
  top_wide: u32,    // words of `top`, 1 or 2
  has_top: u32,     // 0 where the missing bits are added later
  in_bits: u32,     // n
  out_bits: u32,    // m
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> top: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let x_at = params.x_wide * i - params.x_base;
    let value = ring64_of(x[x_at], x[x_at + params.x_wide - 1u], params.x_wide);
    let top_at = params.top_wide * i - params.top_base;
    let missing = ring64_of(top[top_at], top[top_at + params.top_wide - 1u], params.top_wide);
    let above = ring64_shift_left(ring64_select(missing, params.has_top), params.in_bits);
    let sum = ring64_reduce(ring64_add(spare64_value(value, params.in_bits), above), params.out_bits);
    result[2u * i - params.result_base] = sum.x;
    result[2u * i + 1u - params.result_base] = sum.y;
  }
}
