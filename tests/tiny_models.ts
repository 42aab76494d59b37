/**
 * Models of every family that are small enough to be dealt and run in milliseconds. Their sizes are no powers of two.
 *
 * @module
 */

import type { ModelConfig } from "../models/model_config.ts";
import { collectFolded, foldModel } from "../models/fold.ts";
import type { FoldedModel } from "../models/matrices.ts";
import type { Answer } from "../models/model_config.ts";
import { modelConfigFrom } from "../models/config.ts";
import { encodeSafetensors, type Tensor } from "../models/safetensors.ts";
import { checkpointShapes, syntheticInput, syntheticWeights } from "../models/synthetic.ts";
import type { WeightSource } from "../models/weights.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelScope, ModelSpec } from "../pipeline/forward/model_spec.ts";
import { defaultScales, type Scales } from "../pipeline/forward/scales.ts";

/** Sizes by Hugging Face's usual names. */
const SIZES = {
  vocab_size: 11,
  hidden_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 30,
  max_position_embeddings: 9,
};

/** Sizes by GPT-2's names. */
const GPT_SIZES = { vocab_size: 11, n_embd: 20, n_layer: 2, n_head: 2, n_inner: 30, n_positions: 9 };

/** A small model of a class. */
function tiny(name: string, fields: Record<string, unknown>, answer?: Answer): ModelConfig {
  return modelConfigFrom({ architectures: [name], ...fields }, { answer });
}

const BERT = { ...SIZES, layer_norm_eps: 1e-12 };
const GPT_NEO = {
  vocab_size: 11,
  hidden_size: 20,
  num_layers: 3,
  num_heads: 2,
  intermediate_size: 30,
  max_position_embeddings: 9,
  attention_layers: ["global", "local", "local"],
  window_size: 3,
};

/** A Llama of two layers whose query heads share one head of keys and values. */
export const TINY_LLAMA: ModelConfig = tiny("LlamaForCausalLM", {
  ...SIZES,
  num_key_value_heads: 1,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  bos_token_id: null,
  eos_token_id: null,
});

/** One model of each head of BERT, and of the older families whose norms are LayerNorms, by name. */
export const TINY_MODELS = {
  "GPT-2": tiny("GPT2LMHeadModel", GPT_SIZES),
  "GPT-2 with the erf form": tiny("GPT2LMHeadModel", { ...GPT_SIZES, n_layer: 1, activation_function: "gelu" }),
  "GPT-Neo": tiny("GPTNeoForCausalLM", GPT_NEO),
  "BERT": tiny("BertModel", BERT),
  "BERT without a pooler": tiny("BertModel", BERT, "hidden"),
  "BERT classifier": tiny("BertForSequenceClassification", { ...BERT, num_labels: 3 }),
} as const satisfies Record<string, ModelConfig>;

