// scores: multiplies queries with the cached keys of their heads.
//
//   result[row, j] = Σ_d x[row, d]·own[j, d] + mask[row, d]·negated[j, d] + pad[row, j] mod 2^n   for a row (token, head)
//
// Spec      SPEC.md §5.6 (scores and mix)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  mask_base: u32,     // index of the first bound word of `mask`
  result_base: u32,   // index of the first bound word of `result`
  free_bits: u32,     // bits of one free record
  heads: u32,         // query heads of a token
  group_heads: u32,   // query heads that share a cached one
  width: u32,         // values of a head
  per_token: u32,     // cached values of a token
  column_first: u32,  // first column whose token is bound
  column_end: u32,    // column behind the last
  ring_mask: u32,     // 2^n - 1
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> mask: array<u32>; // shares of their masks, secret
@group(0) @binding(2) var<storage, read> own: array<u32>; // right operands: masked values minus masks, or minus masks
@group(0) @binding(3) var<storage, read> negated: array<u32>; // right operands: masked values, negated
@group(0) @binding(4) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(5) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(6) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(7) var<uniform> params: Params;

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
  let columns = lists[segment + 7u];
  let at = i - lists[segment];
  let row = at / columns;
  let column = at - row * columns;
  let token = lists[segment + 2u] + column;
  if (token < params.column_first || token >= params.column_end) {
    return;
  }
  let head = row % params.heads;
  let query = (lists[segment + 6u] + row) * params.width - params.x_base;
  let query_mask = (lists[segment + 6u] + row) * params.width - params.mask_base;
  let key = (token - params.column_first) * params.per_token + head / params.group_heads * params.width;
  var sum = free_field(free_cursor(segment, i), 0u, params.free_bits);
  var d = 0u;
  for (; d + 4u <= params.width; d += 4u) {
    let q = vec4u(x[query + d], x[query + d + 1u], x[query + d + 2u], x[query + d + 3u]);
    let r = vec4u(mask[query_mask + d], mask[query_mask + d + 1u], mask[query_mask + d + 2u], mask[query_mask + d + 3u]);
    let k = vec4u(own[key + d], own[key + d + 1u], own[key + d + 2u], own[key + d + 3u]);
    let minus = vec4u(negated[key + d], negated[key + d + 1u], negated[key + d + 2u], negated[key + d + 3u]);
    sum += dot(q, k) + dot(r, minus);
  }
  for (; d < params.width; d++) {
    sum += x[query + d] * own[key + d] + mask[query_mask + d] * negated[key + d];
  }
  result[i - params.result_base] = sum & params.ring_mask;
}
