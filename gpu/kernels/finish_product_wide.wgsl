// finish_product_wide: adds partial products and the pad, in two words.
//
//   result[i] = Σ_slice product[slice, i] + pad[i] mod 2^n
//
// Spec      SPEC.md §5.1 (linear layers)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element of the result; `given_key` holds the pads
//
// binding  name       access   type    shape               holds
// 0        product    read     u32     (slices, count, 2)  partial products, secret
// 1        given_key  read     u32     -                   key bits, secret
// 2        lists      read     u32     (segments, 8)       public: blocks and their records
// 3        result     write    u32     (count, 2)          share, secret
// 4        params     uniform  Params  -                   public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,          // first item
  end: u32,            // item behind the last
  segment_count: u32,  // segments in `lists`
  product_base: u32,   // index of the first bound word of `product`
  result_base: u32,    // index of the first bound word of `result`
  given_bits: u32,     // bits of one given record
  slices: u32,         // partial products
  count: u32,          // elements of a partial product
  has_pad: u32,        // 0 where nothing is added
  ring_bits: u32,      // n
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> product: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> lists: array<u32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    var sum = Ring64(0u, 0u);
    if (params.has_pad == 1u) {
      sum = given_wide(given_cursor(segment_of(i), i), 0u, params.given_bits);
    }
    for (var slice = 0u; slice < params.slices; slice++) {
      let at = 2u * (slice * params.count + i) - params.product_base;
      sum = ring64_add(sum, Ring64(product[at], product[at + 1u]));
    }
    sum = ring64_reduce(sum, params.ring_bits);
    result[2u * i - params.result_base] = sum.x;
    result[2u * i + 1u - params.result_base] = sum.y;
  }
}
