// finish_product: adds partial products and the pad.
//
//   result[i] = pad[i] + Σ_s product[s][i] mod 2^n
//
// Spec      SPEC.md §5.1 (linear layers)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  product_base: u32,  // index of the first bound word of `product`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one record
  product_words: u32, // words of an element, 1 or 2
  result_words: u32,  // the same
  slices: u32,        // partial products
  count: u32,         // elements of a partial product
  has_pad: u32,       // 0 where nothing is added
  ring_bits: u32,     // n
}

@group(0) @binding(0) var<storage, read> product: array<u32>; // partial products
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(3) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(4) var<uniform> params: Params;

fn load_product(i: u32) -> Ring {
  let at = params.product_words * i - params.product_base;
  return ring_join(product[at], product[at + params.product_words - 1u], params.product_words);
}

fn store_result(i: u32, value: Ring) {
  let at = params.result_words * i - params.result_base;
  result[at] = ring_low(value);
  if (params.result_words == 2u) {
    result[at + 1u] = ring_high(value);
  }
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

fn item(i: u32) {
  var sum = ring_unit(64u);
  if (params.has_pad == 1u) {
    sum = given_ring(given_cursor(segment_of(i), i), 0u, params.given_bits);
  }
  for (var slice = 0u; slice < params.slices; slice++) {
    sum = ring_add(sum, load_product(slice * params.count + i));
  }
  store_result(i, ring_reduce(sum, params.ring_bits));
}
