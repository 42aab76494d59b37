// add_wrap_wide: adds a term where a mask may have wrapped, with x or the result in more than 32 bits.
//
//   result[i] = a[i] ± k·c[i]·2^shift mod 2^m,   k = 1 - msb((x[i] + 2^(n-2)) mod 2^n)
//
// Spec      SPEC.md §5.17 (extend)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _spare.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape                 holds
// 0        a       read     u32     (count, result_wide)  masked value or share
// 1        x       read     u32     (count, x_wide)       masked value, public
// 2        c       read     u32     (count, c_wide)       masked value or share
// 3        result  write    u32     (count, result_wide)  masked value or share
// 4        params  uniform  Params  -                     public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  a_base: u32,      // index of the first bound word of `a`
  x_base: u32,      // index of the first bound word of `x`
  c_base: u32,      // index of the first bound word of `c`
  result_base: u32, // index of the first bound word of `result`
  x_wide: u32,      // words of `x`, 1 or 2
  c_wide: u32,      // words of `c`, 1 or 2
  result_wide: u32, // words of `a` and `result`, 1 or 2
  in_bits: u32,     // n
  shift: u32,       // bits that the term is shifted by
  subtracts: u32,   // 1 where the term is subtracted
  out_bits: u32,    // m
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
    let a_at = params.result_wide * i - params.a_base;
    let start = ring64_of(a[a_at], a[a_at + params.result_wide - 1u], params.result_wide);
    let x_at = params.x_wide * i - params.x_base;
    let value = ring64_of(x[x_at], x[x_at + params.x_wide - 1u], params.x_wide);
    let c_at = params.c_wide * i - params.c_base;
    let factor = ring64_of(c[c_at], c[c_at + params.c_wide - 1u], params.c_wide);
    let term = ring64_shift_left(ring64_select(factor, spare64_wraps(value, params.in_bits)), params.shift);
    let whole = select(ring64_add(start, term), ring64_subtract(start, term), params.subtracts == 1u);
    let sum = ring64_reduce(whole, params.out_bits);
    result[params.result_wide * i - params.result_base] = sum.x;
    if (params.result_wide == 2u) {
      result[2u * i + 1u - params.result_base] = sum.y;
    }
  }
}
