// splice_symbols: opens the digits of a splice: eight symbols and two signed table values.
//
//   u = ⌊x / 2^skip⌋, w = u + window
//   symbols = (less(low), less(index of w), equal(top of w, 0), equal(top of w, 1), less(index of u), equal(index of u), sign 0, sign 1) XOR pad
//   values = ±table(index of w), ±table(index of w - 1), each plus a pad mod 2^v
//
// Spec      SPEC.md §5.12 (splice)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _flat.wgsl, _lookup.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
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
    let key = given_cursor(segment, i);
    let pad = free_cursor(segment, i);
    let parity = params.parity;
    let index_mask = low_mask(params.index_bits);
    let top_mask = low_mask(params.top_bits);
    let value = x[i - params.x_base] >> params.skip;
    let raised = value + (1u << (params.low_bits + params.index_bits - 1u));
    let low = value & low_mask(params.low_bits);
    let sign_index = (value >> params.low_bits) & index_mask;
    let sign_top = (value >> (params.low_bits + params.index_bits)) & top_mask;
    let window_index = (raised >> params.low_bits) & index_mask;
    let window_top = (raised >> (params.low_bits + params.index_bits)) & top_mask;
    let index_at = params.index_at;
    let top_at = params.top_at;
    // The upper half of the circle below a point begins right behind it.
    let half = 1u << (params.top_bits - 1u);
    var share = flat_less(key, params.low_at, params.low_bits, parity, low);
    share |= flat_less(key, index_at, params.index_bits, parity, window_index) << 1u;
    share |= flat_equal(key, top_at, params.top_bits, parity, window_top) << 2u;
    share |= flat_equal(key, top_at, params.top_bits, parity, (window_top - 1u) & top_mask) << 3u;
    share |= flat_less(key, index_at, params.index_bits, parity, sign_index) << 4u;
    share |= flat_equal(key, index_at, params.index_bits, parity, sign_index) << 5u;
    share |= flat_interval(key, top_at, params.top_bits, parity, (sign_top + 1u) & top_mask, half) << 6u;
    share |= flat_interval(key, top_at, params.top_bits, parity, sign_top, half) << 7u;
    symbols[i - params.symbols_base] = share ^ free_field(pad, params.symbols_at, 8u);
    let v = params.value_bits;
    let sign = sign_of(params.party);
    let entries = flat_lookup_pair(key, index_at, params.index_bits, parity, window_index, params.table_table);
    let at = 2u * i - params.values_base;
    values[at] = (sign * entries.x + free_field(pad, params.values_at, v)) & low_mask(v);
    values[at + 1u] = (sign * entries.y + free_field(pad, params.values_at + v, v)) & low_mask(v);
  }
}
