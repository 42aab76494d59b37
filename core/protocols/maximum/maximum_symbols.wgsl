// maximum_symbols: opens the comparison of two columns: the symbols of d = a - b.
//
//   symbols = permuted(d mod 2^(n-1)) XOR mask
//
// Spec      SPEC.md §5.10 (maximum)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  symbols_base: u32,  // index of the first bound word of `symbols`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  compare_at: u32,    // first bit of the field compare
  symbols_at: u32,    // first bit of the field symbols
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  ring_bits: u32,     // n
  chunks: u32,        // chunk sizes, a byte each
  chunk_count: u32,   // chunks
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read_write> symbols: array<u32>; // XOR share, secret
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
  let pair = pair_at(segment, i) - params.x_base;
  let key = given_cursor(segment, i);
  let d = (x[pair] - x[pair + 1u]) & low_mask(params.ring_bits - 1u);
  let share = permuted_symbols(key, params.compare_at, params.chunks, params.chunk_count, params.parity, d);
  let count = (1u << params.chunk_count) - 1u;
  symbols[i - params.symbols_base] = share ^ free_field(free_cursor(segment, i), params.symbols_at, count);
}
