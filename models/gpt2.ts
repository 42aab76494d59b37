import { type Fields, geluOf, headsOf, tokenIds } from "./fields.ts";
import type { TensorSpec } from "./model_config.ts";
import type { ModelConfig } from "./model_config.ts";

/** What every GPT-2 and GPT-Neo has in common. */
export const GPT_FORWARD = {
  norm: "layer",
  normPlacement: "pre",
  positions: "learned",
  causal: true,
  gated: false,
  head: "tokens",
  classCount: 0,
  labels: [],
  ropeTheta: 0,
} as const satisfies Partial<ModelConfig>;

/** The token that begins and ends a text in OpenAI's vocabulary: the class's default for both. */
export const GPT_END_OF_TEXT = 50256;

/**
 * Reads a GPT-2 `config.json`. Absent optional fields take the defaults of the Hugging Face class.
 *
 * @throws {ModelError} If a field is missing or ill-typed, the numbers do not fit one another, or a feature is set that
 * the secure forward pass does not have (other scalings of scores, cross attention, another activation).
 */
export function parseGpt2Config(fields: Fields, architecture: string): ModelConfig {
  fields.only("scale_attn_weights", [true]);
  fields.only("scale_attn_by_inverse_layer_idx", [false]);
  fields.only("reorder_and_upcast_attn", [false]);
  fields.only("add_cross_attention", [false]);

  const layers = fields.integer("n_layer");
  const { hiddenWidth, heads, headWidth } = headsOf(fields, { heads: "n_head", width: "n_embd" });
  const vocabCount = fields.integer("vocab_size");
  return {
    ...GPT_FORWARD,
    architecture,
    family: "gpt2",
    windows: new Array(layers).fill(null),
    activation: geluOf(fields, "activation_function", "gelu_new"),
    layers,
    hiddenWidth,
    heads,
    kvHeads: heads,
    headWidth,
    ffnWidth: fields.integer("n_inner", { fallback: 4 * hiddenWidth }),
    vocabCount,
    maxPositions: fields.integer("n_positions"),
    normEps: fields.positive("layer_norm_epsilon", 1e-5),
    tiedEmbeddings: fields.flag("tie_word_embeddings", true),
    ...tokenIds(fields, { vocabCount, fallback: GPT_END_OF_TEXT }),
  };
}

/** Lists a GPT-2 checkpoint's tensors: matrices of a block have shape (inputs, outputs), and query, key and value are one. */
export function gpt2Tensors(config: ModelConfig): TensorSpec[] {
  const { hiddenWidth: C, ffnWidth: F } = config;
  return gptTensors(config, (add) => {
    add("ln_1", [C], "one");
    add("attn.c_attn", [C, 3 * C], "normal");
    add("attn.c_proj", [C, C], "residual");
    add("ln_2", [C], "one");
    add("mlp.c_fc", [C, F], "normal");
    add("mlp.c_proj", [F, C], "residual");
  });
}

/** Adds a weight and, unless told otherwise, its bias. */
export type AddTensor = (
  name: string,
  shape: readonly number[],
  initial: TensorSpec["initial"],
  options?: { biasWidth?: number },
) => void;

/** Lists the tensors that GPT-2 and GPT-Neo share, and those of every block between them. */
export function gptTensors(config: ModelConfig, block: (add: AddTensor) => void): TensorSpec[] {
  const { hiddenWidth: C, vocabCount: V, maxPositions, layers } = config;
  const specs: TensorSpec[] = [
    { name: "transformer.wte.weight", shape: [V, C], initial: "normal" },
    { name: "transformer.wpe.weight", shape: [maxPositions, C], initial: "normal" },
  ];
  const addTo = (prefix: string): AddTensor => (name, shape, initial, options = {}) => {
    const { biasWidth = shape.at(-1)! } = options;
    specs.push({ name: `${prefix}${name}.weight`, shape, initial });
    if (biasWidth > 0) specs.push({ name: `${prefix}${name}.bias`, shape: [biasWidth], initial: "zero" });
  };
  for (let layer = 0; layer < layers; layer++) block(addTo(`transformer.h.${layer}.`));
  addTo("transformer.")("ln_f", [C], "one");
  if (!config.tiedEmbeddings) specs.push({ name: "lm_head.weight", shape: [V, C], initial: "normal" });
  return specs;
}
