// exp_clip: opens the clip bit of an exponential.
//
//   g = E_0 XOR l·(E_0 XOR E_1) on masked bits; the product of both mask bits went into the result's mask
//
// Spec      SPEC.md §5.11 (exponential)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
// </declarations>

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let masks = free_cursor(segment_of(i), i);
    let pads = free_field(masks, params.symbols_at, 4u);
    let s = opened[i - params.opened_base];
    let l = (s >> 1u) & 1u;
    let e0 = (s >> 2u) & 1u;
    let d = (e0 ^ (s >> 3u)) & 1u;
    let rho_l = pads >> 1u;
    let rho_d = (pads >> 2u) ^ (pads >> 3u);
    clip[i - params.clip_base] = (free_field(masks, params.clip_at, 1u) ^ (d & rho_l) ^ (l & rho_d) ^ ((1u - params.party) & (e0 ^ (l & d)))) & 1u;
  }
}
