// pack: packs the low bits of every element.
//
//   packed bits [bits·i, bits·(i + 1)) = x[i] mod 2^bits
//
// Spec      SPEC.md §2.4 (openings)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  x_base: u32,      // index of the first bound word of `x`
  packed_base: u32, // index of the first bound word of `packed`
  count: u32,       // elements
  bits: u32,        // bits of an element to pack
  wide: u32,        // words of an element, 1 or 2
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // share, secret
@group(0) @binding(1) var<storage, read_write> packed: array<u32>; // packed share, secret
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

// The bits of a word that begins at bit `at` of the packed one; `at` is public.
fn placed(word: u32, at: i32) -> u32 {
  let up = select(0u, word << (u32(at) & 31u), at >= 0 && at < 32);
  let down = select(0u, word >> (u32(-at) & 31u), at < 0 && at > -32);
  return up | down;
}

fn item(i: u32) {
  // 32 elements fill `bits` words: count bits from there.
  let batch = i / params.bits;
  let bit_first = 32u * (i - batch * params.bits);
  var value = 0u;
  var element = 32u * batch + bit_first / params.bits;
  var at = i32(bit_first / params.bits * params.bits) - i32(bit_first);
  while (at < 32 && element < params.count) {
    let low = x[params.wide * element - params.x_base] & low_mask(min(params.bits, 32u));
    value |= placed(low, at);
    if (params.wide == 2u) {
      value |= placed(x[2u * element + 1u - params.x_base] & low_mask(max(params.bits, 32u) - 32u), at + 32);
    }
    element += 1u;
    at += i32(params.bits);
  }
  packed[i - params.packed_base] = value;
}
