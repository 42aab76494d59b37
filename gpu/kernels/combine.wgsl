// combine: adds the peer's packed share to this party's.
//
//   opened[i] = mine[i] + theirs[i] mod 2^bits, or mine[i] XOR theirs[i]
//
// Spec      SPEC.md §2.4 (openings)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name    access   type    shape          holds
// 0        mine    read     u32     (count, wide)  share, secret
// 1        theirs  read     u32     (words,)       packed share from the peer
// 2        opened  write    u32     (count, wide)  masked value, public to both parties
// 3        params  uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  mine_base: u32,   // index of the first bound word of `mine`
  theirs_base: u32, // index of the first bound word of `theirs`
  opened_base: u32, // index of the first bound word of `opened`
  bits: u32,        // bits of an element, 1 to 64
  wide: u32,        // words of an element, 1 or 2
  is_xor: u32,      // 1 for XOR shares
  has_mine: u32,    // 0 where this party has no share
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> mine: array<u32>;
@group(0) @binding(1) var<storage, read> theirs: array<u32>;
@group(0) @binding(2) var<storage, read_write> opened: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

fn read_theirs(cursor: Cursor, offset: u32, bits: u32) -> u32 {
  let shift = cursor.shift + offset;
  let word = cursor.word + (shift >> 5u) - params.theirs_base;
  return join_bits(theirs[word], theirs[word + 1u], shift & 31u, bits);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let cursor = cursor_at(0u, 0u, i, params.bits);
    let own = spread(params.has_mine);
    let low = read_theirs(cursor, 0u, min(params.bits, 32u));
    let mine_low = mine[params.wide * i - params.mine_base] & own;
    if (params.wide == 1u) {
      opened[i - params.opened_base] = select((mine_low + low) & low_mask(params.bits), mine_low ^ low, params.is_xor == 1u);
      continue;
    }
    let high = read_theirs(cursor, 32u, params.bits - 32u);
    let mine_high = mine[2u * i + 1u - params.mine_base] & own;
    let sum = ring64_reduce(ring64_add(Ring64(mine_low, mine_high), Ring64(low, high)), params.bits);
    opened[2u * i - params.opened_base] = sum.x;
    opened[2u * i + 1u - params.opened_base] = sum.y;
  }
}
