// subtract_mask_wide: subtracts a party's share of the mask from a masked value, in two words.
//
//   result[i] = x[i] - r[i] mod 2^64, or -r[i]
//
// Spec      SPEC.md §5.1 (linear layers)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        x          read     u32     (count, 2)     masked value
// 1        given_key  read     u32     -              key bits, secret
// 2        lists      read     u32     (segments, 8)  public: blocks and their records
// 3        result     write    u32     (count, 2)     share, secret
// 4        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,          // first item
  end: u32,            // item behind the last
  segment_count: u32,  // segments in `lists`
  x_base: u32,         // index of the first bound word of `x`
  result_base: u32,    // index of the first bound word of `result`
  given_bits: u32,     // bits of one given record
  has_x: u32,          // 0 for -r alone
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> lists: array<u32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let r = given_wide(given_cursor(segment_of(i), i), 0u, params.given_bits);
    let value = Ring64(x[2u * i - params.x_base], x[2u * i + 1u - params.x_base]);
    let sum = ring64_subtract(ring64_select(value, params.has_x), r);
    result[2u * i - params.result_base] = sum.x;
    result[2u * i + 1u - params.result_base] = sum.y;
  }
}
