/**
 * Reads Hugging Face's `config.json`, of every architecture in the table, in the older and in the newer (v5) layout.
 *
 * Every field acts, is on a list of harmless ones, or is refused by name.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { type ActivationName, activationNamed, ACTIVATIONS } from "../core/protocols/activations.ts";
import { architectureOf, knownArchitectures } from "./architectures.ts";
import { rotaryOf, scoreBiasOf, windowsOf } from "./config_attention.ts";
import { ConfigReader } from "./config_reader.ts";
import { NAMES } from "./field_names.ts";
import { describe, isJsonObject, type JsonObject, parseJsonObject } from "./fields.ts";
import type { Answer, ModelConfig } from "./model_config.ts";

/** What to read a configuration for. */
export interface ConfigOptions {
  /** What the model shall answer, where it is not what its class says: a body's states for an embedding, for instance. */
  readonly answer?: Answer | undefined;
}

/**
 * Parses a Hugging Face `config.json`.
 *
 * @param bytes The file's bytes.
 * @throws {ModelError} If the architecture is unknown, a field is missing, ill-typed or unknown, the numbers do not fit one
 * another, or the model needs a feature that the secure forward pass does not have.
 *
 * @example The shape of a checkpoint
 * ```ts
 * import { parseModelConfig } from "sluice/models/config.ts";
 * import assert from "node:assert/strict";
 *
 * const json = { architectures: ["LlamaForCausalLM"], hidden_size: 64, intermediate_size: 172, num_hidden_layers: 5,
 *   num_attention_heads: 8, num_key_value_heads: 4, vocab_size: 512, max_position_embeddings: 512, rms_norm_eps: 1e-5 };
 * const config = parseModelConfig(new TextEncoder().encode(JSON.stringify(json)));
 *
 * assert.equal(config.headWidth, 8);
 * ```
 */
export function parseModelConfig(bytes: Uint8Array, options: ConfigOptions = {}): ModelConfig {
  return modelConfigFrom(parseJsonObject(bytes, "config.json"), options);
}

/**
 * Reads a model's config from a JSON value that was parsed already.
 *
 * @param json The object of a `config.json`.
 * @throws {ModelError} As {@linkcode parseModelConfig}.
 */
export function modelConfigFrom(json: unknown, options: ConfigOptions = {}): ModelConfig {
  if (!isJsonObject(json)) {
    throw new ModelError(`Cannot read config.json as it must hold a JSON object: received ${describe(json)}`);
  }
  if (isJsonObject(json["quantization_config"])) {
    throw new ModelError(
      "Cannot load model as its weights must be floats: received a quantised checkpoint " +
        `(quantization_config ${
          describe(json["quantization_config"]["quant_method"])
        }); take the model that it was made of`,
    );
  }
  const name = architectureName(json), reader = new ConfigReader(json, architectureOf(name));
  reader.fields.raw("architectures");
  const config = { ...readConfig(reader, name), ...readAnswer(reader, name, options.answer) };
  reader.assertRead();
  return config;
}

/** Returns the one entry of `architectures`; a config without that list cannot be told apart from another family's. */
function architectureName(json: JsonObject): string {
  const names = json["architectures"];
  const name: unknown = Array.isArray(names) && names.length === 1 ? names[0] : undefined;
  if (typeof name !== "string") {
    throw new ModelError(
      `Cannot read config.json as architectures must list exactly one of ${knownArchitectures().join(", ")}: ` +
        `received ${describe(names ?? undefined)}`,
    );
  }
  return name;
}

