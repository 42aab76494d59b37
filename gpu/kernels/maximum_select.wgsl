// maximum_select: shares g·(a - b) of each pair.
//
//   g = masked 1{a ≥ b} under mask bit j
//   result[i] = pad + (1 - 2g)·d·word[j] - g·word[paths + j] + [party 0] g·d - [j > 0] word[2·paths + j - 1] mod 2^m
//
// Spec      SPEC.md §5.10 (maximum)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _pairs.wgsl, _path.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a pair; a segment's words are its block's first element and columns
//
// binding  name       access   type    shape          holds
// 0        x          read     u32     (count,)       masked value or share
// 1        opened     read     u32     (pairs,)       opened symbols, public
// 2        given_key  read     u32     -              key bits, secret
// 3        free_key   read     u32     -              pad bits, secret
// 4        lists      read     u32     (segments, 8)  public: blocks and their records
// 5        result     write    u32     (pairs,)       share, secret
// 6        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  opened_base: u32,   // index of the first bound word of `opened`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  chunk_count: u32,   // chunks
  words_at: u32,      // bit offset of the words in the given record
  bits: u32,          // m: bits of the ring
  symbol_count: u32,  // opened bits of the comparison
  is_party0: u32,     // 1 for party 0
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> opened: array<u32>;
@group(0) @binding(2) var<storage, read> given_key: array<u32>;
@group(0) @binding(3) var<storage, read> free_key: array<u32>;
@group(0) @binding(4) var<storage, read> lists: array<u32>;
@group(0) @binding(5) var<storage, read_write> result: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let at = pair_at(segment, i) - params.x_base;
    let bits = params.bits;
    let d = (x[at] - x[at + 1u]) & low_mask(bits);
    let selected = permuted_path(opened[i - params.opened_base], params.chunk_count);
    let j = selected >> 1u;
    let paths = 1u << (params.chunk_count - 1u);
    let g = (selected & 1u) ^ (d >> (bits - 1u));
    let key = given_cursor(segment, i);
    var sum = free_field(free_cursor(segment, i), params.symbol_count, bits);
    sum += sign_of(g) * d * given_field(key, params.words_at + j * bits, bits);
    sum -= g * given_field(key, params.words_at + (paths + j) * bits, bits);
    sum += g * d * params.is_party0;
    if (j > 0u) {
      sum -= given_field(key, params.words_at + (2u * paths + j - 1u) * bits, bits);
    }
    result[i - params.result_base] = sum & low_mask(bits);
  }
}
