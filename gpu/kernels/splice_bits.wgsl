// splice_bits: opens the bits neg, w_0 and w_1 of a splice from its masked symbols.
//
//   neg = S_0 XOR l·DS XOR q·c·DS,   in = E_0 XOR w·DE,   w_1 = in·c,   w_0 = in XOR w_1, without the monomials of mask bits alone
//
// Spec      SPEC.md §5.12 (splice)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        opened     read     u32     (count,)       opened symbols, public
// 1        given_key  read     u32     -              key bits, secret
// 2        free_key   read     u32     -              pad bits, secret
// 3        lists      read     u32     (segments, 8)  public: blocks and their records
// 4        result     write    u32     (count,)       XOR share, secret
// 5        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  opened_base: u32,   // index of the first bound word of `opened`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  pairs_at: u32,      // bit offset of the pairs in the given record
  is_party0: u32,     // 1 for party 0
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> opened: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> free_key: array<u32>;
@group(0) @binding(3) var<storage, read> lists: array<u32>;
@group(0) @binding(4) var<storage, read_write> result: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let pads = free_field(free_cursor(segment, i), 0u, 11u);
    let pair = given_field(given_cursor(segment, i), params.pairs_at, 6u);
    let s = opened[i - params.opened_base];
    // Public masked symbols, this party's shares of their mask bits, and of the products of two.
    let c = s;
    let w = s >> 1u;
    let e0 = s >> 2u;
    let de = e0 ^ (s >> 3u);
    let l = s >> 4u;
    let q = s >> 5u;
    let s0 = s >> 6u;
    let ds = s0 ^ (s >> 7u);
    let rc = pads;
    let rw = pads >> 1u;
    let re0 = pads >> 2u;
    let rde = re0 ^ (pads >> 3u);
    let rl = pads >> 4u;
    let rq = pads >> 5u;
    let rds = (pads >> 6u) ^ (pads >> 7u);
    let qc = pair;
    let qs = pair >> 1u;
    let cs = pair >> 2u;
    let we = pair >> 3u;
    let wc = pair >> 4u;
    let ec = pair >> 5u;
    let constant = params.is_party0;
    let negative = (constant & (s0 ^ (l & ds) ^ (q & c & ds))) ^ (ds & rl) ^ (l & rds) ^ (c & ds & rq) ^ (q & ds & rc)
      ^ (q & c & rds) ^ (ds & qc) ^ (c & qs) ^ (q & cs);
    let inside = (constant & (e0 ^ (w & de))) ^ (de & rw) ^ (w & rde);
    let upper = (constant & ((e0 & c) ^ (w & de & c))) ^ (c & re0) ^ (e0 & rc) ^ (de & c & rw) ^ (w & c & rde) ^ (w & de & rc)
      ^ (c & we) ^ (de & wc) ^ (w & ec);
    let shares = (negative & 1u) | (((inside ^ upper) & 1u) << 1u) | ((upper & 1u) << 2u);
    result[i - params.result_base] = (pads >> 8u) ^ shares;
  }
}
