// mix: multiplies attention weights with the cached values of their heads.
//
//   result[row, d] = Σ_j x[row, j]·own[j, d] + mask[row, j]·negated[j, d] + pad[row, d] mod 2^n   for a row (token, head)
//
// Spec      SPEC.md §5.6 (scores and mix)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a value of a head; a segment's words are its block's first weight and columns
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
// </declarations>

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
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
}
