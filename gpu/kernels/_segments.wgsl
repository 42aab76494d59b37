// _segments: which block an item belongs to. A segment has 8 words: first item, item behind the last, the words (mod 2^32) at which its given, free and
// common records begin, the bytes beyond these words (2 bits each), and two words for the kernel.

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
