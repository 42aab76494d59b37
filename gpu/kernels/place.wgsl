// place: copies bytes to any byte of key memory.
//
//   word at + i of key_memory = 32 bits of source from bit 32·i + source_bit - 32 on, within the copied range
//
// Spec      SPEC.md §3.1 (streams)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,      // first item
  end: u32,        // item behind the last
  word_first: u32, // first word of `key_memory` to write
  source_bit: u32, // bit of `source` that the first word begins with, plus 32
  shift: u32,      // bits of the first word to keep
  bit_end: u32,    // bits of the last word to write
}

@group(0) @binding(0) var<storage, read> source: array<u32>; // bytes to copy
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

fn item(i: u32) {
  let next = i + (params.source_bit >> 5u);
  let before = select(source[max(next, 1u) - 1u], 0u, next == 0u);
  let value = join_bits(before, source[next], params.source_bit & 31u, 32u);
  let kept = low_mask(select(0u, params.shift, i == 0u));
  let bits = low_mask(select(32u, params.bit_end, i + 1u == params.end)) & ~kept;
  let at = params.word_first + i;
  key_memory[at] = (key_memory[at] & ~bits) | (value & bits);
}
