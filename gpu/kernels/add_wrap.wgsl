// add_wrap: adds a term where a mask may have wrapped.
//
//   result[i] = a[i] + k·c[i]·factor mod 2^m,   k = 1 - msb((x[i] + 2^(n-2)) mod 2^n)
//
// Spec      SPEC.md §5.15 (dither)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _spare.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape     holds
// 0        a       read     u32     (count,)  masked value or share
// 1        x       read     u32     (count,)  masked value, public
// 2        c       read     u32     (count,)  masked value or share
// 3        result  write    u32     (count,)  masked value or share
// 4        params  uniform  Params  -         public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  a_base: u32,      // index of the first bound word of `a`
  x_base: u32,      // index of the first bound word of `x`
  c_base: u32,      // index of the first bound word of `c`
  result_base: u32, // index of the first bound word of `result`
  in_bits: u32,     // n
  factor: u32,      // ±2^shift mod 2^32
  ring_mask: u32,   // 2^m - 1
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> c: array<u32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let term = spare_wraps(x[i - params.x_base], params.in_bits) * c[i - params.c_base] * params.factor;
    result[i - params.result_base] = (a[i - params.a_base] + term) & params.ring_mask;
  }
}
