// multiply_wide: multiplies element by element, in two words: one party's share of a product.
//
//   result[i] = [party 0] x[i]·y[j] - x[i]·mask_y[j] - mask_x[i]·y[j] + pad[i] mod 2^n,   j = i or the row of i
//
// Spec      SPEC.md §5.5 (multiply)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _free.wgsl
// Dispatch  x = ceil(items / WORKGROUP_SIZE), strided past 65535 groups
// Items     an element; a segment's words are its block's first row and columns
//
// binding  name      access   type    shape               holds
// 0        x         read     u32     (count, 2)          masked value
// 1        mask_x    read     u32     (count, 2)          share of its mask, secret
// 2        y         read     u32     (count or rows, 2)  masked value
// 3        mask_y    read     u32     (count or rows, 2)  share of its mask, secret
// 4        free_key  read     u32     -                   pad bits, secret
// 5        lists     read     u32     (segments, 8)       public: blocks and their records
// 6        result    write    u32     (count, 2)          share, secret
// 7        params    uniform  Params  -                   public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,          // first item
  end: u32,            // item behind the last
  segment_count: u32,  // segments in `lists`
  x_base: u32,         // index of the first bound word of `x`
  mask_x_base: u32,    // index of the first bound word of `mask_x`
  y_base: u32,         // index of the first bound word of `y`
  mask_y_base: u32,    // index of the first bound word of `mask_y`
  result_base: u32,    // index of the first bound word of `result`
  free_bits: u32,      // bits of one free record
  broadcast: u32,      // 1 where y has one element per row
  is_party0: u32,      // 1 for party 0
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> mask_x: array<u32>;
@group(0) @binding(2) var<storage, read> y: array<u32>;
@group(0) @binding(3) var<storage, read> mask_y: array<u32>;
@group(0) @binding(4) var<storage, read> free_key: array<u32>;
@group(0) @binding(5) var<storage, read> lists: array<u32>;
@group(0) @binding(6) var<storage, read_write> result: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * WORKGROUP_SIZE;
  for (var i = params.first + id.x; i < params.end; i += stride) {
    let segment = segment_of(i);
    let row = lists[segment + 6u] + (i - lists[segment]) / max(lists[segment + 7u], 1u);
    let j = select(i, row, params.broadcast == 1u);
    let a = Ring64(x[2u * i - params.x_base], x[2u * i + 1u - params.x_base]);
    let b = Ring64(y[2u * j - params.y_base], y[2u * j + 1u - params.y_base]);
    let mask_a = Ring64(mask_x[2u * i - params.mask_x_base], mask_x[2u * i + 1u - params.mask_x_base]);
    let mask_b = Ring64(mask_y[2u * j - params.mask_y_base], mask_y[2u * j + 1u - params.mask_y_base]);
    // x·([party 0] y - mask_y) - mask_x·y + pad.
    let left = ring64_subtract(ring64_select(b, params.is_party0), mask_b);
    let pad = free_wide(free_cursor(segment, i), 0u, params.free_bits);
    let crossed = ring64_subtract(ring64_multiply(a, left), ring64_multiply(mask_a, b));
    let sum = ring64_reduce(ring64_add(crossed, pad), params.free_bits);
    result[2u * i - params.result_base] = sum.x;
    result[2u * i + 1u - params.result_base] = sum.y;
  }
}
