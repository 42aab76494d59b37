// shift_wide: drops the lowest bits of values of two words.
//
//   result[i] = ⌊(x[i] mod 2^n) / 2^by⌋ mod 2^m
//
// Spec      SPEC.md §5.15 (dither)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape                 holds
// 0        x       read     u32     (count, 2)            masked value
// 1        result  write    u32     (count, result_wide)  masked value
// 2        params  uniform  Params  -                     public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  x_base: u32,       // index of the first bound word of `x`
  result_base: u32,  // index of the first bound word of `result`
  result_wide: u32,  // words of `result`, 1 or 2
  in_bits: u32,      // n
  by: u32,           // bits to drop
  out_bits: u32,     // m
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let value = Ring64(x[2u * i - params.x_base], x[2u * i + 1u - params.x_base]);
    let sum = ring64_reduce(ring64_shift_right(ring64_reduce(value, params.in_bits), params.by), params.out_bits);
    result[params.result_wide * i - params.result_base] = sum.x;
    if (params.result_wide == 2u) {
      result[2u * i + 1u - params.result_base] = sum.y;
    }
  }
}
