// _segments: which block an item belongs to. A segment has 8 words:
//
//   0  first item of the block           4  word at which its common record begins, mod 2^32
//   1  item behind the last              5  bytes beyond these words: given, free and common, 2 bits each
//   2  word of its given record          6  for the kernel
//   3  word of its free record           7  for the kernel

const SEGMENT_WORDS: u32 = 8u;

// Base of the segment that holds `item`; segments ascend and leave no gaps. Items are public.
fn segment_of(item: u32) -> u32 {
  var low = 0u;
  var high = params.segment_count - 1u;
  while (low < high) {
    let middle = (low + high) >> 1u;
    if (item < lists[SEGMENT_WORDS * middle + 1u]) {
      high = middle;
    } else {
      low = middle + 1u;
    }
  }
  return SEGMENT_WORDS * low;
}
