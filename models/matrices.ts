/**
 * What a checkpoint folds into, as types.
 *
 * @module
 */

import type { ModelConfig } from "./model_config.ts";

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
  /**
   * Shape (C, (H + 2 Hkv) D): query columns, with the factor of the scores, then key columns, then value columns. Pairs that
   * turn are the columns i and i + D/2 of a head. Where queries and keys are normalised (H + Hkv) D columns follow, what the
   * norms look at; the first ones hold the norms' gammas.
   */
  readonly qkv: Matrix;
  /** Shape (H D, C); where a norm follows (H D, 2 C): with its gamma, then what the norm looks at. */
  readonly out: Matrix;
  /** Shape (C, 2 F), gate columns, then up columns; or (C, F) for a block that is not gated. */
  readonly gateUp: Matrix;
  /** Shape (F, C), or (F, 2 C) as of `out`. */
  readonly down: Matrix;
}

/** What follows the blocks. */
export interface FoldedHead {
  /** Shape (C, C), before an activation; null for a model without one. */
  readonly dense: Matrix | null;
  /** Shape (C, C): takes the mean away before a norm that follows the activation; null for a model without one. */
  readonly centre: Matrix | null;
  /** The last matrix, shape (C, outputs); null for a model that ends with its dense layer. */
  readonly head: Matrix | null;
}

/** A folded model that is read one part at a time, to keep memory flat. */
export interface FoldedSource {
  /** The model's public numbers. */
  readonly config: ModelConfig;
  /**
   * Token embedding, shape (rows, columns) as `embeddingShape` says; its rows have mean 0 where norms subtract it. Rows beyond the
   * vocabulary are what the second and further types of tokens add.
   */
  embed(): Promise<Matrix>;
  /** Learned positions, added to the embedding, shape (maxPositions, columns), the first type of tokens in them; null for others. */
  positions(): Promise<Matrix | null>;
  /** What is added to the scores, shape (H, 2 maxPositions - 1), by j - i + maxPositions - 1; null for nothing. */
  scoreBias(): Promise<Matrix | null>;
  /** One block, by its index from 0. */
  layer(index: number): Promise<FoldedLayer>;
  /** What follows the blocks. */
  head(): Promise<FoldedHead>;
}

/** A folded model in memory. */
export interface FoldedModel extends FoldedHead {
  /** The model's public numbers. */
  readonly config: ModelConfig;
  /** Token embedding. */
  readonly embed: Matrix;
  /** Learned positions, or null. */
  readonly positions: Matrix | null;
  /** What is added to the scores, or null. */
  readonly scoreBias: Matrix | null;
  /** Every block, in order. */
  readonly layers: readonly FoldedLayer[];
}

/** Rows and columns of the folded embedding: further types of tokens have rows, and a mean that the first block reads a column. */
export function embeddingShape(config: ModelConfig): readonly [rows: number, columns: number] {
  const { vocabCount, typeCount, hiddenWidth, embeddingWidth } = config;
  return [
    vocabCount + Math.max(0, typeCount - 1),
    normalisesEmbedding(config) ? embeddingWidth : hiddenWidth + (readsMean(config) ? 1 : 0),
  ];
}

/** Whether the embedding is normalised when a model runs: where norms come after the sums. Others are folded in. */
export function normalisesEmbedding({ embeddingNorm, normPlacement }: ModelConfig): boolean {
  return embeddingNorm && normPlacement === "post";
}

/** Whether the first block's attention reads the mean of its input too, as no norm before it takes it away. */
export function readsMean({ firstNorm, norm }: ModelConfig): boolean {
  return !firstNorm && norm === "layer";
}

/** Whether the attention of a block reads the residual stream itself, and not what a norm made of it. */
export function readsStream({ normPlacement, firstNorm, embeddingNorm }: ModelConfig, layer: number): boolean {
  if (normPlacement === "post") return layer === 0 && !embeddingNorm;
  return normPlacement === "parts" || layer === 0 && !firstNorm;
}

/** Whether norms follow the parts of a block. */
export function normalisesParts({ normPlacement }: ModelConfig): boolean {
  return normPlacement === "parts" || normPlacement === "sandwich";
}

/** Whether a folded matrix has a bias: its own, or one of the norm that it reads. */
export function isBiased(config: ModelConfig, part: keyof FoldedLayer | keyof FoldedHead): boolean {
  const { biases, beta, gain, normPlacement, head, checkpoint } = config;
  const norms = beta && gain !== "none", reads = norms && normPlacement !== "parts";
  switch (part) {
    case "qkv":
      return reads || biases.includes("qkv");
    case "gateUp":
      return reads || biases.includes("up");
    case "out":
      return biases.includes("out");
    case "down":
      return biases.includes("down");
    case "dense":
      return norms || checkpoint.head.denseBias !== false;
    case "centre":
      return false;
    case "head":
      // The 1 of tanh + 1 is taken back by the bias.
      return norms || biases.includes("head") || head.dense === "tanh_plus_1";
  }
}
