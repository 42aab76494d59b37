// rotate: turns pairs of values by public angles (RoPE, rotate-half).
//
//   a' = cos·a - sin·b,  b' = cos·b + sin·a  mod 2^n   for a = x[j], b = x[j + half] of every head
//
// Spec      SPEC.md §5.13 (public-linear operations)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     nothing
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a pair
//
// binding  name    access   type    shape              holds
// 0        x       read     u32     (count,)           masked value or share
// 1        angles  read     u32     (tokens, half, 2)  public (cos, sin), signed
// 2        result  write    u32     (count,)           masked value or share
// 3        params  uniform  Params  -                  public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  x_base: u32,      // index of the first bound word of `x`
  angles_base: u32, // index of the first bound word of `angles`
  result_base: u32, // index of the first bound word of `result`
  heads: u32,       // heads of a token
  half: u32,        // pairs of a head
  ring_mask: u32,   // 2^n - 1
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> angles: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let head = i / params.half;
    let j = i - head * params.half;
    let angle = 2u * (head / params.heads * params.half + j) - params.angles_base;
    let at = 2u * params.half * head + j;
    let a = x[at - params.x_base];
    let b = x[at + params.half - params.x_base];
    let cosine = angles[angle];
    let sine = angles[angle + 1u];
    result[at - params.result_base] = (cosine * a - sine * b) & params.ring_mask;
    result[at + params.half - params.result_base] = (cosine * b + sine * a) & params.ring_mask;
  }
}
