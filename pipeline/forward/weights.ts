/**
 * From folded float matrices to the integers of the secure forward pass, and their masks.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { ModelError } from "../../core/errors.ts";
import { expandChacha8 } from "../../core/prg/chacha8.ts";
import { address, PURPOSE, type Seed } from "../../core/prg/seed.ts";
import { signExtend } from "../../core/ring/words.ts";
import type { FoldedSource, Matrix } from "../../models/matrices.ts";
import { layerRefs, type MatrixRef, matrixScales, type ModelSpec, outerRefs } from "./model_spec.ts";

/** One integer matrix, row-major (inputs × outputs), or a vector of `outputs` entries (inputs 0). Secret of party 0. */
export interface IntegerMatrix extends Pick<MatrixRef, "name" | "inputs" | "outputs" | "writes"> {
  /** Integers at the scale of the plan. */
  readonly data: Int32Array;
}

function quantise(name: string, values: Float32Array, scale: number): Int32Array {
  const one = 2 ** scale, data = new Int32Array(values.length);
  for (let i = 0; i < data.length; i++) {
    const value = Math.round(values[i]! * one);
    if (!(Math.abs(value) < 2 ** 30)) {
      throw new ModelError(`Cannot represent ${name} as its entries must stay below 2^30 at ${scale} fractional bits`);
    }
    data[i] = value;
  }
  return data;
}

/** The matrices of a model, folded, in the order of {@linkcode weightRefs}, one in memory at a time. */
async function* parts(
  { scope, config, scales }: Pick<ModelSpec, "scope" | "config" | "scales">,
  source: FoldedSource,
): AsyncGenerator<readonly [MatrixRef, Matrix]> {
  const whole = scope === "model", outer = outerRefs(config);
  if (whole) yield [outer.embed, await source.embed()];
  // What attention writes beside the feed-forward layer is added to its products; the residual columns of a post-norm model too.
  const more = 2 ** (scales.hidden - scales.activation), own = (config.gated ? 2 : 1) * config.ffnWidth;
  for (let layer = 0; layer < config.layers; layer++) {
    const refs = layerRefs(config, layer), { qkv, out, gateUp, down } = await source.layer(layer);
    yield [refs.qkv, qkv];
    yield [refs.out, config.branches === "serial" ? out : raiseColumns(out, 0, more)];
    yield [refs.gateUp, raiseColumns(gateUp, own, more)];
    yield [refs.down, down];
  }
  if (!whole) return;
  const { dense, centre, head } = await source.head();
  if (dense !== null) yield [outer.dense, dense];
  if (centre !== null) yield [outer.centre, centre];
  if (head !== null) yield [outer.head, head];
}

/** The matrix with its columns from `from` on, and their biases, multiplied by `factor`. */
function raiseColumns(matrix: Matrix, from: number, factor: number): Matrix {
  const [, outputs] = matrix.shape;
  if (from === outputs || factor === 1) return matrix;
  const raise = (value: number, i: number): number => i % outputs < from ? value : value * factor;
  return { ...matrix, data: matrix.data.map(raise), bias: matrix.bias?.map(raise) ?? null };
}

/**
 * The integers of every matrix in the order of {@linkcode weightRefs}, and of the vectors that party 0 adds: biases and
 * learned positions.
 */
export async function* integerWeights(
  model: Pick<ModelSpec, "scope" | "config" | "scales">,
  source: FoldedSource,
): AsyncGenerator<IntegerMatrix> {
  const { scope, config, scales } = model, { activation } = scales;
  const vector = (name: string, data: Int32Array, writes: MatrixRef["writes"]): IntegerMatrix => ({
    name,
    inputs: 0,
    outputs: data.length,
    writes,
    data,
  });
  if (scope === "model" && config.positions === "learned") {
    const { weight } = matrixScales(model, outerRefs(config).embed);
    yield vector("positions", quantise("positions", (await source.positions())!.data, weight), "stream");
  }
  if (config.scoreBias !== null) {
    yield vector("scoreBias", quantise("scoreBias", (await source.scoreBias())!.data, 2 * activation), "own");
  }
  for await (const [ref, matrix] of parts(model, source)) {
    const { name, writes, biased } = ref, { input, weight } = matrixScales(model, ref);
    const data = quantise(name, matrix.data, weight);
    yield { name, inputs: ref.inputs, outputs: ref.outputs, writes, data };
    if (!biased) continue;
    const bias = quantise(`${name}.bias`, matrix.bias!, weight + input);
    if (name === "head" && config.head.dense === "tanh_plus_1" && !config.head.norm) {
      takeBackOne(data, bias, 2 ** input);
    }
    yield vector(`${name}.bias`, bias, writes);
  }
}

