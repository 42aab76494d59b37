/**
 * The public numbers of a model and the names of its tensors, as types.
 *
 * @module
 */

import type { ActivationName } from "../core/protocols/activations.ts";
import type { HeadNames, TensorNames } from "./tensor_names.ts";

/** Matrices that may have a bias of their own. */
export type BiasedPart = "qkv" | "out" | "up" | "down" | "head";

/** What an answer is: logits of the next token, of classes, of every token's classes, of an answer's ends, or states. */
export type Answer = "tokens" | "classes" | "tokenClasses" | "spans" | "pooled" | "hidden";

/** What follows the last block: rows of tokens, a dense layer with an activation, a norm, and a last matrix. */
export interface Head {
  /** What the outputs are. */
  readonly answer: Answer;
  /** Which tokens are read. */
  readonly rows: "first" | "last" | "every" | "mean";
  /** The activation of a dense layer (C × C) before the last matrix; null for none. */
  readonly dense: ActivationName | null;
  /** Whether a norm follows the dense layer. */
  readonly norm: boolean;
  /** Columns of the last matrix; 0 for a model that ends with its dense layer. */
  readonly outputs: number;
}

/** A term of the scores that depends on head and distance alone: bias[h][j - i]. */
export interface ScoreBias {
  /** Whether it is learned for buckets of distances (T5), or slopes times distance (ALiBi, in two ways to choose slopes). */
  readonly kind: "buckets" | "alibi" | "mpt";
  /** Count of buckets; slopes are 2^(-max/…) for MPT. */
  readonly buckets: number;
  /** Distance from which on all share the last bucket. */
  readonly maxDistance: number;
  /** Factor of the term. */
  readonly factor: number;
  /** Whether the scores' factor is the term's too. */
  readonly scaled?: true;
}

/** How tokens' vectors become one: what `1_Pooling`, `2_Normalize` and their like say. */
export interface Pooling {
  /** Which rows make the vector. */
  readonly mode: "mean" | "cls" | "last" | "max";
  /** Whether it is divided by its length. */
  readonly normalise: boolean;
  /** Text that the model's authors put before every text. */
  readonly prompt: string;
  /** Whether texts are put in lower case first. */
  readonly lowerCase: boolean;
}

/** How the next token is drawn from the logits; the client's own affair. */
export interface Sampling {
  /** Divides the logits. */
  readonly temperature: number;
  /** Count of best tokens that are left; 0 for all. */
  readonly topK: number;
  /** Chance that the tokens that are left have together. */
  readonly topP: number;
  /** Least chance of a token, as a part of the best one's. */
  readonly minP: number;
  /** Divides positive and multiplies negative logits of tokens that were there before. */
  readonly repetitionPenalty: number;
}

/**
 * The public numbers of a model: one configuration of switches for every architecture.
 *
 * Shape letters: T tokens, C `hiddenWidth`, H `heads`, D `headWidth`, F `ffnWidth`, V `vocabCount`, E `embeddingWidth`.
 * Nothing here is secret: both parties and the dealer know the architecture.
 */
