import { type Fields, tokenIds } from "./fields.ts";
import type { TensorSpec } from "./model_config.ts";
import type { ModelConfig } from "./model_config.ts";

/** What every Llama has in common. */
export const LLAMA_FORWARD = {
  family: "llama",
  norm: "rms",
  normPlacement: "pre",
  positions: "rotary",
  causal: true,
  activation: "silu",
  gated: true,
  head: "tokens",
  classCount: 0,
  labels: [],
} as const satisfies Partial<ModelConfig>;

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

  const layers = fields.integer("num_hidden_layers");
  const vocabCount = fields.integer("vocab_size");
  return {
    ...LLAMA_FORWARD,
    architecture,
    windows: new Array(layers).fill(null),
    layers,
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
    ...tokenIds(fields, { vocabCount }),
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

/** Lists a Llama checkpoint's tensors: matrices of shape (outputs, inputs), no biases. */
export function llamaTensors(config: ModelConfig): TensorSpec[] {
  const { hiddenWidth: C, ffnWidth: F, vocabCount: V, layers } = config;
  const queryWidth = config.heads * config.headWidth;
  const kvWidth = config.kvHeads * config.headWidth;
  const specs: TensorSpec[] = [{ name: "model.embed_tokens.weight", shape: [V, C], initial: "normal" }];
  for (let layer = 0; layer < layers; layer++) {
    const add = (name: string, shape: readonly number[], initial: TensorSpec["initial"]): void => {
      specs.push({ name: `model.layers.${layer}.${name}.weight`, shape, initial });
    };
    add("input_layernorm", [C], "one");
    add("self_attn.q_proj", [queryWidth, C], "normal");
    add("self_attn.k_proj", [kvWidth, C], "normal");
    add("self_attn.v_proj", [kvWidth, C], "normal");
    add("self_attn.o_proj", [C, queryWidth], "residual");
    add("post_attention_layernorm", [C], "one");
    add("mlp.gate_proj", [F, C], "normal");
    add("mlp.up_proj", [F, C], "normal");
    add("mlp.down_proj", [C, F], "residual");
  }
  specs.push({ name: "model.norm.weight", shape: [C], initial: "one" });
  if (!config.tiedEmbeddings) specs.push({ name: "lm_head.weight", shape: [V, C], initial: "normal" });
  return specs;
}
