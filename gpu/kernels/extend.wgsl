// extend: reads masked values of a narrow ring in a wider one.
//
//   result[i] = ((x[i] + 2^(n-2)) mod 2^n) - 2^(n-2) + [has_top] top[i]·2^n mod 2^m
//
// Spec      SPEC.md §5.15 (dither)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _spare.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape     holds
// 0        x       read     u32     (count,)  masked value
// 1        top     read     u32     (count,)  missing bits, masked
// 2        result  write    u32     (count,)  masked value
// 3        params  uniform  Params  -         public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  x_base: u32,      // index of the first bound word of `x`
  top_base: u32,    // index of the first bound word of `top`
  result_base: u32, // index of the first bound word of `result`
  in_bits: u32,     // n
  has_top: u32,     // 0 where the missing bits are added later
  ring_mask: u32,   // 2^m - 1
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
    let above = (top[i - params.top_base] & spread(params.has_top)) * spare_unit(params.in_bits);
    result[i - params.result_base] = (spare_value(x[i - params.x_base], params.in_bits) + above) & params.ring_mask;
  }
}
