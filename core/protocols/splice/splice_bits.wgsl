// splice_bits: opens the bits pos, w_0 and w_1 of a splice from its masked symbols.
//
//   pos = 1 XOR sign_0 XOR (signLess XOR signEqual·carry)·(sign_0 XOR sign_1)
//   inside = equal_0 XOR windowLess·(equal_0 XOR equal_1),   w_1 = inside·carry,   w_0 = inside XOR w_1
//   all without the monomials of mask bits alone
//
// Spec      SPEC.md §5.12 (splice)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  opened_base: u32,   // index of the first bound word of `opened`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  pairs_at: u32,      // first bit of the field pairs
  symbols_at: u32,    // first bit of the field symbols
  bits_at: u32,       // first bit of the field bits
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
}

@group(0) @binding(0) var<storage, read> opened: array<u32>; // opened symbols, public
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read_write> result: array<u32>; // XOR share, secret
@group(0) @binding(5) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

fn item(i: u32) {
  let segment = segment_of(i);
  let masks = free_cursor(segment, i);
  let pads = free_field(masks, params.symbols_at, 8u);
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
  let wc = pair >> 1u;
  let qs = pair >> 2u;
  let cs = pair >> 3u;
  let ec = pair >> 4u;
  let we = pair >> 5u;
  let constant = 1u - params.party;
  let positive = (constant & (s0 ^ (l & ds) ^ (q & c & ds))) ^ (ds & rl) ^ (l & rds) ^ (c & ds & rq) ^ (q & ds & rc)
    ^ (q & c & rds) ^ (ds & qc) ^ (c & qs) ^ (q & cs);
  let inside = (constant & (e0 ^ (w & de))) ^ (de & rw) ^ (w & rde);
  let upper = (constant & ((e0 & c) ^ (w & de & c))) ^ (c & re0) ^ (e0 & rc) ^ (de & c & rw) ^ (w & c & rde) ^ (w & de & rc)
    ^ (c & we) ^ (de & wc) ^ (w & ec);
  let shares = (positive & 1u) | (((inside ^ upper) & 1u) << 1u) | ((upper & 1u) << 2u);
  result[i - params.result_base] = free_field(masks, params.bits_at, 3u) ^ shares;
}
