// exp_symbols: opens the digits of an exponential: four symbols and three signed table values.
//
//   symbols = (less(low), less(high), equal(top, 0), equal(top, 1)) XOR pad
//   values = ±low_table(low), ±high_table(high), ±high_table(high - 1), each plus a pad mod 2^n
//
// Spec      SPEC.md §5.11 (exponential)
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
    let value = t[i - params.t_base];
    let t0 = value & low_mask(params.low_bits);
    let t1 = (value >> params.low_bits) & low_mask(params.high_bits);
    let t2 = value >> (params.low_bits + params.high_bits);
    let top_mask = low_mask(params.top_bits);
    var share = flat_less(key, params.low_at, params.low_bits, params.parity, t0);
    share |= flat_less(key, params.high_at, params.high_bits, params.parity, t1) << 1u;
    share |= flat_equal(key, params.top_at, params.top_bits, params.parity, t2 & top_mask) << 2u;
    share |= flat_equal(key, params.top_at, params.top_bits, params.parity, (t2 - 1u) & top_mask) << 3u;
    symbols[i - params.symbols_base] = share ^ free_field(pad, params.symbols_at, 4u);
    let n = params.ring_bits;
    let sign = sign_of(params.party);
    let low_value = flat_lookup_pair(key, params.low_at, params.low_bits, params.parity, t0, params.low_table).x;
    let high_values = flat_lookup_pair(key, params.high_at, params.high_bits, params.parity, t1, params.high_table);
    let at = 3u * i - params.values_base;
    values[at] = (sign * low_value + free_field(pad, params.values_at, n)) & low_mask(n);
    values[at + 1u] = (sign * high_values.x + free_field(pad, params.values_at + n, n)) & low_mask(n);
    values[at + 2u] = (sign * high_values.y + free_field(pad, params.values_at + 2u * n, n)) & low_mask(n);
  }
}
