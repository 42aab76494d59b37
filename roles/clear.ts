/**
 * The clear answers of a prepared model: what its clients get, bit for bit, and what the float model gives.
 *
 * @module
 */

import type { ModelFiles } from "../models/files.ts";
import { collectFolded, memorySource } from "../models/fold.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { createTokenizer, type EncodedText, readTokenizerFiles } from "../models/tokenizer.ts";
import { floatModel } from "../pipeline/forward/float_model.ts";
import { answersEvery, type ModelSpec, outputScale } from "../pipeline/forward/model_spec.ts";
import { Oracle } from "../pipeline/forward/oracle.ts";
import { collectIntegers } from "../pipeline/forward/weights.ts";
import { type Reading, readingOf } from "./answers.ts";
import { readPrepared, readWeights } from "./model_folder.ts";
import { type Ask, encodedOf } from "./request.ts";

/** A clear answer. */
export interface ClearAnswer {
  /** The tokens. */
  readonly encoded: EncodedText;
  /** What is revealed, in real units: logits of the next token, or of classes; a row for each token; a text's vector. */
  readonly output: readonly number[];
  /** Columns of a row of it. */
  readonly width: number;
  /** What it says. */
  readonly reading: Reading;
}

/** The clear models of a prepared folder. */
export class ClearModel {
  /** Public numbers of the model, for texts of any length. */
  readonly model: Omit<ModelSpec, "maxPositions">;
  readonly #folded: FoldedModel;
  readonly #weights: ReadonlyMap<string, { readonly data: Int32Array }>;
  readonly #tokenizer: ReturnType<typeof createTokenizer> | null;

  private constructor(
    model: ClearModel["model"],
    parts: {
      folded: FoldedModel;
      weights: ReadonlyMap<string, { readonly data: Int32Array }>;
      tokenizer: ReturnType<typeof createTokenizer> | null;
    },
  ) {
    this.model = model;
    this.#folded = parts.folded;
    this.#weights = parts.weights;
    this.#tokenizer = parts.tokenizer;
  }

  /** Reads a prepared model. */
  static async read(files: ModelFiles): Promise<ClearModel> {
    const { scope, config, scales } = await readPrepared(files), found = await readTokenizerFiles(files);
    const folded = await collectFolded(await readWeights(files)),
      model = { scope, config, scales, rounding: "nearest" } as const;
    const weights = await collectIntegers(model, memorySource(folded));
    return new ClearModel(model, {
      folded,
      weights,
      tokenizer: found && createTokenizer(found.tokenizerJson, found.configJson),
    });
  }

  /** The tokens of what is asked. */
  encode(asked: Exclude<Ask, { readonly states: Float32Array }>): EncodedText {
    return encodedOf(asked, this.model.config, this.#tokenizer);
  }

  /**
   * The answer in fixed point, or the float model's.
   *
   * @param options `float`: the float model's. `dimensions`: values of an embedding that are kept.
   */
  answer(
    encoded: EncodedText,
    texts: readonly string[],
    options: { readonly float?: boolean; readonly dimensions?: number | undefined } = {},
  ): ClearAnswer {
    const { config } = this.model, { ids } = encoded, types = config.typeCount > 1 ? encoded.types : [];
    const values = options.float === true ? this.#float(ids, types) : this.#fixed(ids, types);
    const { dimensions } = options, reading = readingOf(config, values, { encoded, texts, dimensions });
    if (reading.kind === "embedding") return { encoded, output: reading.vector, width: reading.vector.length, reading };
    return { encoded, output: values, width: config.head.outputs || values.length, reading };
  }

  #fixed(ids: readonly number[], types: readonly number[]): number[] {
    const model: ModelSpec = { ...this.model, maxPositions: Math.max(2, ids.length) },
      { head, logitCap: cap } = model.config;
    const words = new Oracle(model, (name) => this.#weights.get(name)!.data).tokens(ids, ids.length, types);
    const one = 2 ** outputScale(model), more = head.outputs === 0 ? 1 : 0;
    const values = Array.from(words, (word) => word / one - more);
    return cap === null || head.answer !== "tokens" ? values : values.map((value) => cap * Math.tanh(value / cap));
  }

  #float(ids: readonly number[], types: readonly number[]): number[] {
    return Array.from(floatModel(this.#folded, () => {}, { types }).tokens(ids));
  }

  /** Whether the output has a row for each token. */
  get isEvery(): boolean {
    return answersEvery(this.model) && this.model.config.pooling === undefined;
  }
}
