// square_sum: sums the squares of every row, as a share.
//
//   u = x as a signed integer, k = 1 where the mask of x may have wrapped
//   result[row] = Σ_c [party 0] u² - 2u·r + k·(u·b·2^(n+1) - br·2^(n+1) + b·2^(2n)) + pad[row] mod 2^q
//
// Spec      SPEC.md §5.8 (squares)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,         // first item
  end: u32,           // item behind the last
  segment_count: u32, // segments in `lists`
  x_base: u32,        // index of the first bound word of `x`
  result_base: u32,   // index of the first bound word of `result`
  given_bits: u32,    // bits of one given record
  free_bits: u32,     // bits of one free record
  r_at: u32,          // first bit of the field r
  b_at: u32,          // first bit of the field b
  br_at: u32,         // first bit of the field br
  e_at: u32,          // first bit of the field e
  x_words: u32,       // words of an element of `x`, 1 or 2
  result_words: u32,  // words of an element of `result`, 1 or 2
  party: u32,         // whose call
  parity: u32,        // 1 for the holder of explicit halves
  in_bits: u32,       // n, ring of x
  out_bits: u32,      // q, ring of the sums
  r_bits: u32,        // bits of r
  b_bits: u32,        // bits of b
  br_bits: u32,       // bits of b·r
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked rows
@group(0) @binding(1) var<storage, read> given_key: array<u32>; // bits of the given record, secret
@group(0) @binding(2) var<storage, read> free_key: array<u32>; // bits of the free record, secret
@group(0) @binding(3) var<storage, read> lists: array<u32>; // public: blocks and their records
@group(0) @binding(4) var<storage, read_write> result: array<u32>; // share, secret
@group(0) @binding(5) var<uniform> params: Params;

fn load_x(i: u32) -> Ring {
  let at = params.x_words * i - params.x_base;
  return ring_join(x[at], x[at + params.x_words - 1u], params.x_words);
}

fn store_result(i: u32, value: Ring) {
  let at = params.result_words * i - params.result_base;
  result[at] = ring_low(value);
  if (params.result_words == 2u) {
    result[at + 1u] = ring_high(value);
  }
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

var<workgroup> partial: array<Ring, WORKGROUP_SIZE>;

// The share of one square.
fn term(value: Ring, key: Cursor) -> Ring {
  let n = params.in_bits;
  let u = spare_value(value, n);
  let r = given_ring(key, params.r_at, params.r_bits);
  let b = given_ring(key, params.b_at, params.b_bits);
  let br = given_ring(key, params.br_at, params.br_bits);
  let square = ring_select(ring_multiply(u, u), 1u - params.party);
  let crossed = ring_shift_left(ring_multiply(u, r), 1u);
  let lifted = ring_shift_left(ring_subtract(ring_multiply(u, b), br), n + 1u);
  let wrapped = ring_add(lifted, ring_shift_left(b, 2u * n));
  return ring_add(ring_subtract(square, crossed), ring_select(wrapped, spare_wraps(value, n)));
}

fn item(i: u32, thread: u32) {
  let segment = segment_of(i);
  let columns = lists[segment + 7u];
  let in_block = (i - lists[segment]) * columns;
  var sum = ring_unit(64u);
  for (var c = thread; c < columns; c += WORKGROUP_SIZE) {
    let element = in_block + c;
    sum = ring_add(sum, term(load_x(lists[segment + 6u] + element), given_cursor_at(segment, element)));
  }
  partial[thread] = sum;
  workgroupBarrier();
  for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
    if (thread < width) {
      partial[thread] = ring_add(partial[thread], partial[thread + width]);
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    let pad = free_ring(free_cursor(segment, i), params.e_at, params.out_bits);
    store_result(i, ring_reduce(ring_add(partial[0], pad), params.out_bits));
  }
  workgroupBarrier();
}
