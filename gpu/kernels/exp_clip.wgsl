// exp_clip: opens the clip bit of an exponential.
//
//   g = E_0 XOR l·(E_0 XOR E_1) on masked bits; the product of both mask bits went into the result's mask
//
// Spec      SPEC.md §5.11 (exponential)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name      access   type    shape          holds
// 0        opened    read     u32     (count,)       opened symbols, public
// 1        free_key  read     u32     -              pad bits, secret
// 2        lists     read     u32     (segments, 8)  public: blocks and their records
// 3        clip      write    u32     (count,)       XOR share, secret
// 4        params    uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  opened_base: u32,   // index of the first bound word of `opened`
  clip_base: u32,     // index of the first bound word of `clip`
  free_bits: u32,     // bits of one free record
  is_party0: u32,     // 1 for party 0
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> opened: array<u32>;
@group(0) @binding(1) var<storage, read> free_key: array<u32>;
@group(0) @binding(2) var<storage, read> lists: array<u32>;
@group(0) @binding(3) var<storage, read_write> clip: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let pads = free_field(free_cursor(segment_of(i), i), 0u, 5u);
    let s = opened[i - params.opened_base];
    let l = (s >> 1u) & 1u;
    let e0 = (s >> 2u) & 1u;
    let d = (e0 ^ (s >> 3u)) & 1u;
    let rho_l = pads >> 1u;
    let rho_d = (pads >> 2u) ^ (pads >> 3u);
    clip[i - params.clip_base] = ((pads >> 4u) ^ (d & rho_l) ^ (l & rho_d) ^ (params.is_party0 & (e0 ^ (l & d)))) & 1u;
  }
}
