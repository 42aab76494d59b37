/**
 * The oracle: the clear fixed-point model that every secure run must reproduce bit for bit.
 *
 * @module
 */

import type { AttentionCache } from "../../core/protocols/layers/attention.ts";
import { ClearContext, type ClearOptions, type Observed } from "../interpreters/clear.ts";
import type { CoinReader } from "../interpreters/coins.ts";
import { embeddingShape } from "../../models/matrices.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import { forward, layerCache } from "./forward.ts";
import type { ModelSpec } from "./model_spec.ts";
import { finish } from "../interpreters/plan.ts";

/** Integer matrices (row-major, inputs × outputs), biases and learned positions by name. */
export type IntegerWeights = (name: string) => Int32Array;

/** What an oracle may report while it runs. */
export interface OracleOptions {
  /** Called with every tensor that a gate reads, and the gate's stage. */
  readonly observe?: (observed: Observed & { readonly stage: number }) => void;
  /** Coins of dithered rounding that a run has kept; fresh ones where absent. */
  readonly coins?: CoinReader | undefined;
}

/**
 * One request in the clear; keeps the cache of the tokens so far.
 *
 * @example The cache makes chunks of a causal model equal to the whole
 * ```ts
 * import { defaultScales, foldModel, integerWeights, type ModelSpec, Oracle } from "sluice/gates.ts";
 * import { syntheticInput, syntheticWeights } from "sluice/gates.ts";
 * import { namedShape } from "sluice/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = namedShape("llama-tiny", { layers: 1 }), scales = defaultScales(config), width = config.hiddenWidth;
 * const model: ModelSpec = { scope: "blocks", config, scales, maxPositions: 3, rounding: "nearest" };
 * const weights = new Map<string, Int32Array>();
 * const folded = foldModel(config, syntheticWeights(config, 1));
 * for await (const { name, data } of integerWeights(model, folded)) weights.set(name, data);
 * const states = Float64Array.from(syntheticInput(3, width, "example"), (x) => Math.round(x * 2 ** scales.residual));
 *
 * const of = (name: string) => weights.get(name)!, whole = new Oracle(model, of), chunked = new Oracle(model, of);
 * const expected = whole.hidden(states);
 * chunked.hidden(states.subarray(0, 2 * width));
 *
 * assertEquals(chunked.hidden(states.subarray(2 * width)), expected.subarray(2 * width));
 * ```
 */
export class Oracle {
  readonly #model: ModelSpec;
  readonly #weights: IntegerWeights;
  readonly #options: OracleOptions;
  readonly #caches: AttentionCache<"clear">[];
  #position = 0;

  /** Makes an oracle at position 0. */
  constructor(model: ModelSpec, weights: IntegerWeights, options: OracleOptions = {}) {
    this.#model = model;
    this.#weights = weights;
    this.#options = options;
    this.#caches = Array.from(
      { length: model.config.layers },
      () => layerCache(model, "clear", 0, () => new Float64Array(0)),
    );
  }

  /**
   * Runs a chunk of tokens and returns the integers of its output: logits after the last token or of the classes, a
   * pooled state plus 1, or hidden states.
   *
   * @param realTokens How many of them are real, where the model hides padding.
   * @param types The type of each token, 0 where there is none.
   */
  tokens(ids: readonly number[], realTokens: number = ids.length, types: readonly number[] = []): Float64Array {
    return this.#run(oneHotRows(this.#model.config, ids, types), ids.length, realTokens);
  }

  /**
   * Runs hidden states (integers at the scale of the stream between stages, shape (T, C)) through the blocks;
   * `realTokens` as in {@linkcode Oracle.tokens}.
   */
  hidden(states: Float64Array, realTokens?: number): Float64Array {
    const count = states.length / this.#model.config.hiddenWidth;
    return this.#run(states, count, realTokens ?? count);
  }

  #run(input: Float64Array, count: number, realTokens: number): Float64Array {
    const reader: ClearOptions["reader"] = {
        weights: (ref) => this.#weights(ref.name),
        constants: ({ name, from, count }) => this.#weights(name).subarray(from, from + count),
        input: () => input,
        realTokens,
      },
      { observe, coins } = this.#options;
    const contexts = (stage: number): ClearContext =>
      new ClearContext({
        place: `stage ${stage}: `,
        reader,
        ...(observe && { observe: (observed) => observe({ ...observed, stage }) }),
        ...(coins && { coins: (path, bits, count) => coins(stage, path, bits, count) }),
      });
    const { value } = finish(forward(contexts, this.#model, this.#caches, { from: this.#position, count }));
    this.#position += count;
    return value.data;
  }
}

/** The rows that pick tokens, and further types of tokens, out of the embedding: shape (tokens, rows of the embedding). */
export function oneHotRows(config: ModelConfig, ids: readonly number[], types: readonly number[] = []): Float64Array {
  const [width] = embeddingShape(config), rows = new Float64Array(ids.length * width);
  ids.forEach((id, row) => {
    rows[row * width + id] = 1;
    const type = types[row] ?? 0;
    if (type > 0) rows[row * width + config.vocabCount + type - 1] = 1;
  });
  return rows;
}

/** Index of the largest value; the first of equal ones. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
