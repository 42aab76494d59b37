import { type Fields, geluOf, headsOf, tokenIds } from "./fields.ts";
import type { TensorSpec } from "./model_config.ts";
import type { ModelConfig } from "./model_config.ts";
import { GPT_END_OF_TEXT, GPT_FORWARD, gptTensors } from "./gpt2.ts";

/**
 * Reads a GPT-Neo `config.json`. Absent optional fields take the defaults of the Hugging Face class. Its scores are not
 * divided by sqrt(D).
 *
 * @throws {ModelError} If a field is missing or ill-typed, the numbers do not fit one another, or a feature is set that
 * the secure forward pass does not have.
 */
export function parseGptNeoConfig(fields: Fields, architecture: string): ModelConfig {
  const layers = fields.integer("num_layers");
  const { hiddenWidth, heads, headWidth } = headsOf(fields, { heads: "num_heads", width: "hidden_size" });
  const vocabCount = fields.integer("vocab_size");
  return {
    ...GPT_FORWARD,
    architecture,
    family: "gpt-neo",
    windows: windowsOf(fields, layers),
    activation: geluOf(fields, "activation_function", "gelu_new"),
    layers,
    hiddenWidth,
    heads,
    kvHeads: heads,
    headWidth,
    ffnWidth: fields.integer("intermediate_size", { fallback: 4 * hiddenWidth }),
    vocabCount,
    maxPositions: fields.integer("max_position_embeddings"),
    normEps: fields.positive("layer_norm_epsilon", 1e-5),
    tiedEmbeddings: fields.flag("tie_word_embeddings", true),
    ...tokenIds(fields, { vocabCount, fallback: GPT_END_OF_TEXT }),
  };
}

/** Expands `attention_types`, a list of (pattern, repetitions), to a window per block. */
function windowsOf(fields: Fields, layers: number): (number | null)[] {
  const window = fields.integer("window_size", { fallback: 256 });
  const types = fields.raw("attention_types");
  const groups: readonly unknown[] = Array.isArray(types) ? types : [];
  const kinds = groups.flatMap((group: unknown): unknown[] => {
    const [pattern, count]: unknown[] = Array.isArray(group) ? group : [];
    // The bound keeps a hostile count from filling the memory before the length is compared.
    const fits = Array.isArray(pattern) && Number.isSafeInteger(count) && (count as number) >= 1 &&
      (count as number) * pattern.length <= layers;
    return fits ? Array.from({ length: count as number }, () => pattern as unknown[]).flat() : [undefined];
  });
  if (kinds.length !== layers || kinds.some((kind) => kind !== "global" && kind !== "local")) {
    throw fields.error("attention_types", `must name "global" or "local" for each of ${layers} layers`, types);
  }
  return kinds.map((kind) => kind === "local" ? window : null);
}

/** Lists a GPT-Neo checkpoint's tensors: matrices have shape (outputs, inputs); query, key and value have no bias. */
export function gptNeoTensors(config: ModelConfig): TensorSpec[] {
  const { hiddenWidth: C, ffnWidth: F } = config;
  return gptTensors(config, (add) => {
    add("ln_1", [C], "one");
    for (const part of ["q", "k", "v"]) add(`attn.attention.${part}_proj`, [C, C], "normal", { biasWidth: 0 });
    add("attn.attention.out_proj", [C, C], "residual");
    add("ln_2", [C], "one");
    add("mlp.c_fc", [F, C], "normal", { biasWidth: F });
    add("mlp.c_proj", [C, F], "residual", { biasWidth: C });
  });
}
