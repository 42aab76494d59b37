// exp_clip: opens the clip bit of an exponential.
//
//   clip = equal_0 XOR less·(equal_0 XOR equal_1) on masked bits; the product of both mask bits went into the result's mask
//
// Spec      SPEC.md §5.11 (exponential)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  opened_base: u32,   // index of the first bound word of `opened`
  clip_base: u32,     // index of the first bound word of `clip`
  free_bits: u32,     // bits of one free record
  symbols_at: u32,    // first bit of the field symbols
  clip_at: u32,       // first bit of the field clip
  party: u32,         // whose call
}

@group(0) @binding(0) var<storage, read> opened: array<u32>; // opened symbols, public
@group(0) @binding(1) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(2) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(3) var<storage, read_write> clip: array<u32>; // XOR share, secret
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
