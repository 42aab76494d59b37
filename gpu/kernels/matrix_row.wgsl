// matrix_row: multiplies few rows by a matrix: every word of it is read once for four rows.
//
//   product[slice, row, j] = Σ_i x[row, i]·weights[i, j] mod 2^32   over the slice's i
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

const COLUMNS: u32 = 64u;  // outputs of a group
const LANES: u32 = 4u;     // threads that share an output's inputs

var<workgroup> partial: array<array<vec4u, COLUMNS>, LANES>;

// Four words; those behind the slice meet a weight of 0.
fn four_of_x(at: u32) -> vec4u {
  return vec4u(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
}

@compute @workgroup_size(COLUMNS, LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = params.first + 4u * group.y;
  let column = COLUMNS * group.x + local.x;
  let slice_first = params.input_first + group.z * params.slice_inputs;
  let slice_end = min(slice_first + params.slice_inputs, params.input_end);
  let has_row = vec4<bool>(true, row + 1u < params.end, row + 2u < params.end, row + 3u < params.end);
  let x_at = row * params.inputs - params.x_base;
  let step = select(vec4u(0u), vec4u(0u, 1u, 2u, 3u) * params.inputs, has_row);
  var sums = vec4u(0u);
  if (column < params.outputs) {
    for (var i = slice_first + 4u * local.y; i < slice_end; i += 4u * LANES) {
      let inputs = vec4u(i, i + 1u, i + 2u, i + 3u);
      let inside = inputs < vec4u(slice_end);
      let at = select(vec4u(0u), (inputs - params.input_first) * params.outputs + column, inside);
      let words = select(vec4u(0u), vec4u(weights[at.x], weights[at.y], weights[at.z], weights[at.w]), inside);
      sums += vec4u(
        dot(four_of_x(x_at + i), words),
        dot(four_of_x(x_at + step.y + i), words),
        dot(four_of_x(x_at + step.z + i), words),
        dot(four_of_x(x_at + step.w + i), words),
      );
    }
  }
  partial[local.y][local.x] = sums;
  workgroupBarrier();
  if (local.y == 0u && column < params.outputs) {
    for (var lane = 1u; lane < LANES; lane++) {
      sums += partial[lane][local.x];
    }
    for (var r = 0u; r < 4u; r++) {
      if (has_row[r]) {
        let slice = params.slice_first + group.z;
        product[(slice * params.rows + row + r) * params.outputs + column - params.product_base] = sums[r];
      }
    }
  }
}