/** All integers of a model by name, where they fit into memory together. */
export async function collectIntegers(
  model: Pick<ModelSpec, "scope" | "config" | "scales">,
  source: FoldedSource,
): Promise<Map<string, IntegerMatrix>> {
  const matrices = new Map<string, IntegerMatrix>();
  for await (const matrix of integerWeights(model, source)) matrices.set(matrix.name, matrix);
  return matrices;
}

/** The pooler's activation is tanh + 1: the classifier's bias takes the 1 (`one` at the activation's scale) back. */
function takeBackOne(matrix: Int32Array, bias: Int32Array, one: number): void {
  for (let i = 0; i < matrix.length; i++) bias[i % bias.length]! -= one * matrix[i]!;
}

/**
 * Salted digest of what one preparation made: the client's seed, then the integers in order with their names and
 * shapes.
 */
export class WeightsDigest {
  readonly #hash = createHash("sha256");
  /**
   * Starts a digest.
   *
   * @param salt Random bytes that party 0 keeps: without them nobody can test a guess of the weights against the
   * digest.
   * @param seed The client's seed of Ŵ: another one would answer wrongly and without an error.
   */
  constructor(salt: Uint8Array, seed: Seed) {
    this.#hash.update(salt);
    this.#hash.update(seed.expose());
  }
  /** Adds the next matrix. */
  add(matrix: IntegerMatrix): void {
    this.#hash.update(`${matrix.name} ${matrix.inputs} ${matrix.outputs}\n`);
    this.#hash.update(new Uint8Array(matrix.data.buffer, matrix.data.byteOffset, matrix.data.byteLength));
  }
  /** The digest of what was added so far. */
  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** The words of a matrix at party 0: two's complement of 32 or, in two words per entry, of 64 bits. */
export function plainMatrix({ data }: IntegerMatrix, wordsPerElement: 1 | 2): Uint32Array {
  return wordsPerElement === 2 ? signExtend(data) : new Uint32Array(data.buffer, data.byteOffset, data.length);
}

/**
 * The client's masked matrix Ŵ: the keystream of its seed, uniform in 2^32 or, in two words per entry, in 2^64. The
 * dealer holds R_w = Ŵ - W and never the seed.
 *
 * @param index Place of the matrix in {@linkcode weightRefs}.
 * @param count Entries of the matrix.
 */
export function maskedMatrix(seed: Seed, index: number, count: number, wordsPerElement: 1 | 2 = 1): Uint32Array {
  const words = new Uint32Array(count * wordsPerElement);
  expandChacha8(
    seed.expose(),
    address({ purpose: PURPOSE.weights, request: 0, position: index, stage: 0 }),
    new Uint8Array(words.buffer),
  );
  return words;
}

/** R_w = Ŵ - W mod 2^32 or 2^64. */
export function maskOf(seed: Seed, index: number, matrix: IntegerMatrix, wordsPerElement: 1 | 2 = 1): Uint32Array {
  const mask = maskedMatrix(seed, index, matrix.data.length, wordsPerElement);
  for (let i = 0; i < matrix.data.length; i++) {
    const weight = matrix.data[i]!, at = wordsPerElement * i, low = mask[at]! - (weight >>> 0);
    mask[at] = low;
    if (wordsPerElement === 2) mask[at + 1] = mask[at + 1]! - (weight < 0 ? 0xffffffff : 0) - (low < 0 ? 1 : 0);
  }
  return mask;
}
