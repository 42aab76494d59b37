import { ModelError } from "../core/errors.ts";
import type { ModelConfig } from "./model_config.ts";
import type { Matrix } from "./matrices.ts";
import type { Tensor } from "./safetensors.ts";
import type { WeightSource } from "./weights.ts";

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
  /** Whether the checkpoint keeps it as (outputs, inputs) or as (inputs, outputs). */
  readonly order: "outputs-inputs" | "inputs-outputs";
  /** Its own bias, shape (outputs,). */
  readonly bias?: Float32Array | null;
  /** The norm whose normalised value it reads. */
  readonly norm?: Norm;
  /** First column that it fills; 0 unless told. */
  readonly column?: number;
  /** Factor of all its elements and biases; 1 unless told. */
  readonly factor?: number;
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
 * `matrix[i][column + o] = gamma[i] * W[i][o] * factor` and, where the matrix has a bias,
 * `bias[column + o] = (b[o] + sum_i beta[i] * W[i][o]) * factor`.
 */
export function foldInto(matrix: Matrix, part: Part): void {
  const { stored, order, norm, column = 0, factor = 1 } = part;
  const [first, second] = stored.shape as readonly [number, number];
  const [inputs, outputs] = order === "inputs-outputs" ? [first, second] : [second, first];
  const [inputStride, outputStride] = order === "inputs-outputs" ? [second, 1] : [1, second];
  const stride = matrix.shape[1];
  const from = stored.data, to = matrix.data;
  const gamma = norm?.gamma, beta = norm?.beta;
  // In doubles: the sum has as many terms as the model is wide.
  const bias = Float64Array.from({ length: outputs }, (_, o) => part.bias?.[o] ?? 0);
  for (let o0 = 0; o0 < outputs; o0 += TILE) {
    const o1 = Math.min(o0 + TILE, outputs);
    for (let i0 = 0; i0 < inputs; i0 += TILE) {
      const i1 = Math.min(i0 + TILE, inputs);
      for (let i = i0; i < i1; i++) {
        const weight = gamma === undefined ? factor : gamma[i]! * factor;
        const row = i * stride + column, base = i * inputStride;
        for (let o = o0; o < o1; o++) to[row + o] = weight * from[base + o * outputStride]!;
        if (beta) { for (let o = o0; o < o1; o++) bias[o]! += beta[i]! * from[base + o * outputStride]!; }
      }
    }
  }
  for (let o = 0; matrix.bias !== null && o < outputs; o++) matrix.bias[column + o] = bias[o]! * factor;
}

/** Multiplies columns and their biases, in place. */
export function scaleColumns(matrix: Matrix, options: { end: number; factor: number }): void {
  const { end, factor } = options;
  const [inputs, outputs] = matrix.shape;
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < end; o++) matrix.data[i * outputs + o]! *= factor;
  }
  for (let o = 0; matrix.bias !== null && o < end; o++) matrix.bias[o]! *= factor;
}

/**
 * Subtracts its mean from every row and from the bias, in place and returned: with P = I - 11^T/C, M becomes M P and b
 * becomes b P. What such matrices add to a residual stream has mean 0, so that a norm need not subtract it.
 */
export function meanFree(matrix: Matrix): Matrix {
  const [rows, width] = matrix.shape;
  for (let i = 0; i < rows; i++) subtractMean(matrix.data.subarray(i * width, (i + 1) * width));
  if (matrix.bias !== null) subtractMean(matrix.bias);
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

/** Reads checked tensors of a checkpoint whose names may lack their class's prefix, or have names of an older release. */
export class TensorReader {
  readonly #source: WeightSource;
  readonly #prefix: string;

  constructor(source: WeightSource, prefix: string) {
    this.#source = source;
    this.#prefix = prefix;
  }

  /**
   * Reads a tensor of the class's body.
   *
   * @param name Its name without the prefix.
   * @param shape Its lengths; null for one that may be any.
   */
  async body(name: string, shape: readonly (number | null)[]): Promise<Tensor> {
    const older = name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
    const candidates = [this.#prefix + name, name, this.#prefix + older, older];
    return await this.root(candidates.find((candidate) => this.#source.has(candidate)) ?? candidates[0]!, shape);
  }

  /** Reads a tensor by its whole name. */
  async root(name: string, shape: readonly (number | null)[]): Promise<Tensor> {
    return await readChecked(this.#source, name, shape);
  }

  /** Reads gamma and beta of a norm of the class's body. */
  async norm(name: string, width: number): Promise<Norm> {
    const gamma = await this.body(`${name}.weight`, [width]);
    return { gamma: gamma.data, beta: (await this.body(`${name}.bias`, [width])).data };
  }
}

/**
 * Reads a tensor and checks its shape and that its elements are finite.
 *
 * @throws {ModelError} If they are not; the message names the tensor.
 */
export async function readChecked(
  source: WeightSource,
  name: string,
  shape: readonly (number | null)[],
): Promise<Tensor> {
  const tensor = await source.tensor(name);
  if (
    tensor.shape.length !== shape.length || shape.some((length, i) => length !== null && length !== tensor.shape[i])
  ) {
    const wanted = shape.map((length) => length ?? "any").join(", ");
    throw new ModelError(
      `Cannot fold tensor ${name} as its shape must be (${wanted}): received (${tensor.shape.join(", ")})`,
    );
  }
  // The sum is finite exactly when every term is: 32-bit floats cannot overflow a double.
  let sum = 0;
  for (let i = 0; i < tensor.data.length; i++) sum += tensor.data[i]!;
  if (!Number.isFinite(sum)) {
    throw new ModelError(`Cannot fold tensor ${name} as its elements must be finite: received Infinity or NaN`);
  }
  return tensor;
}

/** Returns the index of a block, or refuses one that the model does not have. */
export function checkLayer(index: number, layers: number): number {
  if (!Number.isInteger(index) || index < 0 || index >= layers) {
    throw new RangeError(`Cannot fold layer as its index must be below ${layers}: received ${index}`);
  }
  return index;
}

/** Refuses a part that models with such a head do not have. */
export function refuse(part: "pooler" | "head", config: ModelConfig): never {
  throw new ModelError(`Cannot fold ${part} as the model must have one: received a model that gives ${config.head}`);
}
