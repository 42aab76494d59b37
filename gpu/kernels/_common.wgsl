// _common: reads fields of the common record of an item.

// Where element `element` of the segment's record begins.
fn common_cursor_at(segment: u32, element: u32) -> Cursor {
  return cursor_at(lists[segment + 4u], (lists[segment + 5u] >> 4u) & 3u, element, params.common_bits);
}

// Where the item's record begins.
fn common_cursor(segment: u32, item: u32) -> Cursor {
  return common_cursor_at(segment, item - lists[segment]);
}

// Field [offset, offset + bits), bits ≤ 32.
fn common_field(cursor: Cursor, offset: u32, bits: u32) -> u32 {
  let shift = cursor.shift + offset;
  let word = cursor.word + (shift >> 5u);
  return join_bits(common_key[word], common_key[word + 1u], shift & 31u, bits);
}