/** What a configuration says of the body. */
function readConfig(
  reader: ConfigReader,
  architecture: string,
): Omit<ModelConfig, "checkpoint" | "head" | "labels" | "scoring" | "biases"> {
  const { switches } = reader.row, layers = reader.integer("layers"), hiddenWidth = reader.integer("hiddenWidth");
  const vocabCount = reader.integer("vocabCount"),
    heads = headsOf(reader, hiddenWidth),
    windows = windowsOf(reader, layers);
  const scoreFactor = switches.scoreFactor ?? reader.optional("scoreFactor") ??
    1 / Math.sqrt(reader.optional("scoreScalar") ?? heads.headWidth);
  const rotary = switches.positions === "rotary" ? rotaryOf(reader, { headWidth: heads.headWidth, windows }) : null;
  const ids = tokenIds(reader, vocabCount), offset = switches.positionOffset ?? 0;
  // RoBERTa's first position follows the padding token's, and its table has rows for both.
  const positionOffset = offset === 1 ? 1 + (ids.padTokenId ?? 0) : offset, unused = offset === 1 ? positionOffset : 0;
  return {
    architecture,
    norm: "layer",
    gain: "weight",
    beta: true,
    normPlacement: "pre",
    branches: "serial",
    firstNorm: true,
    finalNorm: true,
    embeddingNorm: false,
    queryNorm: "none",
    positions: "learned",
    frequencies: [],
    rotaryKinds: [],
    rotaryWidth: 0,
    rotaryPairs: "halves",
    rotaryFactor: 1,
    scoresByLayer: false,
    causal: true,
    gated: false,
    ...switches,
    ...(rotary ?? {}),
    ...heads,
    ...ids,
    scoreFactor,
    scoreBias: scoreBiasOf(reader, scoreFactor),
    typeCount: reader.has("typeCount") ? reader.integer("typeCount", { min: 0 }) : 0,
    windows,
    activation: switches.activation ?? activationOf(reader),
    layers,
    hiddenWidth,
    embeddingWidth: reader.integer("embeddingWidth", { fallback: hiddenWidth }),
    ffnWidth: reader.integer("ffnWidth", { fallback: 4 * hiddenWidth }),
    vocabCount,
    maxPositions: (rotary?.maxPositions ?? reader.integer("maxPositions", { fallback: 2048 })) - unused,
    positionOffset,
    normEps: switches.normEps ?? reader.positive("normEps"),
    factors: {
      embedding: embeddingFactor(reader, hiddenWidth),
      residual: reader.optional("residualFactor") ?? 1,
      logits: (reader.optional("logitFactor") ?? 1) / (reader.optional("logitDivisor") ?? 1),
    },
    logitCap: reader.optional("logitCap"),
    layerGroups: reader.has("layerGroups") ? reader.integer("layerGroups") : 0,
    tiedEmbeddings: reader.flag("tied"),
  };
}

function headsOf(reader: ConfigReader, hiddenWidth: number): Pick<ModelConfig, "heads" | "kvHeads" | "headWidth"> {
  const heads = reader.integer("heads"),
    kvHeads = reader.row.switches.kvHeads ?? reader.integer("kvHeads", { fallback: heads });
  if (heads % kvHeads !== 0) throw reader.error("kvHeads", `must divide the count of heads, ${heads}`, kvHeads);
  if (reader.value("headWidth") === null && hiddenWidth % heads !== 0) {
    throw reader.error("hiddenWidth", `must be a multiple of the count of heads, ${heads}`, hiddenWidth);
  }
  const headWidth = reader.integer("headWidth", { fallback: hiddenWidth / heads });
  if (reader.row.switches.positions === "rotary" && headWidth % 2 !== 0) {
    throw reader.error("headWidth", "must be even", headWidth);
  }
  return { heads, kvHeads, headWidth };
}

function activationOf(reader: ConfigReader): ActivationName {
  const named = reader.value("activation"), name = activationNamed(named === "swiglu" ? "silu" : named);
  if (name !== undefined && name !== "tanh_plus_1") return name;
  const known = Object.values(ACTIVATIONS).flatMap((record): readonly string[] => record.names).filter((n) =>
    n !== "tanh"
  );
  throw reader.error("activation", `must be one of ${known.join(", ")}`, named);
}

function embeddingFactor(reader: ConfigReader, hiddenWidth: number): number {
  const scaled = reader.row.scaledEmbedding === true || reader.flag("scaleEmbedding");
  return reader.optional("embeddingFactor") ?? (scaled ? Math.sqrt(hiddenWidth) : 1);
}

