// mix: multiplies attention weights with the cached values of their heads.
//
//   result[row, d] = Σ_j x[row, j]·own[j, d] + mask[row, j]·negated[j, d] + pad[row, d] mod 2^n   for a row (token, head)
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
  is_first: u32,      // 1 for the part of the cache that adds the pad
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
  let start = lists[segment + 2u]; // the block's first token; its weights are indexed by token below
  let at = i - lists[segment];
  let row = at / params.width;
  let d = at - row * params.width;
  let weight = lists[segment + 6u] + row * columns - params.x_base - start;
  let weight_mask = lists[segment + 6u] + row * columns - params.mask_base - start;
  let value = row % params.heads / params.group_heads * params.width + d;
  var sum = 0u;
  if (params.is_first == 1u) {
    sum = free_field(free_cursor(segment, i), 0u, params.free_bits);
  } else {
    sum = result[i - params.result_base];
  }
  let column_end = min(start + columns, params.column_end);
  var j = max(start, params.column_first);
  for (; j + 4u <= column_end; j += 4u) {
    let cached = (j - params.column_first) * params.per_token + value;
    let at = vec4u(cached) + vec4u(0u, 1u, 2u, 3u) * params.per_token;
    let p = vec4u(x[weight + j], x[weight + j + 1u], x[weight + j + 2u], x[weight + j + 3u]);
    let r = vec4u(mask[weight_mask + j], mask[weight_mask + j + 1u], mask[weight_mask + j + 2u], mask[weight_mask + j + 3u]);
    sum += dot(p, vec4u(own[at.x], own[at.y], own[at.z], own[at.w]));
    sum += dot(r, vec4u(negated[at.x], negated[at.y], negated[at.z], negated[at.w]));
  }
  for (; j < column_end; j++) {
    let cached = (j - params.column_first) * params.per_token + value;
    sum += x[weight + j] * own[cached] + mask[weight_mask + j] * negated[cached];
  }
  result[i - params.result_base] = sum & params.ring_mask;
}
