// _given: reads fields of the given record of an item.

// Where element `element` of the segment's record begins.
fn given_cursor_at(segment: u32, element: u32) -> Cursor {
  return cursor_at(lists[segment + 2u], lists[segment + 5u] & 3u, element, params.given_bits);
}

// Where the item's record begins.
fn given_cursor(segment: u32, item: u32) -> Cursor {
  return given_cursor_at(segment, item - lists[segment]);
}

// Field [offset, offset + bits), bits ≤ 32.
fn given_field(cursor: Cursor, offset: u32, bits: u32) -> u32 {
  let shift = cursor.shift + offset;
  let word = cursor.word + (shift >> 5u);
  return join_bits(given_key[word], given_key[word + 1u], shift & 31u, bits);
}

// Field of 0 bits to the ring's words.
fn given_ring(cursor: Cursor, offset: u32, bits: u32) -> Ring {
  let high = given_field(cursor, offset + 32u, max(bits, 32u) - 32u);
  return ring_pair(given_field(cursor, offset, min(bits, 32u)), high);
}
