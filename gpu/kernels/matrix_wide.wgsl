// matrix_wide: multiplies rows by a matrix, in two words: every entry of it is read once for four rows.
//
//   product[slice, row, j] = Σ_i x[row, i]·weights[i, j] mod 2^64   over the slice's i
//
// Spec      SPEC.md §5.1 (linear layers)

// <declarations> written by `deno task kernels`
struct Params {
  first: u32,        // first item
  end: u32,          // item behind the last
  x_base: u32,       // index of the first bound word of `x`
  product_base: u32, // index of the first bound word of `product`
  rows: u32,         // rows of x
  inputs: u32,       // columns of x
  outputs: u32,      // columns of the weights
  input_first: u32,  // row of the weights that is bound first
  input_end: u32,    // row of the weights behind the last
  slice_first: u32,  // index of the first partial product
  slice_inputs: u32, // rows of the weights that a slice covers
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // masked values or shares
@group(0) @binding(1) var<storage, read> weights: array<u32>; // a part of the weights
@group(0) @binding(2) var<storage, read_write> product: array<u32>; // partial products
@group(0) @binding(3) var<uniform> params: Params;
// </declarations>

const COLUMNS: u32 = 64u; // outputs of a group
const LANES: u32 = 4u;    // threads that share an output's inputs
const ROWS: u32 = 4u;     // rows of a group

var<workgroup> partial: array<array<array<Ring, ROWS>, COLUMNS>, LANES>;

@compute @workgroup_size(COLUMNS, LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = params.first + ROWS * group.y;
  let row_count = min(ROWS, params.end - row);
  let column = COLUMNS * group.x + local.x;
  let slice_first = params.input_first + group.z * params.slice_inputs;
  let slice_end = min(slice_first + params.slice_inputs, params.input_end);
  var sums = array<Ring, ROWS>();
  if (column < params.outputs) {
    for (var i = slice_first + local.y; i < slice_end; i += LANES) {
      let at = 2u * ((i - params.input_first) * params.outputs + column);
      let entry = Ring(weights[at], weights[at + 1u]);
      for (var r = 0u; r < row_count; r++) {
        let x_at = 2u * ((row + r) * params.inputs + i) - params.x_base;
        sums[r] = ring_add(sums[r], ring_multiply(Ring(x[x_at], x[x_at + 1u]), entry));
      }
    }
  }
  partial[local.y][local.x] = sums;
  workgroupBarrier();
  if (local.y == 0u && column < params.outputs) {
    let slice = params.slice_first + group.z;
    for (var r = 0u; r < row_count; r++) {
      var sum = partial[0][local.x][r];
      for (var lane = 1u; lane < LANES; lane++) {
        sum = ring_add(sum, partial[lane][local.x][r]);
      }
      let at = 2u * ((slice * params.rows + row + r) * params.outputs + column) - params.product_base;
      product[at] = sum.x;
      product[at + 1u] = sum.y;
    }
  }
}
