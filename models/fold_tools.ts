import type { Matrix } from "./matrices.ts";
import type { Tensor } from "./safetensors.ts";

/** A norm's learned parts: y = gamma * n + beta, where n is the normalised value. */
export interface Norm {
  /** Shape (C,). */
  readonly gamma: Float32Array;
  /** Shape (C,); null for a norm without beta. */
  readonly beta: Float32Array | null;
}

/** One stored matrix and where it goes. */
export interface Part {
  /** The stored matrix. */
  readonly stored: Tensor;
  /** Which of its outputs are taken, in this order; all of them unless told. */
  readonly rows?: Int32Array | undefined;
  /** Whether the checkpoint keeps it as (outputs, inputs) or as (inputs, outputs). */
  readonly order: "outputs-inputs" | "inputs-outputs";
  /** Its own bias, shape (outputs,). */
  readonly bias?: Float32Array | null;
  /** The norm whose normalised value it reads. */
  readonly norm?: Norm | null;
  /** First column that it fills; 0 unless told. */
  readonly column?: number;
  /** Factor of all its elements and biases; 1 unless told. */
  readonly factor?: number;
  /** Factors of the outputs that are taken, and of their biases; 1 unless told. */
  readonly factors?: Float64Array | undefined;
}

/** Makes a matrix of zeros, with a bias of zeros or without one. */
export function emptyMatrix(inputs: number, outputs: number, options: { bias?: boolean } = {}): Matrix {
  const bias = options.bias === true ? new Float32Array(outputs) : null;
  return { shape: [inputs, outputs], data: new Float32Array(inputs * outputs), bias };
}

/** Rows and columns of the tiles in which {@linkcode foldInto} transposes: two tiles fit the first-level cache. */
const TILE = 32;

/**
 * Writes a stored matrix W, as (inputs, outputs), and its bias b into columns of a matrix that reads the normalised value:
 * `matrix[i][column + o] = gamma[i] * W[i][r] * f` and, where the matrix has a bias,
 * `bias[column + o] = (b[r] + sum_i beta[i] * W[i][r]) * f`, with r = rows[o] and f = factor * factors[o].
 */
export function foldInto(matrix: Matrix, part: Part): void {
  const { stored, order, rows, norm, column = 0, factor = 1, factors } = part;
  const [first, second] = stored.shape as readonly [number, number];
  const [inputs, all] = order === "inputs-outputs" ? [first, second] : [second, first];
  const [inputStride, outputStride] = order === "inputs-outputs" ? [second, 1] : [1, second];
  const outputs = rows?.length ?? all, stride = matrix.shape[1];
  const from = stored.data, to = matrix.data;
  const gamma = norm?.gamma, beta = norm?.beta;
  // In doubles: the sum has as many terms as the model is wide.
  const bias = Float64Array.from({ length: outputs }, (_, o) => part.bias?.[rows?.[o] ?? o] ?? 0);
  for (let o0 = 0; o0 < outputs; o0 += TILE) {
    const o1 = Math.min(o0 + TILE, outputs);
    for (let i0 = 0; i0 < inputs; i0 += TILE) {
      const i1 = Math.min(i0 + TILE, inputs);
      for (let i = i0; i < i1; i++) {
        const weight = gamma === undefined ? factor : gamma[i]! * factor;
        const row = i * stride + column, base = i * inputStride;
        for (let o = o0; o < o1; o++) {
          const value = from[base + (rows === undefined ? o : rows[o]!) * outputStride]!;
          to[row + o] = weight * value * (factors === undefined ? 1 : factors[o]!);
          if (beta) bias[o]! += beta[i]! * value;
        }
      }
    }
  }
  for (let o = 0; matrix.bias !== null && o < outputs; o++) {
    matrix.bias[column + o] = bias[o]! * factor * (factors?.[o] ?? 1);
  }
}

/** The product of two matrices, each with its bias: (x·A + a)·B + b. */
export function compose(first: Matrix, second: Matrix): Matrix {
  const [inputs, middle] = first.shape, outputs = second.shape[1];
  const times = (row: Float32Array): Float64Array => {
    const sums = new Float64Array(outputs);
    for (let m = 0; m < middle; m++) {
      const factor = row[m]!, from = m * outputs;
      for (let o = 0; o < outputs; o++) sums[o]! += factor * second.data[from + o]!;
    }
    return sums;
  };
  const data = new Float32Array(inputs * outputs);
  for (let i = 0; i < inputs; i++) data.set(times(first.data.subarray(i * middle, (i + 1) * middle)), i * outputs);
  const shift = first.bias === null ? null : times(first.bias), own = second.bias;
  const bias = shift === null && own === null
    ? null
    : Float32Array.from({ length: outputs }, (_, o) => (shift?.[o] ?? 0) + (own?.[o] ?? 0));
  return { shape: [inputs, outputs], data, bias };
}

/**
 * Subtracts its mean from every row and from the bias, in place and returned: with P = I - 11^T/C, M becomes M P and b
 * becomes b P. What such matrices add to a residual stream has mean 0, so that a norm need not subtract it.
 *
 * @param width Columns of the stream; those beyond it stay.
 */
export function meanFree(matrix: Matrix, width: number = matrix.shape[1]): Matrix {
  const [rows, outputs] = matrix.shape;
  for (let i = 0; i < rows; i++) subtractMean(matrix.data.subarray(i * outputs, i * outputs + width));
  if (matrix.bias !== null) subtractMean(matrix.bias.subarray(0, width));
  return matrix;
}

function subtractMean(row: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]!;
  const mean = sum / row.length;
  for (let i = 0; i < row.length; i++) row[i]! -= mean;
}

/**
 * Writes, into C columns from `column` on, the matrix that turns a normalised value n back into a residual stream
 * without its mean, y P = (gamma * n + beta) P: `diag(gamma) P` with the bias `beta P`.
 */
export function residualInto(matrix: Matrix, options: { column: number; norm: Norm }): void {
  const { column, norm: { gamma, beta } } = options;
  const [width, outputs] = matrix.shape;
  for (let i = 0; i < width; i++) {
    const row = matrix.data.subarray(i * outputs + column, i * outputs + column + width);
    row.fill(-gamma[i]! / width);
    row[i] = gamma[i]! * (1 - 1 / width);
  }
  if (matrix.bias === null || beta === null) return;
  const bias = matrix.bias.subarray(column, column + width);
  bias.set(beta);
  subtractMean(bias);
}

/** Returns the index of a block, or refuses one that the model does not have. */
export function checkLayer(index: number, layers: number): number {
  if (!Number.isInteger(index) || index < 0 || index >= layers) {
    throw new RangeError(`Cannot fold layer as its index must be below ${layers}: received ${index}`);
  }
  return index;
}
