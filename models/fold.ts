import { checkLayer, refuse } from "./_fold.ts";
import type { Family, ModelConfig } from "./config.ts";
import { foldBert } from "./fold_bert.ts";
import { foldGpt2, foldGptNeo } from "./fold_gpt.ts";
import { foldLlama } from "./fold_llama.ts";
import type { WeightSource } from "./weights.ts";

export { foldBert } from "./fold_bert.ts";
export { foldGpt2, foldGptNeo } from "./fold_gpt.ts";
export { foldLlama } from "./fold_llama.ts";

/**
 * A matrix of the secure forward pass: row-major (inputs, outputs), so that y = x @ M + bias for a row x. Secret of
 * party 0, the bias too.
 */
export interface Matrix {
  /** Shape (inputs, outputs). */
  readonly shape: readonly [number, number];
  /** Elements, row by row. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Shape (outputs,); null for none. */
  readonly bias: Float32Array<ArrayBuffer> | null;
}

/**
 * One block's matrices, with everything public-linear folded in, so that a norm is only x * rsqrt(mean(x^2) + epsilon)
 * and a score is only q . k.
 *
 * Where norms come after the sums (BERT), `qkv` and `gateUp` have C more columns at their end: the residual stream
 * without its mean, to which `out`, or `down`, is added.
 */
export interface FoldedLayer {
  /** Shape (C, (H + 2 Hkv) D): query columns, with the factor of the scores, then key columns, then value columns. */
  readonly qkv: Matrix;
  /** Shape (H D, C). */
  readonly out: Matrix;
  /** Shape (C, 2 F), gate columns, then up columns; or (C, F) for a block that is not gated. */
  readonly gateUp: Matrix;
  /** Shape (F, C). */
  readonly down: Matrix;
}

/** A folded model that is read one part at a time, to keep memory flat. */
export interface FoldedSource {
  /** The model's public numbers. */
  readonly config: ModelConfig;
  /** Token embedding, shape (V, C); its rows have mean 0 where norms subtract it. */
  embed(): Promise<Matrix>;
  /** Learned positions, added to the embedding, shape (maxPositions, C), rows of mean 0; null for rotary ones. */
  positions(): Promise<Matrix | null>;
  /** One block, by its index from 0. */
  layer(index: number): Promise<FoldedLayer>;
  /**
   * Matrix before the tanh of a pooled model, shape (C, C), reading the last norm's n. Rejects with a ModelError for a
   * model without one.
   */
  pooler(): Promise<Matrix>;
  /**
   * The last matrix: shape (C, V), reading the last norm's n, for tokens; (C, classes), reading the pooler's tanh, for
   * classes; (C, C), reading the last norm's n, for hidden states. A model that ends with its pooler has none: rejects
   * with a ModelError.
   */
  head(): Promise<Matrix>;
}

/** A folded model in memory. */
export interface FoldedModel {
  /** The model's public numbers. */
  readonly config: ModelConfig;
  /** Token embedding, shape (V, C). */
  readonly embed: Matrix;
  /** Learned positions, shape (maxPositions, C), or null. */
  readonly positions: Matrix | null;
  /** Every block, in order. */
  readonly layers: readonly FoldedLayer[];
  /** Matrix before the tanh of a pooled model, shape (C, C), or null. */
  readonly pooler: Matrix | null;
  /** The last matrix, as {@linkcode FoldedSource} gives it; null for a model that ends with its pooler. */
  readonly head: Matrix | null;
}

const FOLDS: Readonly<Record<Family, (config: ModelConfig, source: WeightSource) => FoldedSource>> = {
  "llama": foldLlama,
  "gpt2": foldGpt2,
  "gpt-neo": foldGptNeo,
  "bert": foldBert,
};

/**
 * Folds a checkpoint of any known architecture into the matrices of the secure forward pass.
 *
 * @param config The model's public numbers.
 * @param source Its weights.
 * @returns Parts that are read and folded when asked for. They reject with a ModelError that names the tensor if it is
 * missing, has another shape than the config says, or holds a value that is not finite.
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
  return FOLDS[config.family](config, source);
}

/** Reads and folds a whole model into memory. */
export async function collectFolded(source: FoldedSource): Promise<FoldedModel> {
  const { config } = source;
  const layers: FoldedLayer[] = [];
  for (let index = 0; index < config.layers; index++) layers.push(await source.layer(index));
  return {
    config,
    embed: await source.embed(),
    positions: await source.positions(),
    layers,
    pooler: config.head === "classes" || config.head === "pooled" ? await source.pooler() : null,
    head: config.head === "pooled" ? null : await source.head(),
  };
}

/** Gives a folded model in memory part by part. */
export function memorySource(model: FoldedModel): FoldedSource {
  const { config, layers } = model;
  return {
    config,
    embed: () => Promise.resolve(model.embed),
    positions: () => Promise.resolve(model.positions),
    layer: (index) => Promise.try(() => layers[checkLayer(index, layers.length)]!),
    pooler: () => Promise.try(() => model.pooler ?? refuse("pooler", config)),
    head: () => Promise.try(() => model.head ?? refuse("head", config)),
  };
}