export interface ModelConfig {
  /** Hugging Face class name, a key of the table of architectures. */
  readonly architecture: string;
  /** Where its parts stand in a checkpoint. */
  readonly checkpoint: Checkpoint;
  /**
   * What a norm computes: `rms` is `x * rsqrt(mean(x^2) + epsilon) * gamma`; `layer` subtracts the mean first and adds
   * beta. After folding both are `x * rsqrt(mean(x^2) + epsilon)`.
   */
  readonly norm: "rms" | "layer";
  /** What gamma is: a stored weight, 1 + a stored weight, or 1. */
  readonly gain: "weight" | "plusOne" | "none";
  /** Whether norms have a beta. */
  readonly beta: boolean;
  /**
   * `pre`: a norm reads the residual stream before each part of a block; `post`: it follows each sum, and its output is the
   * stream; `parts`: it follows each part, before the sum; `sandwich`: `pre` and `parts`.
   */
  readonly normPlacement: "pre" | "post" | "parts" | "sandwich";
  /** Whether both parts of a block read the same stream, and whether they have a norm each or share one. */
  readonly branches: "serial" | "parallel" | "shared";
  /** Whether attention of the first block has a norm before it. */
  readonly firstNorm: boolean;
  /** Whether a norm follows the last block. */
  readonly finalNorm: boolean;
  /** Whether the embedding is normalised. */
  readonly embeddingNorm: boolean;
  /** Norms of queries and keys before they are turned: of every head, or of all heads of a token together. */
  readonly queryNorm: "none" | "head" | "all";
  /** `rotary` turns queries and keys; `learned` adds a row per position to the embedding; `none` leaves both to the scores' bias. */
  readonly positions: "rotary" | "learned" | "none";
  /** Row of the first position in the table of learned ones. */
  readonly positionOffset: number;
  /** Rotary angles per position of the D/2 pairs, by kind; 0 for pairs that do not turn. */
  readonly frequencies: readonly (readonly number[])[];
  /** Per block the kind of its angles, -1 for none; empty where positions are not rotary. */
  readonly rotaryKinds: readonly number[];
  /** How many of a head's columns turn, as the checkpoint stores them. */
  readonly rotaryWidth: number;
  /** Which columns of a checkpoint make a pair: i and i + rotaryWidth/2, or 2i and 2i + 1. */
  readonly rotaryPairs: "halves" | "neighbours";
  /** Factor of the cosines and sines. */
  readonly rotaryFactor: number;
  /** A term of the scores for the distance of two tokens. */
  readonly scoreBias: ScoreBias | null;
  /** Factor of the scores, usually 1/sqrt(D). */
  readonly scoreFactor: number;
  /** Whether the scores of block l are divided by l + 1 too. */
  readonly scoresByLayer: boolean;
  /** Count of token types; 0 for none. */
  readonly typeCount: number;
  /** Whether a token sees only itself and what came before it. */
  readonly causal: boolean;
  /** Per block, the distance below which a token sees another, itself being at distance 0; null where it sees all of them. */
  readonly windows: readonly (number | null)[];
  /** The feed-forward block's non-linearity. */
  readonly activation: ActivationName;
  /** Whether the non-linearity's output is multiplied with a second projection. */
  readonly gated: boolean;
  /** Which matrices have a bias in the checkpoint. */
  readonly biases: readonly BiasedPart[];
  /** What the model gives. */
  readonly head: Head;
  /** Names of the classes, in order; empty where there are none. */
  readonly labels: readonly string[];
  /** What the scores of classes mean: chances that sum to 1, chances apart, or values. */
  readonly scoring: "softmax" | "sigmoid" | "values";
  /** How hidden states become one vector; absent where they are the answer themselves. */
  readonly pooling?: Pooling;
  /** How its authors draw tokens; absent where they take the best one. */
  readonly sampling?: Sampling;
  /** Count of transformer blocks, L. */
  readonly layers: number;
  /** Width of the residual stream, C. */
  readonly hiddenWidth: number;
  /** Width of the embedding, C unless a matrix leads to C. */
  readonly embeddingWidth: number;
  /** Count of query heads, H. */
  readonly heads: number;
  /** Count of key and value heads; divides `heads`. */
  readonly kvHeads: number;
  /** Width of one head, D; even where positions are rotary, because they turn pairs. */
  readonly headWidth: number;
  /** Hidden width of the feed-forward block, F. */
  readonly ffnWidth: number;
  /** Count of token ids, V. */
  readonly vocabCount: number;
  /** Largest count of positions the model was made for. */
  readonly maxPositions: number;
  /** The epsilon of `x * rsqrt(mean(x^2) + epsilon)`. */
  readonly normEps: number;
  /** Factor of the embedding, of what blocks add to the stream, and of the logits. */
  readonly factors: { readonly embedding: number; readonly residual: number; readonly logits: number };
  /** The client shows cap·tanh(x / cap) of a logit x; null for none. */
  readonly logitCap: number | null;
  /** Blocks that share their weights with the ones before: block l has those of group floor(l * groups / L). 0 for none. */
  readonly layerGroups: number;
  /** Whether the output head is the transposed embedding. */
  readonly tiedEmbeddings: boolean;
  /** Token that begins a text, if the model has one. */
  readonly bosTokenId?: number;
  /** First of the tokens that end a text, if the model has any. */
  readonly eosTokenId?: number;
  /** Token that fills a text up where its length is hidden; bidirectional models have one. */
  readonly padTokenId?: number;
  /** All tokens that end a text. */
  readonly stopTokenIds: readonly number[];
}

/** Where the parts of a model stand in its checkpoint. */
export interface Checkpoint {
  /** Name of the body in a class with a head, with a dot; a file may lack it. */
  readonly prefix: string;
  /** Names of tensors. */
  readonly tensors: TensorNames;
  /** Order of the blocks' matrices; (outputs, inputs) unless told. */
  readonly order?: "inputs-outputs";
  /** How queries, keys and values lie in one matrix; absent where they are apart. */
  readonly fused?: "whole" | "grouped";
  /** Names of what follows the blocks. */
  readonly head: HeadNames;
}

/** One tensor of a checkpoint. */
export interface TensorSpec {
  /** Its Hugging Face name, with the prefix of the class that holds it. */
  readonly name: string;
  /** Lengths as the checkpoint stores them, outermost first. */
  readonly shape: readonly number[];
  /**
   * How the authors initialise it: `normal` is N(0, 0.02^2); `residual`, for a matrix that writes the residual stream, is
   * N(0, (0.02 / sqrt(2 L))^2); `one` is a norm's gamma; `zero` a bias or a norm's beta.
   */
  readonly initial: "normal" | "residual" | "one" | "zero";
}
