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
