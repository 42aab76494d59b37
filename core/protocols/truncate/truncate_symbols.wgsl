// truncate_symbols: opens the carry of a truncation: the symbols of its comparison, and the top bit for the party that does not hold it.
//
//   z⁺ = z + addend + 2^(n-2);   symbols = permuted(z⁺ mod 2^by) XOR mask, and above them [tells] 1 - msb(z⁺)
//
// Spec      SPEC.md §5.7 (truncate)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  z_base: u32,        // index of the first bound word of `z`
  symbols_base: u32,  // index of the first bound word of `symbols`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  compare_at: u32,    // first bit of the field compare
  symbols_at: u32,    // first bit of the field symbols
  z_words: u32,       // words of an element of `z`, 1 or 2
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  in_bits: u32,       // n, ring of z
  by: u32,            // bits to drop
  addend: u32,        // added before the shift
  chunks: u32,        // chunk sizes, a byte each
  chunk_count: u32,   // chunks
  tells: u32,         // 1 for the party that tells the top bit
}

@group(0) @binding(0) var<storage, read> z: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read_write> symbols: array<u32>; // XOR share, secret
@group(0) @binding(5) var<uniform> params: Params;

fn load_z(i: u32) -> Ring {
  let at = params.z_words * i - params.z_base;
  return ring_join(z[at], z[at + params.z_words - 1u], params.z_words);
}

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
  let raise = ring_add(ring_pair(params.addend, 0u), ring_unit(params.in_bits - 2u));
  let raised = ring_add(load_z(i), raise);
  let count = (1u << params.chunk_count) - 1u;
  let key = given_cursor(segment, i);
  let low = ring_low(raised) & low_mask(params.by);
  let share = permuted_symbols(key, params.compare_at, params.chunks, params.chunk_count, params.parity, low);
  let told = params.tells & (1u - (ring_low(ring_shift_right(raised, params.in_bits - 1u)) & 1u));
  symbols[i - params.symbols_base] = share ^ free_field(free_cursor(segment, i), params.symbols_at, count) ^ (told << count);
}
