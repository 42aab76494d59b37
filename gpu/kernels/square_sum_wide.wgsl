// square_sum_wide: sums the squares of every row of a ring above 32 bits, as a share.
//
//   u = x of Z_{2^n} as a signed integer, k = 1 where x did not wrap
//   result[row] = Σ_c [party 0] u² - 2u·r + k·(u·b - br)·2^(n+1) + pad[row] mod 2^q;   b·2^(2n) vanishes
//
// Spec      SPEC.md §5.8 (squares)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl
// Dispatch  x = rows, strided past 65535 groups: a group sums a row
// Items     a row, a segment's words are its block's first element and columns
//
// binding  name       access   type    shape          holds
// 0        x          read     u32     (count, 2)     masked value
// 1        given_key  read     u32     -              key bits, secret
// 2        free_key   read     u32     -              pad bits, secret
// 3        lists      read     u32     (segments, 8)  public: blocks and their records
// 4        result     write    u32     (rows, 2)      share, secret
// 5        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,          // first item
  end: u32,            // item behind the last
  segment_count: u32,  // segments in `lists`
  x_base: u32,         // index of the first bound word of `x`
  result_base: u32,    // index of the first bound word of `result`
  given_bits: u32,     // bits of one given record
  free_bits: u32,      // bits of one free record
  ring_bits: u32,      // n: bits of the ring of x
  out_bits: u32,       // q: bits of the ring of the sums
  is_party0: u32,      // 1 for party 0
}

override WORKGROUP_SIZE: u32 = 64u; // threads

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> given_key: array<u32>;
@group(0) @binding(2) var<storage, read> free_key: array<u32>;
@group(0) @binding(3) var<storage, read> lists: array<u32>;
@group(0) @binding(4) var<storage, read_write> result: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> partial: array<Ring64, WORKGROUP_SIZE>;

// The share of one square.
fn term(element: u32, key: Cursor) -> Ring64 {
  let n = params.ring_bits;
  let r_bits = max(n, params.out_bits);
  let lift = r_bits - n;
  let half = ring64_shift_left(Ring64(1u, 0u), n - 2u);
  let value = Ring64(x[2u * element - params.x_base], x[2u * element + 1u - params.x_base]);
  let shifted = ring64_reduce(ring64_add(value, half), n);
  let u = ring64_subtract(shifted, half);
  let k = 1u - (ring64_shift_right(shifted, n - 1u).x & 1u);
  let r = given_wide(key, 0u, r_bits);
  let b = given_wide(key, r_bits, lift);
  let br = given_wide(key, r_bits + lift, max(lift, 1u) - 1u);
  let square = ring64_select(ring64_multiply(u, u), params.is_party0);
  let crossed = ring64_shift_left(ring64_multiply(u, r), 1u);
  let wrapped = ring64_shift_left(ring64_subtract(ring64_multiply(u, b), br), n + 1u);
  return ring64_add(ring64_subtract(square, crossed), ring64_select(wrapped, k));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var i = params.first + group.x; i < params.end; i += groups.x) {
    let segment = segment_of(i);
    let columns = lists[segment + 7u];
    let row = i - lists[segment];
    let base = lists[segment + 6u];
    var sum = Ring64(0u, 0u);
    for (var c = thread; c < columns; c += WORKGROUP_SIZE) {
      let element = row * columns + c;
      sum = ring64_add(sum, term(base + element, given_cursor_at(segment, element)));
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
      if (thread < width) {
        partial[thread] = ring64_add(partial[thread], partial[thread + width]);
      }
      workgroupBarrier();
    }
    if (thread == 0u) {
      let pad = free_wide(free_cursor(segment, i), 0u, params.out_bits);
      let total = ring64_reduce(ring64_add(partial[0], pad), params.out_bits);
      result[2u * i - params.result_base] = total.x;
      result[2u * i + 1u - params.result_base] = total.y;
    }
    workgroupBarrier();
  }
}
