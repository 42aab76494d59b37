import type { Fields } from "./_fields.ts";
import type { ModelConfig } from "./config.ts";

/**
 * Reads a Llama-family `config.json`. Absent optional fields take the defaults of the Hugging Face class.
 *
 * @throws {ModelError} If a field is missing or ill-typed, the numbers do not fit one another, or a feature is set that
 * the secure forward pass does not have (scaled rotary angles, biases, another activation).
 */
export function parseLlamaConfig(fields: Fields, architecture: string): ModelConfig {
  fields.only("hidden_act", ["silu"]);
  fields.only("attention_bias", [false]);
  fields.only("mlp_bias", [false]);

  const hiddenWidth = fields.integer("hidden_size");
  const heads = fields.integer("num_attention_heads");
  const kvHeads = fields.integer("num_key_value_heads", { fallback: heads });
  if (heads % kvHeads !== 0) {
    throw fields.error("num_key_value_heads", `must divide num_attention_heads, ${heads}`, kvHeads);
  }
  if (fields.raw("head_dim") === undefined && hiddenWidth % heads !== 0) {
    throw fields.error("hidden_size", `must be a multiple of num_attention_heads, ${heads}`, hiddenWidth);
  }
  const headWidth = fields.integer("head_dim", { fallback: hiddenWidth / heads });
  if (headWidth % 2 !== 0) throw fields.error("head_dim", "must be even", headWidth);

  const vocabCount = fields.integer("vocab_size");
  const [bosTokenId] = tokenIds(fields, "bos_token_id", vocabCount);
  const stopTokenIds = tokenIds(fields, "eos_token_id", vocabCount);
  const [eosTokenId] = stopTokenIds;
  return {
    architecture,
    layers: fields.integer("num_hidden_layers"),
    hiddenWidth,
    heads,
    kvHeads,
    headWidth,
    ffnWidth: fields.integer("intermediate_size"),
    vocabCount,
    maxPositions: fields.integer("max_position_embeddings"),
    normEps: fields.positive("rms_norm_eps"),
    ropeTheta: ropeTheta(fields),
    tiedEmbeddings: fields.flag("tie_word_embeddings", false),
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
    ...(eosTokenId === undefined ? {} : { eosTokenId }),
    stopTokenIds,
  };
}

/** Returns the base of the rotary angles from the older field or the newer `rope_parameters`; refuses scaled angles. */
function ropeTheta(fields: Fields): number {
  const scaling = fields.object("rope_scaling");
  const parameters = fields.object("rope_parameters");
  for (const part of [scaling, parameters]) {
    part?.only("type", ["default"]);
    part?.only("rope_type", ["default"]);
    part?.only("factor", [1]);
    part?.only("partial_rotary_factor", [1]);
  }
  return parameters?.raw("rope_theta") === undefined
    ? fields.positive("rope_theta", 10000)
    : parameters.positive("rope_theta");
}

/** Returns a field that holds no token id, one, or a list of them. */
function tokenIds(fields: Fields, name: string, vocabCount: number): number[] {
  const value = fields.raw(name);
  const ids: readonly unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  for (const id of ids) {
    if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= vocabCount) {
      throw fields.error(name, `must be a token id from 0 to ${vocabCount - 1}`, id);
    }
  }
  return ids as number[];
}
