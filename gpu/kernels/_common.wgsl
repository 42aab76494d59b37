// _common: reads fields of the common record of an item.

// Where the item's record begins.
fn common_cursor(segment: u32, item: u32) -> Cursor {
  return cursor_at(lists[segment + 4u], item - lists[segment + 5u], params.common_bits);
}

// Field [offset, offset + bits), bits ≤ 32.
fn common_field(cursor: Cursor, offset: u32, bits: u32) -> u32 {
  let shift = cursor.shift + offset;
  let word = cursor.word + (shift >> 5u);
  return join_bits(common_key[word], common_key[word + 1u], shift & 31u, bits);
}
