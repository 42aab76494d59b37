// _permuted: comparison of a public value with a secret one by permuted selection. Chunk sizes are the bytes of one word, lowest first.

// Shares of all symbols: level 0 in bit 0, candidate 2i+b of level j in bit 2^j - 1 + 2i + b.
fn permuted_symbols(cursor: Cursor, offset: u32, chunks: u32, chunk_count: u32, parity: u32, u: u32) -> u32 {
  var at = offset;
  var symbols = 0u;
  var rest = u;
  for (var level = 0u; level < chunk_count; level++) {
    let k = (chunks >> (8u * level)) & 0xffu;
    let size = 1u << k;
    let digit = rest & (size - 1u);
    rest >>= k;
    let less = flat_less(cursor, at, k, parity, digit);
    if (level == 0u) {
      symbols = less;
      at += size - 1u;
      continue;
    }
    let equal = flat_equal(cursor, at, k, parity, digit);
    at += size - 1u;
    let base = (1u << level) - 1u;
    for (var i = 0u; i < (1u << (level - 1u)); i++) {
      let candidate = less ^ given_field(cursor, at + digit, 1u);
      at += size;
      symbols |= (candidate | ((candidate ^ equal) << 1u)) << (base + 2u * i);
    }
  }
  return symbols;
}