/** Tokens that begin, end and fill up a text: absent, one id, or a list of them. */
function tokenIds(
  reader: ConfigReader,
  vocabCount: number,
): Pick<ModelConfig, "bosTokenId" | "eosTokenId" | "padTokenId" | "stopTokenIds"> {
  const causal = reader.row.switches.causal !== false;
  const read = (meaning: "bosTokenId" | "eosTokenId" | "padTokenId"): number[] => {
    const value = reader.value(meaning) ?? [], ids: readonly unknown[] = Array.isArray(value) ? value : [value];
    return ids.filter((id) => {
      if (Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabCount) return true;
      // A default of the class may lie beyond a smaller vocabulary, and generating models pad with what is no token.
      if (reader.fields.raw(NAMES[meaning][0]) === undefined || meaning === "padTokenId" && causal) return false;
      throw reader.error(meaning, `must be a token id from 0 to ${vocabCount - 1}`, id);
    }) as number[];
  };
  const [bosTokenId] = read("bosTokenId"), stopTokenIds = read("eosTokenId"), [padTokenId] = read("padTokenId");
  const [eosTokenId] = stopTokenIds;
  return {
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
    ...(eosTokenId === undefined ? {} : { eosTokenId }),
    ...(padTokenId === undefined ? {} : { padTokenId }),
    stopTokenIds: causal ? stopTokenIds : [],
  };
}

/** What the class answers, or what it is asked for. */
function readAnswer(
  reader: ConfigReader,
  name: string,
  asked: Answer | undefined,
): Pick<ModelConfig, "checkpoint" | "head" | "labels" | "scoring" | "biases"> {
  const { classes, heads, biases: own = [], prefix, tensors, order, fused } = reader.row, kind = classes[name]!;
  if (asked === undefined && kind === "masked") {
    throw new ModelError(
      `Cannot load model as ${name} fills in masked words, which nobody asks here: ask for its embedding, or take a class with another head`,
    );
  }
  const body = heads.pooled === undefined ? "hidden" : "pooled";
  const answer = asked ?? (kind === "body" || kind === "masked" ? body : kind), names = heads[answer];
  if (names === undefined || answer !== kind && names.out !== undefined) {
    throw new ModelError(`Cannot load model as ${name} must have a head that gives ${answer}: received another`);
  }
  const labels = answer === "classes" || answer === "tokenClasses" ? labelsOf(reader) : [];
  const outputs: Record<Answer, number> = {
    tokens: reader.integer("vocabCount"),
    classes: labels.length,
    tokenClasses: labels.length,
    spans: 2,
    pooled: 0,
    hidden: reader.integer("hiddenWidth"),
  };
  const isBiased = answer === "tokens" ? own.includes("head") : names.out !== undefined && names.bias !== false;
  const ofBlocks = own.filter((part) => part !== "head");
  return {
    checkpoint: {
      prefix,
      tensors,
      head: names,
      ...(order === undefined ? {} : { order }),
      ...(fused === undefined ? {} : { fused }),
    },
    head: {
      answer,
      rows: names.rows,
      dense: names.activation ?? null,
      norm: names.norm !== undefined,
      outputs: outputs[answer],
    },
    labels,
    scoring: scoringOf(reader, labels.length),
    biases: isBiased ? [...ofBlocks, "head"] : ofBlocks,
  };
}

function scoringOf({ fields }: ConfigReader, classCount: number): ModelConfig["scoring"] {
  const kinds = {
    multi_label_classification: "sigmoid",
    regression: "values",
    single_label_classification: "softmax",
  } as const;
  const kind = fields.raw("problem_type");
  if (kind === undefined) return classCount === 1 ? "values" : "softmax";
  if (!Object.hasOwn(kinds, kind as string)) {
    throw fields.error("problem_type", `must be one of ${Object.keys(kinds).join(", ")}`, kind);
  }
  return kinds[kind as keyof typeof kinds];
}

/** Returns the classes' names from `id2label`, or `LABEL_0` and so on for `num_labels` of them (2 unless told). */
function labelsOf({ fields }: ConfigReader): string[] {
  const named = fields.object("id2label");
  if (named === undefined) {
    return Array.from({ length: fields.integer("num_labels", { fallback: 2 }) }, (_, id) => `LABEL_${id}`);
  }
  const labels: string[] = [];
  for (let label = named.raw("0"); label !== undefined; label = named.raw(String(labels.length))) {
    if (typeof label !== "string") throw named.error(String(labels.length), "must be a name", label);
    labels.push(label);
  }
  if (labels.length === 0) throw fields.error("id2label", "must name class 0", undefined);
  return labels;
}
