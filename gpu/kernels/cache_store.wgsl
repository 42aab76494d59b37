// cache_store: appends tokens to a cache as right operands of products.
//
//   own[at + i] = [party 0] x[i] - mask[i],   negated[at + i] = -x[i]   mod 2^32
//
// Spec      SPEC.md §5.6 (scores and mix)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,     // first item
  end: u32,       // item behind the last
  x_base: u32,    // index of the first bound word of `x`
  mask_base: u32, // index of the first bound word of `mask`
  cache_at: u32,  // index of the first cached value
  is_party0: u32, // 1 for party 0
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> mask: array<u32>; // shares of their masks, secret
@group(0) @binding(2) var<storage, read_write> own: array<u32>; // masked values minus masks, or minus masks
@group(0) @binding(3) var<storage, read_write> negated: array<u32>; // masked values, negated
@group(0) @binding(4) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

fn item(i: u32) {
  let value = x[i - params.x_base];
  let at = params.cache_at + i;
  own[at] = (value & spread(params.is_party0)) - mask[i - params.mask_base];
  negated[at] = 0u - value;
}
