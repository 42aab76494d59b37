// matrix_tile: multiplies many rows by a matrix, tiled through workgroup memory.
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

const TILE: u32 = 64u;          // rows and columns of a group's tile
const TILE_THREADS: u32 = 16u;  // threads per side; each holds 4 × 4 sums
const DEPTH: u32 = 16u;         // inputs in workgroup memory at a time

var<workgroup> x_tile: array<array<vec4u, TILE_THREADS>, DEPTH>;      // four rows in each vector
var<workgroup> weight_tile: array<array<vec4u, TILE_THREADS>, DEPTH>; // four columns in each vector

// A thread's 4 × 4 sums.
struct Sums {
  row_0: vec4u, // mod 2^32, as all of them
  row_1: vec4u,
  row_2: vec4u,
  row_3: vec4u,
}

// Adds the products of four rows and four columns.
fn add_outer(sums: Sums, rows: vec4u, columns: vec4u) -> Sums {
  return Sums(
    sums.row_0 + rows.x * columns,
    sums.row_1 + rows.y * columns,
    sums.row_2 + rows.z * columns,
    sums.row_3 + rows.w * columns,
  );
}

// x[row .. row + 3, input], 0 beyond the edges.
fn fetch_x(row: u32, input: u32, input_end: u32) -> vec4u {
  let rows = vec4u(row, row + 1u, row + 2u, row + 3u);
  let inside = (rows < vec4u(params.end)) & vec4<bool>(input < input_end);
  let at = select(vec4u(0u), rows * params.inputs + input - params.x_base, inside);
  return select(vec4u(0u), vec4u(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

// weights[input, column .. column + 3], 0 beyond the edges.
fn fetch_weights(input: u32, column: u32, input_end: u32) -> vec4u {
  let columns = vec4u(column, column + 1u, column + 2u, column + 3u);
  let inside = (columns < vec4u(params.outputs)) & vec4<bool>(input < input_end);
  let at = select(vec4u(0u), (input - params.input_first) * params.outputs + columns, inside);
  return select(vec4u(0u), vec4u(weights[at.x], weights[at.y], weights[at.z], weights[at.w]), inside);
}

// Stores four sums of a row.
fn put(slice: u32, row: u32, column: u32, sums: vec4u) {
  let at = (slice * params.rows + row) * params.outputs + column - params.product_base;
  for (var c = 0u; c < 4u; c++) {
    if (row < params.end && column + c < params.outputs) {
      product[at + c] = sums[c];
    }
  }
}

@compute @workgroup_size(TILE_THREADS, TILE_THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row_first = params.first + TILE * group.y;
  let column_first = TILE * group.x;
  let slice_first = params.input_first + group.z * params.slice_inputs;
  let slice_end = min(slice_first + params.slice_inputs, params.input_end);
  var sums = Sums(vec4u(0u), vec4u(0u), vec4u(0u), vec4u(0u));
  for (var at = slice_first; at < slice_end; at += DEPTH) {
    // A thread fetches one input of four rows of x, and four columns of one row of the matrix.
    x_tile[local.x][local.y] = fetch_x(row_first + 4u * local.y, at + local.x, slice_end);
    weight_tile[local.y][local.x] = fetch_weights(at + local.y, column_first + 4u * local.x, slice_end);
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d += 4u) {
      sums = add_outer(sums, x_tile[d][local.y], weight_tile[d][local.x]);
      sums = add_outer(sums, x_tile[d + 1u][local.y], weight_tile[d + 1u][local.x]);
      sums = add_outer(sums, x_tile[d + 2u][local.y], weight_tile[d + 2u][local.x]);
      sums = add_outer(sums, x_tile[d + 3u][local.y], weight_tile[d + 3u][local.x]);
    }
    workgroupBarrier();
  }
  let row = row_first + 4u * local.y;
  let column = column_first + 4u * local.x;
  let slice = params.slice_first + group.z;
  put(slice, row, column, sums.row_0);
  put(slice, row + 1u, column, sums.row_1);
  put(slice, row + 2u, column, sums.row_2);
  put(slice, row + 3u, column, sums.row_3);
}
