import type { ModelConfig } from "./model_config.ts";
import { ModelError } from "../core/errors.ts";
import { describe, Fields, isJsonObject, type JsonObject, parseJsonObject } from "./fields.ts";
import { architectureOf, knownArchitectures } from "./architectures.ts";

/**
 * Parses a Hugging Face `config.json`.
 *
 * @param bytes The file's bytes.
 * @throws {ModelError} If the architecture is unknown, a field is missing or ill-typed, the numbers do not fit one
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
export function parseModelConfig(bytes: Uint8Array): ModelConfig {
  return modelConfigFrom(parseJsonObject(bytes, "config.json"));
}

/**
 * Reads a model's config from a JSON value that was parsed already.
 *
 * @param json The object of a `config.json`.
 * @throws {ModelError} As {@linkcode parseModelConfig}.
 */
export function modelConfigFrom(json: unknown): ModelConfig {
  if (!isJsonObject(json)) {
    throw new ModelError(`Cannot read config.json as it must hold a JSON object: received ${describe(json)}`);
  }
  const architecture = architectureName(json);
  return architectureOf(architecture).parse(new Fields(json, "config.json"), architecture);
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
