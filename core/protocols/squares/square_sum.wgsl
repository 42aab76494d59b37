// square_sum: sums the squares of every row, as a share.
//
//   u = x as a signed integer, k = 1 where the mask of x may have wrapped
//   result[row] = Σ_c [party 0] u² - 2u·r + k·(u·b·2^(n+1) - br·2^(n+1) + b·2^(2n)) + pad[row] mod 2^q
//
// Spec      SPEC.md §5.8 (squares)
// Needs     _ring.wgsl, _bits.wgsl, _segments.wgsl, _given.wgsl, _free.wgsl, _spare.wgsl
// Dispatch  x = items, strided past 65535 groups: a group works on an item
// Items     a row
//
// Secrecy   no branch, index or loop bound depends on a share or key

// <declarations> written by `deno task kernels`
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

override WORKGROUP_SIZE: u32 = 64u; // threads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var i = params.first + group.x; i < params.end; i += groups.x) {
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
      let pad = free_ring(free_cursor(segment, i), params.pad_at, params.out_bits);
      store_result(i, ring_reduce(ring_add(partial[0], pad), params.out_bits));
    }
    workgroupBarrier();
  }
}
