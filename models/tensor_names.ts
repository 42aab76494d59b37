/**
 * What checkpoints call their tensors, as types.
 *
 * @module
 */

import type { ActivationName } from "../core/protocols/activations.ts";

/** Names of a checkpoint's tensors by what they are for, without `.weight` and `.bias`; those of blocks without the block's name. */
export interface TensorNames {
  /** Token embedding (V, E). */
  readonly embed: string;
  /** Learned positions. */
  readonly positions?: string | undefined;
  /** Token types. */
  readonly types?: string | undefined;
  /** The norm of the embedding. */
  readonly embedNorm?: string | undefined;
  /** Matrix from E to C. */
  readonly project?: string | undefined;
  /** Matrix from C to E before a tied head. */
  readonly unproject?: string | undefined;
  /** Table of the scores' bias, (buckets, H). */
  readonly scoreBias?: string | undefined;
  /** Name of a block; `{}` stands for its index. */
  readonly block: string;
  /** The norm of attention: before it, or after its sum. */
  readonly norm1?: string | undefined;
  /** The norm of the feed-forward layer: before it, or after its sum. */
  readonly norm2?: string | undefined;
  /** The norm of what attention gives. */
  readonly part1?: string | undefined;
  /** The norm of what the feed-forward layer gives. */
  readonly part2?: string | undefined;
  /** Norms of queries and keys. */
  readonly queryNorm?: string | undefined;
  /** Norms of keys. */
  readonly keyNorm?: string | undefined;
  /** Queries, keys and values in one, or apart. */
  readonly qkv?: string | undefined;
  /** Queries. */
  readonly q?: string | undefined;
  /** Keys. */
  readonly k?: string | undefined;
  /** Values. */
  readonly v?: string | undefined;
  /** Attention's output projection. */
  readonly out: string;
  /** Gate and up in one, or apart. */
  readonly gateUp?: string | undefined;
  /** What the activation reads, in a gated layer. */
  readonly gate?: string | undefined;
  /** What it is multiplied with, or what the activation reads. */
  readonly up?: string | undefined;
  /** The layer's output projection. */
  readonly down: string;
  /** The norm after the last block. */
  readonly finalNorm?: string | undefined;
}

/** What follows the blocks in one kind of class. Names that begin with `~` belong to the body, with its prefix. */
export interface HeadNames {
  /** Which tokens are read. */
  readonly rows: "first" | "last" | "every";
  /** The dense layer. */
  readonly dense?: string;
  /** Its activation. */
  readonly activation?: ActivationName;
  /** Whether the dense layer has a bias; true unless told. */
  readonly denseBias?: boolean;
  /** A norm after it. */
  readonly norm?: string;
  /** The last matrix. */
  readonly out?: string;
  /** Whether the last matrix has a bias; true unless told. Of logits of tokens `biases` says it. */
  readonly bias?: boolean;
}
