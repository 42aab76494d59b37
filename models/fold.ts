import { checkLayer, compose, emptyMatrix, foldInto, meanFree, type Norm, residualInto } from "./fold_tools.ts";
import {
  embeddingShape,
  type FoldedHead,
  type FoldedLayer,
  type FoldedModel,
  type FoldedSource,
  isBiased,
  type Matrix,
  normalisesEmbedding,
  normalisesParts,
  readsMean,
  readsStream,
} from "./matrices.ts";
import type { ModelConfig } from "./model_config.ts";
import { fusedRows, headColumns, scoreTable } from "./fold_attention.ts";
import type { Tensor } from "./safetensors.ts";
import { TensorReader, type TensorRole } from "./tensors.ts";
import type { WeightSource } from "./weights.ts";

/**
 * Folds a checkpoint of any known architecture into the matrices of the secure forward pass.
 *
 * Every norm becomes n = x * rsqrt(mean(x^2) + epsilon). With P = I - 11^T/C, a LayerNorm's subtraction of the mean goes into
 * all that is added to the residual stream (embedding and position rows, W P and b P of `out` and `down`); gamma and beta into
 * what reads n: `diag(gamma) W` with the bias `b + beta W`. Query columns are times the factor of the scores.
 *
 * Where norms come after the sums the stream is y = gamma * n + beta of the norm that made n, so each matrix that reads n has C
 * more columns, the last ones, that give y P; a block adds `out`, or `down`, to them and normalises again. A norm of queries,
 * keys, or of what a part gives is n * gamma = (gamma * x) * rsqrt(mean(x^2) + epsilon): the matrix before it gives both
 * gamma * x and x.
 *
 * @param config The model's public numbers.
 * @param source Its weights.
 * @returns Parts that are read and folded when asked for. They reject with a ModelError that names the tensor if it is
 * missing, has another shape than the config says, or holds a value that is not finite.
 * @throws {ModelError} If the checkpoint holds a tensor that nobody would read; the message names it.
 *
 * @example A position's row has mean 0, because the norms that follow subtract it
 * ```ts
 * import { foldModel } from "sluice/models/fold.ts";
 * import { namedShape } from "sluice/models/shapes.ts";
 * import { syntheticWeights } from "sluice/models/synthetic.ts";
 * import assert from "node:assert/strict";
 *
 * const config = namedShape("bert-tiny");
 * const positions = await foldModel(config, syntheticWeights(config, "example")).positions();
 *
 * assert.ok(Math.abs(positions!.data.subarray(0, 128).reduce((sum, x) => sum + x)) < 1e-6);
 * ```
 */
export function foldModel(config: ModelConfig, source: WeightSource): FoldedSource {
  const fold = new Fold(config, source);
  return {
    config,
    embed: () => fold.embed(),
    positions: () => fold.positions(),
    scoreBias: () => fold.scoreBias(),
    layer: (index) => fold.layer(index),
    head: () => fold.head(),
  };
}

class Fold {
  readonly #config: ModelConfig;
  readonly #read: TensorReader;
  /** Whether norms subtract a mean. */
  readonly #centred: boolean;
  readonly #order: "outputs-inputs" | "inputs-outputs";

  constructor(config: ModelConfig, source: WeightSource) {
    this.#config = config;
    this.#read = new TensorReader(config, source);
    this.#read.assertRead();
    this.#centred = config.norm === "layer";
    this.#order = config.checkpoint.order ?? "outputs-inputs";
  }

