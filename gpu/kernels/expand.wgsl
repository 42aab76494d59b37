// expand: writes ChaCha8 key streams of a seed into key memory, each to a range of its own.
//
//   key_memory[at + j] = stream[j]   for words j; a last word that is not whole keeps its other bytes
//
// Spec      SPEC.md §3.1 (streams)
// A range has 8 words:
//
//   0  its first item                                   3  word of `key_memory` behind its last one
//   1  counter of that item minus the item, mod 2^32    4  bits of its last word to write; all ones where it is whole
//   2  word that counter 0 begins at, mod 2^32          5  nonce (3 words)
//
// Words before `key_memory` come out above its last index, mod 2^32, and are left out like those behind the range.
//

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,       // first item
  end: u32,         // item behind the last
  range_count: u32, // ranges in `seed`
}

@group(0) @binding(0) var<storage, read> seed: array<u32>; // seed, ranges and nonces
@group(0) @binding(1) var<storage, read_write> key_memory: array<u32>; // key bits, secret
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {
    item(i);
  }
}
// </declarations>

const KEY_WORDS: u32 = 8u;
const RANGE_WORDS: u32 = 8u;

// Base of the range that holds `item`. Items are public.
fn range_of(item: u32) -> u32 {
  var low = 0u;
  var high = params.range_count - 1u;
  while (low < high) {
    let middle = (low + high + 1u) >> 1u;
    if (item < seed[KEY_WORDS + RANGE_WORDS * middle]) {
      high = middle - 1u;
    } else {
      low = middle;
    }
  }
  return KEY_WORDS + RANGE_WORDS * low;
}

// Writes four words of the stream where they fall into the range; key memory is bound from its beginning.
fn put(range: u32, stream_at: u32, words: vec4u) {
  let word_end = seed[range + 3u];
  let tail_mask = seed[range + 4u];
  for (var j = 0u; j < 4u; j++) {
    let at = seed[range + 2u] + stream_at + j;
    if (at < word_end) {
      if (at + 1u == word_end && tail_mask != 0xffffffffu) {
        key_memory[at] = (key_memory[at] & ~tail_mask) | (words[j] & tail_mask);
      } else {
        key_memory[at] = words[j];
      }
    }
  }
}

fn item(i: u32) {
  let range = range_of(i);
  let counter = seed[range + 1u] + i;
  let block = chacha8_block(
    vec4u(seed[0], seed[1], seed[2], seed[3]),
    vec4u(seed[4], seed[5], seed[6], seed[7]),
    vec4u(counter, seed[range + 5u], seed[range + 6u], seed[range + 7u]),
  );
  put(range, 16u * counter, block.a);
  put(range, 16u * counter + 4u, block.b);
  put(range, 16u * counter + 8u, block.c);
  put(range, 16u * counter + 12u, block.d);
}
