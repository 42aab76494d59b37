// expand: writes the ChaCha8 key stream of a seed into key memory.
//
//   key_memory[at + j] = stream[skip + j]   for words j; a last word that is not whole keeps its other bytes
//
// Spec      SPEC.md §3.1 (streams)
// Twin      core/reference.ts        Test  tests/engine_parity_test.ts
// Needs     _chacha.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     a block of 64 bytes
//
// binding  name        access   type    shape     holds
// 0        seed        read     u32     (11,)     secret: key (8 words), nonce (3 words)
// 1        key_memory  write    u32     (words,)  key bits, secret
// 2        params      uniform  Params  -         public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,      // first item
  end: u32,        // item behind the last
  target_at: u32,  // word of `key_memory` that block 0 begins at, mod 2^32: blocks before the range leave it
  word_first: u32, // first word to write
  word_end: u32,   // word behind the last
  tail_mask: u32,  // bits of the last word to write; all ones where it is whole
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> seed: array<u32>;
@group(0) @binding(1) var<storage, read_write> key_memory: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

// Writes four words of the stream where they fall into the range; key memory is bound from its beginning.
fn put(stream_at: u32, words: vec4u) {
  for (var j = 0u; j < 4u; j++) {
    let at = params.target_at + stream_at + j;
    if (at >= params.word_first && at < params.word_end) {
      if (at + 1u == params.word_end && params.tail_mask != 0xffffffffu) {
        key_memory[at] = (key_memory[at] & ~params.tail_mask) | (words[j] & params.tail_mask);
      } else {
        key_memory[at] = words[j];
      }
    }
  }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let block = chacha8_block(
      vec4u(seed[0], seed[1], seed[2], seed[3]),
      vec4u(seed[4], seed[5], seed[6], seed[7]),
      vec4u(i, seed[8], seed[9], seed[10]),
    );
    put(16u * i, block.a);
    put(16u * i + 4u, block.b);
    put(16u * i + 8u, block.c);
    put(16u * i + 12u, block.d);
  }
}
