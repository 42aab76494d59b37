// truncate_symbols: opens the comparison of a truncation: symbols under their mask bits, and the wrap bit above them.
//
//   z⁺ = z + addend + 2^(n-2) mod 2^n
//   symbols[i] = permuted(z⁺ mod 2^by) XOR pad XOR tells·(1 - msb(z⁺))·2^count
//
// Spec      SPEC.md §5.7 (truncate)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _flat.wgsl, _permuted.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        z          read     u32     (count,)       masked value
// 1        given_key  read     u32     -              key bits, secret
// 2        free_key   read     u32     -              pad bits, secret
// 3        lists      read     u32     (segments, 8)  public: blocks and their records
// 4        symbols    write    u32     (count,)       XOR share, secret
// 5        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  z_base: u32,        // index of the first bound word of `z`
  symbols_base: u32,  // index of the first bound word of `symbols`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  chunks: u32,        // chunk sizes, a byte each, lowest first
  chunk_count: u32,   // chunks
  parity: u32,        // 1 for the holder of explicit halves
  raise: u32,         // addend + 2^(n-2)
  in_bits: u32,       // n
  by: u32,            // bits to drop
  tells: u32,         // 1 where this party sends the wrap bit
  symbol_count: u32,  // opened bits of the comparison
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> z: array<u32>;
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
    let shifted = (z[i - params.z_base] + params.raise) & low_mask(params.in_bits);
    let tells = params.tells & ~(shifted >> (params.in_bits - 1u));
    let symbols_share = permuted_symbols(
      given_cursor(segment, i),
      0u,
      params.chunks,
      params.chunk_count,
      params.parity,
      shifted & low_mask(params.by),
    );
    let pad = free_field(free_cursor(segment, i), 0u, params.symbol_count);
    symbols[i - params.symbols_base] = symbols_share ^ pad ^ ((tells & 1u) << params.symbol_count);
  }
}
