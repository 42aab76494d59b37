// row_symbols: opens a row function: thresholds, the symbols of every group, two signed table values of every group.
//
//   thresholds = XOR shares of 1{v < 2^from_bit} by the tree DPF, under pad bits
//   symbols[g] = permuted(v mod 2^shift) XOR pad,   values[g] = ±table(index), ±table(index - 1), each plus a pad mod 2^n
//
// Spec      SPEC.md §5.9 (row function)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _common.wgsl, _flat.wgsl, _permuted.wgsl, _chacha.wgsl, _tree.wgsl
// Dispatch  x = rows, strided past 65535 groups: a group of threads takes a row
// Items     a row
//
// binding  name        access   type    shape                     holds
// 0        v           read     u32     (rows, wide)              masked value
// 1        given_key   read     u32     -                         key bits, secret
// 2        free_key    read     u32     -                         pad bits, secret
// 3        common_key  read     u32     -                         corrections, secret
// 4        lists       read     u32     (segments, 8)             public: blocks and their records
// 5        tables      read     u32     -                         public tables
// 6        opening     write    u32     (rows · (1 + 3·groups),)  thresholds of all rows, then symbols, then values; shares, secret
// 7        params      uniform  Params  -                         public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  v_base: u32,        // index of the first bound word of `v`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  common_bits: u32,   // bits of one common record
  wide: u32,          // words of a value, 1 or 2
  in_bits: u32,       // bits of the ring of v
  group_count: u32,   // octave groups
  octaves_at: u32,    // place of the octave groups in `lists`
  index_bits: u32,    // bits of every group's index
  parity: u32,        // 1 for the holder of explicit halves
  party: u32,         // 0 or 1
  salt_0: u32,        // session salt, word 0
  salt_1: u32,        // word 1
  salt_2: u32,        // word 2
  salt_3: u32,        // word 3
  symbols_at: u32,    // bit offset of the symbols' pads
  symbols_bits: u32,  // bits of one group's symbols
  values_at: u32,     // bit offset of the values' pads
  ring_bits: u32,     // n
  rows: u32,          // rows of the tensor: where the regions of `opening` begin
}

override WORKGROUP_SIZE: u32 = 32u; // threads

@group(0) @binding(0) var<storage, read> v: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> free_key: array<u32>;
@group(0) @binding(3) var<storage, read> common_key: array<u32>;
@group(0) @binding(4) var<storage, read> lists: array<u32>;
@group(0) @binding(5) var<storage, read> tables: array<u32>;
@group(0) @binding(6) var<storage, read_write> opening: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

const MAX_GROUPS: u32 = 33u;  // thresholds fit into one word
const GROUP_WORDS: u32 = 10u;  // chunks, their count, shift, bit offsets of comparison, one-hot and words, table, symbols, 2^from_bit (two words)

// Word `field` of an octave group.
fn group_word(group: u32, field: u32) -> u32 {
  return lists[params.octaves_at + GROUP_WORDS * group + field];
}

var<workgroup> reached: array<u32, MAX_GROUPS>;
var<workgroup> partial: array<vec3u, WORKGROUP_SIZE>;

// A row's value.
fn value_of(row: u32) -> Ring64 {
  let at = params.wide * row - params.v_base;
  return Ring64(v[at], select(0u, v[at + params.wide - 1u], params.wide == 2u));
}

// XOR share of 1{v - 2^from_bit < alpha}.
fn threshold(segment: u32, row: u32, pad: Cursor, value: Ring64, g: u32) -> u32 {
  let seed = vec4u(free_field(pad, 0u, 32u), free_field(pad, 32u, 32u), free_field(pad, 64u, 32u), free_field(pad, 96u, 32u));
  let salt = vec4u(params.salt_0, params.salt_1, params.salt_2, params.salt_3);
  let below = ring64_subtract(value, Ring64(group_word(g, 8u), group_word(g, 9u)));
  let domain_bits = params.in_bits - 1u;
  return tree_less(common_cursor(segment, row), domain_bits, params.party, seed, salt, ring64_reduce(below, domain_bits));
}

// A thread's part of both lookups of a group (its stored words of the one-hot vector), and the XOR of these words.
fn lookup_part(key: Cursor, value: Ring64, g: u32, thread: u32) -> vec3u {
  let last = (1u << params.index_bits) - 1u;
  let table = group_word(g, 6u);
  let index = ring64_shift_right(value, group_word(g, 2u)).x;
  var sums = vec2u(0u, 0u);
  var folded = 0u;
  for (var at = 32u * thread; at < last; at += 32u * WORKGROUP_SIZE) {
    let count = min(32u, last - at);
    var bits = given_field(key, group_word(g, 4u) + at, count);
    folded ^= bits;
    var entry = tables[table + ((index - at) & last)];
    for (var j = 0u; j < count; j++) {
      let next = tables[table + ((index - at - j - 1u) & last)];
      sums += vec2u(entry, next) & vec2u(spread(bits));
      entry = next;
      bits >>= 1u;
    }
  }
  return vec3u(sums, folded);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let symbols_first = params.rows;
  let values_first = params.rows * (1u + params.group_count);
  for (var i = params.first + group.x; i < params.end; i += groups.x) {
    let segment = segment_of(i);
    let key = given_cursor(segment, i);
    let pad = free_cursor(segment, i);
    let value = value_of(i);
    // A thread walks the tree for one group's threshold and compares within that group.
    for (var g = thread; g < params.group_count; g += WORKGROUP_SIZE) {
      reached[g] = select(0u, threshold(segment, i, pad, value, g), g > 0u);
      let low = ring64_reduce(value, group_word(g, 2u)).x;
      let share = permuted_symbols(key, group_word(g, 3u), group_word(g, 0u), group_word(g, 1u), params.parity, low);
      let mask_bits = free_field(pad, params.symbols_at + g * params.symbols_bits, group_word(g, 7u));
      opening[symbols_first + i * params.group_count + g] = share ^ mask_bits;
    }
    workgroupBarrier();
    if (thread == 0u) {
      var thresholds = free_field(pad, 128u, params.group_count - 1u);
      for (var g = 1u; g < params.group_count; g++) {
        thresholds ^= reached[g] << (g - 1u);
      }
      opening[i] = thresholds;
    }
    for (var g = 0u; g < params.group_count; g++) {
      partial[thread] = lookup_part(key, value, g, thread);
      workgroupBarrier();
      for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
        if (thread < width) {
          let other = partial[thread + width];
          partial[thread] = vec3u(partial[thread].xy + other.xy, partial[thread].z ^ other.z);
        }
        workgroupBarrier();
      }
      if (thread < 2u) {
        let last_point = (1u << params.index_bits) - 1u;
        let index = ring64_shift_right(value, group_word(g, 2u)).x;
        let entry = tables[group_word(g, 6u) + ((index - thread - last_point) & last_point)];
        let sum = partial[0][thread] + (entry & spread(params.parity ^ parity_of(partial[0].z)));
        let n = params.ring_bits;
        let padded = sign_of(params.party) * sum + free_field(pad, params.values_at + n * (2u * g + thread), n);
        opening[values_first + 2u * (i * params.group_count + g) + thread] = padded & low_mask(n);
      }
      workgroupBarrier();
    }
  }
}
