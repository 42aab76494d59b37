// _pairs: pairs of neighbouring columns as items; a segment's words are its block's first element and columns.

// Index of a pair's first element: an odd last column has no pair.
fn pair_at(segment: u32, item: u32) -> u32 {
  let columns = lists[segment + 7u];
  let pairs = columns >> 1u;
  let at = item - lists[segment];
  let row = at / pairs;
  return lists[segment + 6u] + row * columns + 2u * (at - row * pairs);
}
