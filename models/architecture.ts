/**
 * What the table of architectures says of one: an architecture is data.
 *
 * @module
 */

import type { Answer, BiasedPart, Checkpoint, ModelConfig } from "./model_config.ts";
import type { HeadNames, TensorNames } from "./tensor_names.ts";

/** Switches that an architecture sets. */
export type Switches = Partial<
  Omit<
    ModelConfig,
    "architecture" | "checkpoint" | "biases" | "head" | "labels" | "frequencies" | "windows" | "factors"
  >
>;

/** Changes that follow from fields of a configuration. */
export interface Variant {
  /** Fields and the values that they must have. */
  readonly when: Readonly<Record<string, unknown>>;
  /** Switches. */
  readonly switches?: Switches;
  /** Names of tensors; `undefined` takes one away. */
  readonly tensors?: Partial<TensorNames>;
  /** Biases beside those that are there. */
  readonly biases?: readonly BiasedPart[];
  /** Biases that are not there. */
  readonly noBiases?: readonly BiasedPart[];
  /** How queries, keys and values lie in one matrix. */
  readonly fused?: Architecture["fused"];
  /** Heads. */
  readonly heads?: Architecture["heads"];
}

/** One architecture, as data. */
export interface Architecture {
  /** Classes of Hugging Face, and what each answers; `body` is the class without a head. */
  readonly classes: Readonly<Record<string, Answer | "body" | "masked">>;
  /** Name of the body in a class with a head, with a dot. */
  readonly prefix: Checkpoint["prefix"];
  /** Fields of the class's configuration with their defaults; one that is not here, nor harmless, is refused, as one whose default is `undefined`. Of an object it lists the values that its members may have. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Switches. */
  readonly switches: Switches;
  /** Which matrices have a bias. */
  readonly biases?: readonly BiasedPart[];
  /** Names of tensors. */
  readonly tensors: TensorNames;
  /** Order of the blocks' matrices; (outputs, inputs) unless told. */
  readonly order?: Checkpoint["order"];
  /**
   * How queries, keys and values lie in one matrix: all queries, keys, values; or, for every head of keys, its queries, key
   * and value.
   */
  readonly fused?: Checkpoint["fused"];
  /** What follows the blocks, by what is answered. */
  readonly heads: Readonly<Partial<Record<Answer, HeadNames>>>;
  /** What follows from fields, in order. */
  readonly variants?: readonly Variant[];
  /** Values beside their default that fields may have, and change nothing. */
  readonly also?: Readonly<Record<string, readonly unknown[]>>;
  /** Values that fields must have, where the default does what is not done here. */
  readonly only?: Readonly<Record<string, readonly unknown[]>>;
  /** Fields that change nothing in this architecture. */
  readonly harmless?: readonly string[];
  /** Whether blocks with a window have angles of their own: neither scaled nor, where a field names one, with the same base. */
  readonly localAngles?: true;
  /** Whether the embedding is times sqrt(C). */
  readonly scaledEmbedding?: true;
  /** Whether, where some blocks have a window, these alone turn queries and keys. */
  readonly windowsTurn?: true;
  /** Tensors that nobody reads. */
  readonly unread?: readonly RegExp[];
}
