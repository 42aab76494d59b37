// row_thresholds: opens which octave group a row's value is in.
//
//   thresholds = Σ_g 2^(g-1)·less(v - 2^from_bit) XOR mask, all from one tree DPF
//
// Spec      SPEC.md §5.9 (row function)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,           // first item
  end: u32,             // item behind the last
  segment_count: u32,   // segments in `lists`
  v_base: u32,          // index of the first bound word of `v`
  thresholds_base: u32, // index of the first bound word of `thresholds`
  groups_list: u32,     // where in `lists` begins: of every group: chunk sizes, their count, shift, first bits of comparison, one-hot and words, 2^from_bit
  salt_list: u32,       // where in `lists` begins: session salt of the tree's PRG
  free_bits: u32,       // bits of one free record
  common_bits: u32,     // bits of one common record
  root_at: u32,         // first bit of the field root
  thresholds_at: u32,   // first bit of the field thresholds
  corrections_at: u32,  // first bit of the field corrections
  v_words: u32,         // words of an element of `v`, 1 or 2
  party: u32,           // whose call
  in_bits: u32,         // ring of v
  group_count: u32,     // groups
}

@group(0) @binding(0) var<storage, read> v: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(2) var<storage, read> common_key: array<u32>; // bits of the common record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read_write> thresholds: array<u32>; // XOR share, secret
@group(0) @binding(5) var<uniform> params: Params;

fn load_v(i: u32) -> Ring {
  let at = params.v_words * i - params.v_base;
  return ring_join(v[at], v[at + params.v_words - 1u], params.v_words);
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var i = params.first + group.x; i < params.end; i += groups.x) {
    item(i, thread);
  }
}
// </declarations>

const MAX_GROUPS: u32 = 33u; // thresholds fit into one word
const GROUP_WORDS: u32 = 8u; // chunk sizes, their count, shift, first bits of comparison, one-hot and words, 2^from_bit (two words)

fn group_word(group: u32, field: u32) -> u32 {
  return lists[params.groups_list + GROUP_WORDS * group + field];
}

var<workgroup> reached: array<u32, MAX_GROUPS>;

fn seed_word(pad: Cursor, index: u32) -> u32 {
  return free_field(pad, params.root_at + 32u * index, 32u);
}

// XOR share of 1{v - 2^from_bit < alpha}.
fn threshold(segment: u32, row: u32, pad: Cursor, g: u32) -> u32 {
  let seed = vec4u(seed_word(pad, 0u), seed_word(pad, 1u), seed_word(pad, 2u), seed_word(pad, 3u));
  let at = params.salt_list;
  let salt = vec4u(lists[at], lists[at + 1u], lists[at + 2u], lists[at + 3u]);
  let domain_bits = params.in_bits - 1u;
  let point = ring_reduce(ring_subtract(load_v(row), ring_pair(group_word(g, 6u), group_word(g, 7u))), domain_bits);
  return tree_less(common_cursor(segment, row), domain_bits, params.party, seed, salt, point);
}

fn item(i: u32, thread: u32) {
  let segment = segment_of(i);
  let pad = free_cursor(segment, i);
  // A thread walks the tree for one threshold.
  for (var g = thread + 1u; g < params.group_count; g += WORKGROUP_SIZE) {
    reached[g] = threshold(segment, i, pad, g);
  }
  workgroupBarrier();
  if (thread == 0u) {
    var share = free_field(pad, params.thresholds_at, params.group_count - 1u);
    for (var g = 1u; g < params.group_count; g++) {
      share ^= reached[g] << (g - 1u);
    }
    thresholds[i - params.thresholds_base] = share;
  }
  workgroupBarrier();
}
