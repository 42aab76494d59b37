// truncate_finish_wide: shares the truncated value where one of the rings has more than 32 bits.
//
//   result[i] = pad - (1 - 2·bit)·carry[path] + wrap·2^(n-by) + [adds] ⌊z⁺ / 2^by⌋ - 2^(n-2-by) - bit mod 2^m
//
// Spec      SPEC.md §5.7 (truncate)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _path.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape                 holds
// 0        z          read     u32     (count, z_wide)       masked value
// 1        opened     read     u32     (count,)              opened symbols, public
// 2        given_key  read     u32     -                     key bits, secret
// 3        free_key   read     u32     -                     pad bits, secret
// 4        lists      read     u32     (segments, 8)         public: blocks and their records
// 5        result     write    u32     (count, result_wide)  share, secret
// 6        params     uniform  Params  -                     public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,          // first item
  end: u32,            // item behind the last
  segment_count: u32,  // segments in `lists`
  z_base: u32,         // index of the first bound word of `z`
  opened_base: u32,    // index of the first bound word of `opened`
  result_base: u32,    // index of the first bound word of `result`
  given_bits: u32,     // bits of one given record
  free_bits: u32,      // bits of one free record
  z_wide: u32,         // words of `z`, 1 or 2
  in_bits: u32,        // n
  by: u32,             // bits to drop
  raise_low: u32,      // addend + 2^(n-2), low word
  raise_high: u32,     // its high word
  result_wide: u32,    // words of `result`, 1 or 2
  chunk_count: u32,    // chunks
  carries: u32,        // bit offset of the carries in the given record
  out_bits: u32,       // m
  wrap_bits: u32,      // bits of the wrap correction, 0 for none
  wrap_at: u32,        // bit offset of the wrap correction
  adds: u32,           // 1 for the party that adds the public part
  symbol_count: u32,   // opened bits of the comparison
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> z: array<u32>;
@group(0) @binding(1) var<storage, read> opened: array<u32>;
@group(0) @binding(2) var<storage, read> given_key: array<u32>;
@group(0) @binding(3) var<storage, read> free_key: array<u32>;
@group(0) @binding(4) var<storage, read> lists: array<u32>;
@group(0) @binding(5) var<storage, read_write> result: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;

// The masked value: of one word, or of two.
fn raised(element: u32) -> Ring64 {
  let at = params.z_wide * element - params.z_base;
  let value = ring64_of(z[at], z[at + params.z_wide - 1u], params.z_wide);
  return ring64_reduce(ring64_add(value, Ring64(params.raise_low, params.raise_high)), params.in_bits);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let symbols = opened[i - params.opened_base];
    let selected = permuted_path(symbols, params.chunk_count);
    let bit = selected & 1u;
    let carry = given_wide(key, params.carries + (selected >> 1u) * params.out_bits, params.out_bits);
    let pad = free_wide(free_cursor(segment, i), params.symbol_count, params.out_bits);
    var sum = select(ring64_subtract(pad, carry), ring64_add(pad, carry), bit == 1u);
    // A zero-bit field reads as 0; a shift of 64 or more leaves nothing.
    let wrap = ring64_select(given_wide(key, params.wrap_at, params.wrap_bits), symbols >> params.symbol_count);
    sum = ring64_add(sum, ring64_shift_left(wrap, params.in_bits - params.by));
    let offset = ring64_shift_left(Ring64(1u, 0u), params.in_bits - 2u - params.by);
    let whole = ring64_subtract(ring64_shift_right(raised(i), params.by), ring64_add(offset, Ring64(bit, 0u)));
    sum = ring64_reduce(ring64_add(sum, ring64_select(whole, params.adds)), params.out_bits);
    result[params.result_wide * i - params.result_base] = sum.x;
    if (params.result_wide == 2u) {
      result[2u * i + 1u - params.result_base] = sum.y;
    }
  }
}
