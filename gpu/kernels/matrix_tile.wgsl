// matrix_tile: multiplies many rows by a matrix, tiled through workgroup memory.
//
//   product[slice, row, j] = Σ_i x[row, i]·weights[i, j] mod 2^32   over the slice's i
//
// Spec      core/engine.ts
// Twin      core/reference.ts        Test  tests/engine_parity_test.ts
// Needs     nothing
// Dispatch  x = tiles of 64 outputs, y = tiles of 64 rows, z = slices of the inputs; an item is a row
//
// binding  name     access   type    shape                    holds
// 0        x        read     u32     (rows, inputs)           share or masked value
// 1        weights  read     u32     (inputs, outputs)        weights, secret of party 0, or Ŵ
// 2        product  write    u32     (slices, rows, outputs)  partial products, secret
// 3        params   uniform  Params  -                        public
//
// Secrecy   no branch, index or loop bound depends on a share or key

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

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> weights: array<u32>;
@group(0) @binding(2) var<storage, read_write> product: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

const TILE: u32 = 64u;          // rows and columns of a group's tile
const TILE_THREADS: u32 = 16u;  // threads per side; each holds 4 × 4 sums
const DEPTH: u32 = 16u;         // inputs in workgroup memory at a time

var<workgroup> x_tile: array<array<u32, TILE>, DEPTH>;
var<workgroup> weight_tile: array<array<u32, TILE>, DEPTH>;

@compute @workgroup_size(TILE_THREADS, TILE_THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row_first = params.first + TILE * group.y;
  let column_first = TILE * group.x;
  let thread = local.y * TILE_THREADS + local.x;
  let slice_first = params.input_first + group.z * params.slice_inputs;
  let slice_end = min(slice_first + params.slice_inputs, params.input_end);
  var sums: array<vec4u, 4>;
  for (var at = slice_first; at < slice_end; at += DEPTH) {
    // 256 threads fetch 64 × 16 words of each factor, four each.
    for (var j = 0u; j < 4u; j++) {
      let place = thread + 256u * j;
      let x_row = row_first + place / DEPTH;
      let x_input = at + place % DEPTH;
      let x_inside = x_row < params.end && x_input < slice_end;
      let x_at = x_row * params.inputs + x_input - params.x_base;
      x_tile[place % DEPTH][place / DEPTH] = select(0u, x[select(0u, x_at, x_inside)], x_inside);
      let column = column_first + place % TILE;
      let input = at + place / TILE;
      let inside = column < params.outputs && input < slice_end;
      let weight_at = (input - params.input_first) * params.outputs + column;
      weight_tile[place / TILE][place % TILE] = select(0u, weights[select(0u, weight_at, inside)], inside);
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let w = vec4u(
        weight_tile[d][local.x],
        weight_tile[d][local.x + 16u],
        weight_tile[d][local.x + 32u],
        weight_tile[d][local.x + 48u],
      );
      for (var r = 0u; r < 4u; r++) {
        sums[r] += x_tile[d][local.y + 16u * r] * w;
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    let row = row_first + local.y + 16u * r;
    for (var c = 0u; c < 4u; c++) {
      let column = column_first + local.x + 16u * c;
      if (row < params.end && column < params.outputs) {
        let slice = params.slice_first + group.z;
        product[(slice * params.rows + row) * params.outputs + column - params.product_base] = sums[r][c];
      }
    }
  }
}
