// row_symbols: opens every octave group's carry and its signed table values for both carries.
//
//   symbols[g] = permuted(v mod 2^shift) XOR mask,   values[g] = ±table_g(index), ±table_g(index - 1), each plus a mask mod 2^n
//
// Spec      SPEC.md §5.9 (row function)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  v_base: u32,        // index of the first bound word of `v`
  symbols_base: u32,  // index of the first bound word of `symbols`
  values_base: u32,   // index of the first bound word of `values`
  entries_table: u32, // where in `tables` begins: one table of every group
  groups_list: u32,   // where in `lists` begins: of every group: chunk sizes, their count, shift, first bits of comparison, one-hot and words, 2^from_bit
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  symbols_at: u32,    // first bit of the field symbols
  values_at: u32,     // first bit of the field values
  v_words: u32,       // words of an element of `v`, 1 or 2
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  group_count: u32,   // groups
  value_count: u32,   // two values of each
  index_bits: u32,    // bits of every group's index
  symbol_bits: u32,   // width of a group's symbols in the free record
  ring_bits: u32,     // n, ring of the values
}

@group(0) @binding(0) var<storage, read> v: array<u32>; // masked values
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read> tables: array<vec4u>; // public tables
@group(0) @binding(5) var<storage, read_write> symbols: array<u32>; // XOR shares, secret
@group(0) @binding(6) var<storage, read_write> values: array<u32>; // shares, secret
@group(0) @binding(7) var<uniform> params: Params;

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

const GROUP_WORDS: u32 = 8u; // chunk sizes, their count, shift, first bits of comparison, one-hot and words, 2^from_bit (two words)

fn group_word(group: u32, field: u32) -> u32 {
  return lists[params.groups_list + GROUP_WORDS * group + field];
}

var<workgroup> partial: array<vec3u, WORKGROUP_SIZE>;

// An entry of a group's table; every table begins at a multiple of four.
fn entry_of(g: u32, index: u32) -> u32 {
  let at = params.entries_table + g * ((4u + low_mask(params.index_bits)) & ~3u) + index;
  return tables[at >> 2u][at & 3u];
}

// A thread's part of both lookups of a group (its stored words of the one-hot vector), and the XOR of these words.
fn lookup_part(key: Cursor, index: u32, g: u32, thread: u32) -> vec3u {
  let last = (1u << params.index_bits) - 1u;
  var sums = vec2u(0u, 0u);
  var folded = 0u;
  for (var at = 32u * thread; at < last; at += 32u * WORKGROUP_SIZE) {
    let count = min(32u, last - at);
    var bits = given_field(key, group_word(g, 4u) + at, count);
    folded ^= bits;
    var entry = entry_of(g, (index - at) & last);
    for (var j = 0u; j < count; j++) {
      let next = entry_of(g, (index - at - j - 1u) & last);
      sums += vec2u(entry, next) & vec2u(spread(bits));
      entry = next;
      bits >>= 1u;
    }
  }
  return vec3u(sums, folded);
}

fn item(i: u32, thread: u32) {
  let segment = segment_of(i);
  let key = given_cursor(segment, i);
  let pad = free_cursor(segment, i);
  let value = load_v(i);
  let last = (1u << params.index_bits) - 1u;
  for (var g = thread; g < params.group_count; g += WORKGROUP_SIZE) {
    let chunk_count = group_word(g, 1u);
    let low = ring_low(ring_reduce(value, group_word(g, 2u)));
    let share = permuted_symbols(key, group_word(g, 3u), group_word(g, 0u), chunk_count, params.parity, low);
    let mask = free_field(pad, params.symbols_at + g * params.symbol_bits, (1u << chunk_count) - 1u);
    symbols[i * params.group_count + g - params.symbols_base] = share ^ mask;
  }
  for (var g = 0u; g < params.group_count; g++) {
    let index = ring_low(ring_shift_right(value, group_word(g, 2u)));
    partial[thread] = lookup_part(key, index, g, thread);
    workgroupBarrier();
    for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
      if (thread < width) {
        let other = partial[thread + width];
        partial[thread] = vec3u(partial[thread].xy + other.xy, partial[thread].z ^ other.z);
      }
      workgroupBarrier();
    }
    if (thread < 2u) {
      let last_entry = entry_of(g, (index - thread - last) & last) & spread(params.parity ^ parity_of(partial[0].z));
      let n = params.ring_bits;
      let mask = free_field(pad, params.values_at + n * (2u * g + thread), n);
      let at = 2u * (i * params.group_count + g) + thread - params.values_base;
      values[at] = (sign_of(params.party) * (partial[0][thread] + last_entry) + mask) & low_mask(n);
    }
    workgroupBarrier();
  }
}