/** One model for each switch that these do not use, by name. */
export const TINY_SWITCHES = {
  "Qwen3: norms of every head": tiny("Qwen3ForCausalLM", { ...SIZES, num_key_value_heads: 1, head_dim: 12 }),
  "OLMo 2: norms after the parts, of all heads": tiny("Olmo2ForCausalLM", SIZES),
  "Gemma 3: norms around the parts, windows with their own angles": tiny("Gemma3ForCausalLM", {
    ...SIZES,
    num_key_value_heads: 1,
    head_dim: 10,
    sliding_window: 3,
    layer_types: ["sliding_attention", "full_attention"],
  }),
  "Phi: parts side by side with one norm, some columns turn": tiny("PhiForCausalLM", {
    ...SIZES,
    partial_rotary_factor: 0.4,
  }),
  "Pythia: parts side by side with two norms": tiny("GPTNeoXForCausalLM", { ...SIZES, rotary_pct: 0.4 }),
  "BLOOM: slopes": tiny("BloomForCausalLM", { vocab_size: 11, hidden_size: 20, n_layer: 2, n_head: 2, seq_length: 9 }),
  "OPT-350m: norms after sums, projections, ReLU": tiny("OPTForCausalLM", {
    ...SIZES,
    intermediate_size: undefined,
    ffn_dim: 30,
    do_layer_norm_before: false,
    word_embed_proj_dim: 12,
  }),
  "Arcee: squared ReLU": tiny("ArceeForCausalLM", SIZES),
  "ModernBERT: windows to both sides, a head with a norm": tiny("ModernBertForSequenceClassification", {
    ...SIZES,
    num_hidden_layers: 3,
    local_attention: 4,
  }),
  "ModernBERT's classes of tokens": tiny("ModernBertForTokenClassification", { ...SIZES, num_hidden_layers: 1 }),
  "MPNet: buckets of distances": tiny("MPNetForTokenClassification", { ...SIZES, max_position_embeddings: 11 }),
  "ALBERT: a narrow embedding": tiny("AlbertForSequenceClassification", { ...SIZES, embedding_size: 12 }),
  "DistilBERT: a dense layer with a ReLU": tiny("DistilBertForSequenceClassification", {
    vocab_size: 11,
    dim: 20,
    n_layers: 2,
    n_heads: 2,
    hidden_dim: 30,
    max_position_embeddings: 9,
  }),
  "ELECTRA: a dense layer with a GELU": tiny("ElectraForSequenceClassification", { ...SIZES, embedding_size: 20 }),
  "nomic: turned and gated, norms after sums": tiny("NomicBertModel", SIZES, "hidden"),
  "RoBERTa's spans": tiny("RobertaForQuestionAnswering", { ...SIZES, max_position_embeddings: 11, type_vocab_size: 1 }),
  "T5's encoder": tiny("T5EncoderModel", {
    vocab_size: 11,
    d_model: 20,
    d_kv: 10,
    d_ff: 30,
    num_layers: 2,
    num_heads: 2,
    n_positions: 9,
    feed_forward_proj: "gated-gelu",
  }),
  "A Llama that classifies": tiny("LlamaForSequenceClassification", { ...SIZES, num_labels: 3 }),
  "A Llama that names tokens": tiny("LlamaForTokenClassification", { ...SIZES, num_labels: 3 }),
} as const satisfies Record<string, ModelConfig>;

/** Synthetic weights that are large enough for every part to matter, with gammas, betas and biases of their own. */
export function livelyWeights(config: ModelConfig): WeightSource {
  const source = syntheticWeights(config, "float");
  return {
    has: source.has,
    names: source.names,
    tensor: async (name) => {
      const { shape, data } = await source.tensor(name), noise = syntheticInput(1, data.length, name);
      return { shape, data: data.map((value, i) => value + noise[i]! / 3) };
    },
  };
}

/** A model with these weights, folded. */
export async function livelyModel(config: ModelConfig): Promise<FoldedModel> {
  return await collectFolded(foldModel(config, livelyWeights(config)));
}

/** The files of a tiny BERT classifier whose words are `[PAD]`, `[UNK]` and `w2` to `w10`; it has no `[CLS]`. */
export async function tinyBert(): Promise<Record<string, Uint8Array>> {
  const config = TINY_MODELS["BERT classifier"], source = livelyWeights(config), tensors: Record<string, Tensor> = {};
  for (const name of checkpointShapes(config).keys()) tensors[name] = await source.tensor(name);
  const words = Array.from({ length: config.vocabCount }, (_, id) => ["[PAD]", "[UNK]"][id] ?? `w${id}`);
  const files = {
    "config.json": {
      architectures: [config.architecture],
      num_hidden_layers: config.layers,
      hidden_size: config.hiddenWidth,
      num_attention_heads: config.heads,
      intermediate_size: config.ffnWidth,
      vocab_size: config.vocabCount,
      max_position_embeddings: config.maxPositions,
      id2label: { 0: "low", 1: "middle", 2: "high" },
    },
    "tokenizer.json": {
      model: {
        type: "WordPiece",
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
        unk_token: "[UNK]",
      },
      pre_tokenizer: { type: "WhitespaceSplit" },
    },
  };
  const encode = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));
  return {
    "config.json": encode(files["config.json"]),
    "tokenizer.json": encode(files["tokenizer.json"]),
    "model.safetensors": encodeSafetensors(tensors),
  };
}

/** Writes {@linkcode tinyBert} into a folder. */
export async function writeTinyBert(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(await tinyBert())) await Deno.writeFile(`${folder}/${name}`, bytes);
}

/** The spec of a model at its default scales, or others. */
export function specOf(
  config: ModelConfig,
  maxPositions: number,
  { scope = "model", scales = defaultScales(config), rounding = "nearest" }: {
    scope?: ModelScope;
    scales?: Scales;
    rounding?: Rounding;
  } = {},
): ModelSpec {
  return { scope, config, scales, maxPositions, rounding };
}
