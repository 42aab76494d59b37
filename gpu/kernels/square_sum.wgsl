// square_sum: sums the squares of every row, as a share in a wider ring.
//
//   u = x of Z_{2^n} as a signed integer, k = 1 where x did not wrap
//   result[row] = Σ_c [party 0] u² - 2u·r + k·(u·b·2^(n+1) - br·2^(n+1) + b·2^(2n)) + pad[row] mod 2^q
//
// Spec      SPEC.md §5.8 (squares)
// Twin      core/reference/engine.ts        Test  tests/engine_parity_test.ts
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl
// Dispatch  x = rows, strided past 65535 groups: a group sums a row
// Items     a row, a segment's words are its block's first element and columns
//
// binding  name       access   type    shape          holds
// 0        x          read     u32     (count,)       masked value or share
// 1        given_key  read     u32     -              key bits, secret
// 2        free_key   read     u32     -              pad bits, secret
// 3        lists      read     u32     (segments, 8)  public: blocks and their records
// 4        result     write    u32     (rows, wide)   share, secret
// 5        params     uniform  Params  -              public
//
// Secrecy   no branch, index or loop bound depends on a share or key

struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  ring_bits: u32,     // n: bits of the ring of x
  out_bits: u32,      // q: bits of the ring of the sums
  wide: u32,          // words of a sum, 1 or 2
  is_party0: u32,     // 1 for party 0
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
fn term(word: u32, key: Cursor) -> Ring64 {
  let n = params.ring_bits;
  let high_bits = params.out_bits - n;
  let half = 1u << (n - 2u);
  let shifted = (word + half) & low_mask(n);
  let u = ring64_subtract(Ring64(shifted, 0u), Ring64(half, 0u));
  let k = 1u - ((shifted >> (n - 1u)) & 1u);
  let r = given_wide(key, 0u, params.out_bits);
  let b = given_wide(key, params.out_bits, high_bits);
  let br = given_wide(key, params.out_bits + high_bits, high_bits - 1u);
  let square = ring64_select(ring64_multiply(u, u), params.is_party0);
  let crossed = ring64_shift_left(ring64_multiply(u, r), 1u);
  let wrapped = ring64_add(
    ring64_shift_left(ring64_subtract(ring64_multiply(u, b), br), n + 1u),
    ring64_shift_left(b, 2u * n),
  );
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
    let base = lists[segment + 6u] - params.x_base;
    var sum = Ring64(0u, 0u);
    for (var c = thread; c < columns; c += WORKGROUP_SIZE) {
      let element = row * columns + c;
      sum = ring64_add(sum, term(x[base + element], given_cursor_at(segment, element)));
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
      result[params.wide * i - params.result_base] = total.x;
      if (params.wide == 2u) {
        result[2u * i + 1u - params.result_base] = total.y;
      }
    }
    workgroupBarrier();
  }
}
