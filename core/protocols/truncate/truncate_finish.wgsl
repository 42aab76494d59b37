// truncate_finish: shares the truncated value.
//
//   result = pad - (1 - 2·bit)·carry[path] + wrap·2^(n-by) + [adds] ⌊z⁺ / 2^by⌋ - 2^(n-2-by) - bit mod 2^m
//
// Spec      SPEC.md §5.7 (truncate)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  z_base: u32,        // index of the first bound word of `z`
  opened_base: u32,   // index of the first bound word of `opened`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  carries_at: u32,    // first bit of the field carries
  wrap_at: u32,       // first bit of the field wrap
  pad_at: u32,        // first bit of the field pad
  z_words: u32,       // words of an element of `z`, 1 or 2
  result_words: u32,  // words of an element of `result`, 1 or 2
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  in_bits: u32,       // n, ring of z
  by: u32,            // bits to drop
  addend: u32,        // added before the shift
  out_bits: u32,      // m, ring of the result
  wrap_bits: u32,     // bits of the wrap correction, 0 for none
  chunk_count: u32,   // chunks
  adds: u32,          // 1 for the party that adds the public part
}

@group(0) @binding(0) var<storage, read> z: array<u32>; // masked value
@group(0) @binding(1) var<storage, read> opened: array<u32>; // opened symbols, public
@group(0) @binding(2) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(3) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(4) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(5) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(6) var<uniform> params: Params;

fn load_z(i: u32) -> Ring {
  let at = params.z_words * i - params.z_base;
  return ring_join(z[at], z[at + params.z_words - 1u], params.z_words);
}

fn store_result(i: u32, value: Ring) {
  let at = params.result_words * i - params.result_base;
  result[at] = ring_low(value);
  if (params.result_words == 2u) {
    result[at + 1u] = ring_high(value);
  }
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
  let key = given_cursor(segment, i);
  let symbols = opened[i - params.opened_base];
  let selected = permuted_path(symbols, params.chunk_count);
  let bit = selected & 1u;
  let carry = given_ring(key, params.carries_at + (selected >> 1u) * params.out_bits, params.out_bits);
  let pad = free_ring(free_cursor(segment, i), params.pad_at, params.out_bits);
  var sum = select(ring_subtract(pad, carry), ring_add(pad, carry), bit == 1u);
  // A field of no bits reads as 0.
  let wraps = symbols >> ((1u << params.chunk_count) - 1u);
  let wrap = ring_select(given_ring(key, params.wrap_at, params.wrap_bits), wraps);
  sum = ring_add(sum, ring_shift_left(wrap, params.in_bits - params.by));
  let raise = ring_add(ring_pair(params.addend, 0u), ring_unit(params.in_bits - 2u));
  let raised = ring_reduce(ring_add(load_z(i), raise), params.in_bits);
  let offset = ring_add(ring_unit(params.in_bits - 2u - params.by), ring_pair(bit, 0u));
  let whole = ring_subtract(ring_shift_right(raised, params.by), offset);
  store_result(i, ring_reduce(ring_add(sum, ring_select(whole, params.adds)), params.out_bits));
}
