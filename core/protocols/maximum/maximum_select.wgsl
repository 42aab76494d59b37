// maximum_select: shares g·d of two columns, d = a - b and g = 1 where a is the larger.
//
//   result = pad + (1 - 2g)·(d·β_j - [j > 0] u_j) - g·w + [party 0] g·d mod 2^n
//
// Spec      SPEC.md §5.10 (maximum)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  opened_base: u32,   // index of the first bound word of `opened`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  select_at: u32,     // first bit of the field select
  pad_at: u32,        // first bit of the field pad
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  ring_bits: u32,     // n
  chunk_count: u32,   // chunks
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> opened: array<u32>; // opened symbols, public
@group(0) @binding(2) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(3) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(4) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(5) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(6) var<uniform> params: Params;

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
  let n = params.ring_bits;
  let d = (x[pair] - x[pair + 1u]) & low_mask(n);
  let selected = permuted_path(opened[i - params.opened_base], params.chunk_count);
  let j = selected >> 1u;
  let g = (selected & 1u) ^ (d >> (n - 1u));
  let paths = 1u << (params.chunk_count - 1u);
  var sum = free_field(free_cursor(segment, i), params.pad_at, n);
  // Words: β of every path; (1 - 2β_0)·r_d; (β_j - β_0)·r_d of every path but the first. Paths are public.
  let apart = select(0u, given_field(key, params.select_at + (paths + j) * n, n), j > 0u);
  sum += sign_of(g) * (d * given_field(key, params.select_at + j * n, n) - apart);
  sum -= g * given_field(key, params.select_at + paths * n, n);
  sum += (1u - params.party) * g * d;
  result[i - params.result_base] = sum & low_mask(n);
}
