// unpack: unpacks a field of every element of a record.
//
//   result[i] = bits [offset, offset + bits) of element i
//
// Spec      SPEC.md §3.2 (records)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element
//
// binding  name       access   type    shape          holds
// 0        given_key  read     u32     -              key bits, secret
// 1        lists      read     u32     (segments, 8)  public: blocks and their records
// 2        result     write    u32     (count, wide)  key material, secret
// 3        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  offset: u32,        // bits
  bits: u32,          // bits of the field, 1 to 64
  wide: u32,          // words of an element, 1 or 2
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> given_key: array<u32>;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let cursor = given_cursor(segment_of(i), i);
    result[params.wide * i - params.result_base] = given_field(cursor, params.offset, min(params.bits, 32u));
    if (params.wide == 2u) {
      result[2u * i + 1u - params.result_base] = given_field(cursor, params.offset + 32u, params.bits - 32u);
    }
  }
}
