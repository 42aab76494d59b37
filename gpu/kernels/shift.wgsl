// shift: drops low bits of masked values.
//
//   result[i] = ⌊(x[i] mod 2^n) / 2^by⌋ mod 2^m
//
// Spec      SPEC.md §5.15 (dither)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     nothing
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape     holds
// 0        x       read     u32     (count,)  masked value
// 1        result  write    u32     (count,)  masked value
// 2        params  uniform  Params  -         public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  x_base: u32,      // index of the first bound word of `x`
  result_base: u32, // index of the first bound word of `result`
  in_mask: u32,     // 2^n - 1
  by: u32,          // bits to drop, below 32
  out_mask: u32,    // 2^m - 1
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    result[i - params.result_base] = ((x[i - params.x_base] & params.in_mask) >> params.by) & params.out_mask;
  }
}