  /** Gamma and beta of a norm. */
  async #norm(role: TensorRole, layer: number | null = null): Promise<Norm> {
    const { gain, hiddenWidth } = this.#config;
    if (gain === "none") return { gamma: new Float32Array(hiddenWidth).fill(1), beta: null };
    const { data } = await this.#read.weight(role, layer), beta = await this.#read.bias(role, layer);
    return { gamma: gain === "plusOne" ? data.map((value) => 1 + value) : data, beta };
  }

  /** The norm whose n the attention of a block reads; null where it reads the stream itself. */
  async #attentionNorm(layer: number): Promise<Norm | null> {
    const { normPlacement, layers } = this.#config;
    if (layer < layers && readsStream(this.#config, layer)) return null;
    if (normPlacement !== "post") return await this.#norm("norm1", layer);
    return layer === 0 ? await this.#norm("embedNorm") : await this.#norm("norm2", layer - 1);
  }

  /** The norm whose n is read after the last block. */
  async #lastNorm(): Promise<Norm> {
    const { normPlacement, layers } = this.#config;
    return normPlacement === "post" ? await this.#norm("norm2", layers - 1) : await this.#norm("finalNorm");
  }

  /** A matrix of the checkpoint as it stands, (inputs, outputs), with its bias. */
  async #plain(role: TensorRole): Promise<Matrix> {
    const stored = await this.#read.weight(role), [outputs, inputs] = stored.shape as [number, number];
    const bias = await this.#read.bias(role), matrix = emptyMatrix(inputs, outputs, { bias: bias !== null });
    foldInto(matrix, { stored, order: "outputs-inputs", bias });
    return matrix;
  }

  /** Rows that are added to the embedding, in its columns. */
  async #embedded(rows: Matrix): Promise<Matrix> {
    const { hiddenWidth: C } = this.#config, [, columns] = embeddingShape(this.#config);
    const wide = rows.shape[1] === C || normalisesEmbedding(this.#config)
      ? rows
      : compose(rows, await this.#plain("project"));
    const out = columns === wide.shape[1] ? wide : withMean(wide, columns);
    return this.#centred && !readsStream({ ...this.#config, firstNorm: true }, 0) ? meanFree(out, wide.shape[1]) : out;
  }

  /** What the second and further types of tokens add, and the first type's row. */
  async #types(): Promise<{ first: Float32Array | null; more: Float32Array }> {
    const { typeCount, embeddingWidth: E } = this.#config;
    if (typeCount === 0) return { first: null, more: new Float32Array(0) };
    const { data } = await this.#read.weight("types"), first = data.slice(0, E);
    // A table may have fewer rows than the configuration says: those add nothing.
    const more = Float32Array.from(
      { length: (typeCount - 1) * E },
      (_, i) => (data[E + i] ?? first[i % E]!) - first[i % E]!,
    );
    return { first, more };
  }

  async embed(): Promise<Matrix> {
    const { embeddingWidth: E, factors, embeddingNorm, positions, vocabCount: V, normEps } = this.#config;
    const { first, more } = await this.#types(), words = (await this.#read.weight("embed")).data;
    const data = new Float32Array(V * E + more.length);
    // Without learned positions the first type's row has no other place.
    const rest = positions === "learned" ? null : first;
    for (let i = 0; i < V * E; i++) data[i] = words[i]! * factors.embedding + (rest?.[i % E] ?? 0);
    if (embeddingNorm && !normalisesEmbedding(this.#config)) {
      const norm = await this.#norm("embedNorm");
      for (let row = 0; row < V; row++) normalise(data.subarray(row * E, (row + 1) * E), norm, this.#centred, normEps);
    }
    data.set(more, V * E);
    return await this.#embedded({ shape: [data.length / E, E], data, bias: null });
  }

  async positions(): Promise<Matrix | null> {
    const { positions, positionOffset, maxPositions } = this.#config;
    if (positions !== "learned") return null;
    const { data, shape } = await this.#read.weight("positions"), width = shape[1]!, { first } = await this.#types();
    const rows = data.slice(positionOffset * width, (positionOffset + maxPositions) * width);
    const both = rows.map((value, i) => value + (first?.[i % width] ?? 0));
    return await this.#embedded({ shape: [both.length / width, width], data: both, bias: null });
  }

  async scoreBias(): Promise<Matrix | null> {
    const { scoreBias, heads, maxPositions } = this.#config;
    if (scoreBias === null) return null;
    const table = scoreBias.kind === "buckets" ? (await this.#read.weight("scoreBias")).data : null;
    return { shape: [heads, 2 * maxPositions - 1], data: scoreTable(this.#config, table), bias: null };
  }

  async layer(index: number): Promise<FoldedLayer> {
    checkLayer(index, this.#config.layers);
    return {
      qkv: await this.#attention(index),
      out: await this.#written("out", index),
      gateUp: await this.#feedForward(index),
      down: await this.#written("down", index),
    };
  }

  /** The matrix that attention reads with. */
  async #attention(layer: number): Promise<Matrix> {
    const { hiddenWidth: C, heads: H, kvHeads: K, headWidth: D, normPlacement, queryNorm, embeddingWidth: E } =
      this.#config;
    const own = (H + 2 * K) * D, normed = queryNorm === "none" ? 0 : (H + K) * D, post = normPlacement === "post";
    const composes = post && layer === 0 && E !== C && normalisesEmbedding(this.#config);
    const norm = await this.#attentionNorm(layer), fromNorm = composes ? null : norm;
    const matrix = emptyMatrix(C, own + normed + (post ? C : 0), { bias: isBiased(this.#config, "qkv") });
    const columns = { q: 0, k: H * D, v: (H + K) * D } as const;
    for (const part of ["q", "k", "v"] as const) {
      const role = this.#read.has("qkv", layer) ? "qkv" : part, stored = await this.#read.weight(role, layer);
      const rows = fusedRows(this.#config, part, role === "qkv"), bias = await this.#read.bias(role, layer);
      const common = { stored, order: this.#order, bias, norm: fromNorm, rows };
      const gain = part === "v" || queryNorm === "none" ? null : await this.#queryGain(part, layer);
      foldInto(matrix, { ...common, column: columns[part], factors: headColumns(this.#config, { part, layer, gain }) });
      if (gain !== null) foldInto(matrix, { ...common, column: own + columns[part] });
    }
    if (post) {
      residualInto(matrix, {
        column: own + normed,
        norm: fromNorm ?? { gamma: new Float32Array(C).fill(1), beta: null },
      });
    }
    if (composes) return compose(await this.#projected(norm!), matrix);
    return readsMean(this.#config) && layer === 0 ? withColumnSums(matrix) : matrix;
  }

  /** The matrix from the normalised embedding to the stream. */
  async #projected(norm: Norm): Promise<Matrix> {
    const stored = await this.#read.weight("project"), [outputs, inputs] = stored.shape as [number, number];
    const matrix = emptyMatrix(inputs, outputs, { bias: true });
    foldInto(matrix, { stored, order: "outputs-inputs", bias: await this.#read.bias("project"), norm });
    return matrix;
  }

  /** Gammas of the norm of queries or keys. */
  async #queryGain(part: "q" | "k", layer: number): Promise<Float32Array> {
    return (await this.#norm(part === "q" ? "queryNorm" : "keyNorm", layer)).gamma;
  }

  /** A matrix that writes the residual stream; where a norm follows, with its gamma and without. */
  async #written(role: "out" | "down", layer: number): Promise<Matrix> {
    const { hiddenWidth: C, heads, headWidth, ffnWidth, factors } = this.#config, twice = normalisesParts(this.#config);
    const inputs = role === "out" ? heads * headWidth : ffnWidth;
    const matrix = emptyMatrix(inputs, twice ? 2 * C : C, { bias: isBiased(this.#config, role) });
    const part = {
      stored: await this.#read.weight(role, layer),
      order: this.#order,
      bias: await this.#read.bias(role, layer),
    };
    if (!twice) {
      foldInto(matrix, { ...part, factor: factors.residual });
      return this.#centred ? meanFree(matrix) : matrix;
    }
    const { gamma } = await this.#norm(role === "out" ? "part1" : "part2", layer);
    foldInto(matrix, { ...part, factors: Float64Array.from(gamma) });
    foldInto(matrix, { ...part, column: C });
    return matrix;
  }

  /** The matrix that the feed-forward layer reads with. */
  async #feedForward(layer: number): Promise<Matrix> {
    const { hiddenWidth: C, ffnWidth: F, gated, normPlacement, branches } = this.#config,
      post = normPlacement === "post";
    const role = post || branches === "shared" ? "norm1" : "norm2";
    const norm = normPlacement === "parts" ? null : await this.#norm(role, layer);
    const own = gated ? 2 * F : F,
      matrix = emptyMatrix(C, own + (post ? C : 0), { bias: isBiased(this.#config, "gateUp") });
    const parts: readonly TensorRole[] = this.#read.has("gateUp", layer) ? ["gateUp"] : gated ? ["gate", "up"] : ["up"];
    for (const [i, role] of parts.entries()) {
      const stored = await this.#read.weight(role, layer), bias = await this.#read.bias(role, layer);
      foldInto(matrix, { stored, order: this.#order, bias, norm, column: i * F });
    }
    if (post) residualInto(matrix, { column: own, norm: norm! });
    return matrix;
  }

  async head(): Promise<FoldedHead> {
    const { hiddenWidth: C, head, tiedEmbeddings, embeddingWidth: E, factors } = this.#config,
      norm = await this.#lastNorm();
    let dense: Matrix | null = null, centre: Matrix | null = null;
    if (head.dense !== null) {
      dense = emptyMatrix(C, C, { bias: isBiased(this.#config, "dense") });
      foldInto(dense, { ...await this.#outer("dense"), norm });
      if (head.norm && this.#centred) centre = meanFree(identity(C));
    }
    const read = head.norm ? await this.#norm("headNorm") : dense === null ? norm : null;
    if (head.answer === "hidden") return { dense, centre, head: diagonal(read!, isBiased(this.#config, "head")) };
    if (head.outputs === 0) return { dense, centre, head: null };
    const last = emptyMatrix(C, head.outputs, { bias: isBiased(this.#config, "head") });
    const tied = head.answer === "tokens" && tiedEmbeddings, factor = head.answer === "tokens" ? factors.logits : 1;
    const part = tied
      ? { stored: await this.#read.weight("embed"), order: "outputs-inputs" as const, bias: null }
      : await this.#outer("head");
    if (head.answer !== "tokens" || E === C) {
      foldInto(last, { ...part, norm: read, factor });
      return { dense, centre, head: last };
    }
    const first = emptyMatrix(C, E, { bias: last.bias !== null }), second = emptyMatrix(E, head.outputs);
    foldInto(first, { ...await this.#outer("unproject"), norm: read });
    foldInto(second, { ...part, factor });
    return { dense, centre, head: compose(first, second) };
  }

  async #outer(role: TensorRole): Promise<{ stored: Tensor; order: "outputs-inputs"; bias: Float32Array | null }> {
    return { stored: await this.#read.weight(role), order: "outputs-inputs", bias: await this.#read.bias(role) };
  }
}

/** Normalises a row in place: what a norm of the embedding alone gives for a token. */
function normalise(row: Float32Array, { gamma, beta }: Norm, centred: boolean, epsilon: number): void {
  const mean = centred ? row.reduce((sum, value) => sum + value, 0) / row.length : 0;
  const square = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length,
    scale = 1 / Math.sqrt(square + epsilon);
  for (let i = 0; i < row.length; i++) row[i] = (row[i]! - mean) * scale * gamma[i]! + (beta?.[i] ?? 0);
}

/** Rows with their means in one more column. */
function withMean(matrix: Matrix, columns: number): Matrix {
  const [rows, width] = matrix.shape, data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const values = matrix.data.subarray(row * width, (row + 1) * width);
    data.set(values, row * columns);
    data[row * columns + width] = values.reduce((sum, value) => sum + value, 0) / width;
  }
  return { shape: [rows, columns], data, bias: null };
}

/** A matrix with one more row, the sums of its columns: what a mean that all inputs share adds. */
function withColumnSums({ shape: [inputs, outputs], data, bias }: Matrix): Matrix {
  const sums = new Float64Array(outputs), all = new Float32Array((inputs + 1) * outputs);
  data.forEach((value, i) => sums[i % outputs]! += value);
  all.set(data);
  all.set(sums, inputs * outputs);
  return { shape: [inputs + 1, outputs], data: all, bias };
}

function identity(width: number): Matrix {
  return diagonal({ gamma: new Float32Array(width).fill(1), beta: null }, false);
}

/** The matrix that turns n into y = gamma * n + beta. */
function diagonal({ gamma, beta }: Norm, bias: boolean): Matrix {
  const matrix = emptyMatrix(gamma.length, gamma.length, { bias });
  for (let i = 0; i < gamma.length; i++) matrix.data[i * gamma.length + i] = gamma[i]!;
  if (beta !== null) matrix.bias!.set(beta);
  return matrix;
}

/** Reads and folds a whole model into memory. */
export async function collectFolded(source: FoldedSource): Promise<FoldedModel> {
  const { config } = source, layers: FoldedLayer[] = [];
  for (let index = 0; index < config.layers; index++) layers.push(await source.layer(index));
  return {
    config,
    embed: await source.embed(),
    positions: await source.positions(),
    scoreBias: await source.scoreBias(),
    layers,
    ...await source.head(),
  };
}

/** Gives a folded model in memory part by part. */
export function memorySource(model: FoldedModel): FoldedSource {
  const { config, layers, dense, centre, head } = model;
  return {
    config,
    embed: () => Promise.resolve(model.embed),
    positions: () => Promise.resolve(model.positions),
    scoreBias: () => Promise.resolve(model.scoreBias),
    layer: (index) => Promise.try(() => layers[checkLayer(index, layers.length)]!),
    head: () => Promise.resolve({ dense, centre, head }),
  };
}
