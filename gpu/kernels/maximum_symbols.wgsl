// maximum_symbols: opens the comparison of the two values of each pair.
//
//   symbols[i] = permuted(a - b mod 2^(m-1)) XOR pad
//
// Spec      SPEC.md §5.10 (maximum)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _pairs.wgsl, _flat.wgsl, _permuted.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a pair; a segment's words are its block's first element and columns
//
// binding  name       access   type    shape          holds
// 0        x          read     u32     (count,)       masked value or share
// 1        given_key  read     u32     -              key bits, secret
// 2        free_key   read     u32     -              pad bits, secret
// 3        lists      read     u32     (segments, 8)  public: blocks and their records
// 4        symbols    write    u32     (pairs,)       XOR share, secret
// 5        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  symbols_base: u32,  // index of the first bound word of `symbols`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  chunks: u32,        // chunk sizes, a byte each, lowest first
  chunk_count: u32,   // chunks
  parity: u32,        // 1 for the holder of explicit halves
  bits: u32,          // m: bits of the ring
  symbol_count: u32,  // opened bits of the comparison
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> free_key: array<u32>;
@group(0) @binding(3) var<storage, read> lists: array<u32>;
@group(0) @binding(4) var<storage, read_write> symbols: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let at = pair_at(segment, i) - params.x_base;
    let difference = (x[at] - x[at + 1u]) & low_mask(params.bits - 1u);
    let share = permuted_symbols(given_cursor(segment, i), 0u, params.chunks, params.chunk_count, params.parity, difference);
    symbols[i - params.symbols_base] = share ^ free_field(free_cursor(segment, i), 0u, params.symbol_count);
  }
}
