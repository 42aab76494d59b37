// cache_store: appends tokens to a cache as right operands of products.
//
//   own[at + i] = [party 0] x[i] - mask[i],   negated[at + i] = -x[i]   mod 2^32
//
// Spec      SPEC.md §5.6 (scores and mix)
// Needs     _ring.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a value
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
// </declarations>

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let value = x[i - params.x_base];
    let at = params.cache_at + i;
    own[at] = (value & spread(params.is_party0)) - mask[i - params.mask_base];
    negated[at] = 0u - value;
  }
}
