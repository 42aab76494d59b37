// _tree: evaluates a tree DPF (GGM, 128-bit leaves) at a public point. Corrections are the common record, the layout is in core/fss/tree_dpf.ts.

fn common_words(cursor: Cursor, offset: u32) -> vec4u {
  return vec4u(
    common_field(cursor, offset, 32u),
    common_field(cursor, offset + 32u, 32u),
    common_field(cursor, offset + 64u, 32u),
    common_field(cursor, offset + 96u, 32u),
  );
}

// XOR share of 1{point < alpha}.
fn tree_less(cursor: Cursor, domain_bits: u32, party: u32, seed: vec4u, salt: vec4u, point: Ring) -> u32 {
  let levels = max(domain_bits, 7u) - 7u;
  let leaf_bits = 1u << min(domain_bits, 7u);
  let controls = 128u * levels + leaf_bits;
  var node = seed;
  var control = party;
  var gathered = 0u;
  var last = 0u;
  for (var level = 0u; level < levels; level++) {
    let side = ring_low(ring_shift_right(point, domain_bits - 1u - level)) & 1u;
    gathered ^= control & (side ^ last);
    last = side;
    let block = chacha8_block(node, salt, vec4u(0u));
    let correct = spread(control);
    node = select(block.a, block.b, side == 1u) ^ (common_words(cursor, 128u * level) & vec4u(correct));
    control = ((block.c.x >> (8u * side)) & 1u) ^ (common_field(cursor, controls + 2u * level + side, 1u) & correct);
  }
  let position = ring_low(point) & (leaf_bits - 1u);
  var folded = 0u;
  for (var word = 0u; 32u * word < leaf_bits; word++) {
    let width = min(32u, leaf_bits - 32u * word);
    let leaf = node[word] ^ (common_field(cursor, 128u * levels + 32u * word, width) & spread(control));
    // Bits 0 to position, or those beyond it after a step to the right.
    let upto = low_mask(u32(clamp(i32(position) + 1 - i32(32u * word), 0, 32)));
    folded ^= leaf & low_mask(width) & select(upto, ~upto, last == 1u);
  }
  return gathered ^ party ^ (countOneBits(folded) & 1u);
}
