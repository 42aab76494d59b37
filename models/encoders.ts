/**
 * The architectures that read a whole text at once, as data: fields and defaults are those of their classes in Hugging Face's
 * transformers.
 *
 * @module
 */

import type { Architecture, Switches } from "./architecture.ts";
import type { Answer } from "./model_config.ts";
import type { HeadNames, TensorNames } from "./tensor_names.ts";

type Heads = Readonly<Partial<Record<Answer, HeadNames>>>;

/** Classes of one family by the usual names. */
function classes(name: string): Architecture["classes"] {
  return {
    [`${name}Model`]: "body",
    [`${name}ForSequenceClassification`]: "classes",
    [`${name}ForTokenClassification`]: "tokenClasses",
    [`${name}ForQuestionAnswering`]: "spans",
    [`${name}ForMaskedLM`]: "masked",
    [`${name}ForPreTraining`]: "masked",
  };
}

const SWITCHES: Switches = {
  norm: "layer",
  gain: "weight",
  beta: true,
  normPlacement: "post",
  positions: "learned",
  causal: false,
  gated: false,
  embeddingNorm: true,
  finalNorm: false,
};

const BIASES = ["qkv", "out", "up", "down"] as const;

const FIELDS = {
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: "gelu",
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  position_embedding_type: "absolute",
  pad_token_id: 0,
  add_pooling_layer: null,
};

/** Heads that read every token. */
const EVERY: Heads = {
  tokenClasses: { rows: "every", out: "classifier" },
  spans: { rows: "every", out: "qa_outputs" },
  hidden: { rows: "every" },
};

const POOLED: HeadNames = { rows: "first", dense: "~pooler.dense", activation: "tanh_plus_1" };

const BERT_HEADS: Heads = { ...EVERY, classes: { ...POOLED, out: "classifier" }, pooled: POOLED };

/** A dense layer and another, without a pooler between. */
const OUT_PROJ: HeadNames = {
  rows: "first",
  dense: "classifier.dense",
  activation: "tanh_plus_1",
  out: "classifier.out_proj",
};

const TENSORS: TensorNames = {
  embed: "embeddings.word_embeddings",
  positions: "embeddings.position_embeddings",
  types: "embeddings.token_type_embeddings",
  embedNorm: "embeddings.LayerNorm",
  block: "encoder.layer.{}.",
  q: "attention.self.query",
  k: "attention.self.key",
  v: "attention.self.value",
  out: "attention.output.dense",
  norm1: "attention.output.LayerNorm",
  up: "intermediate.dense",
  down: "output.dense",
  norm2: "output.LayerNorm",
};

/** What files of bases have beside the body, and files of one head beside another's. */
const UNREAD = [
  /(^|\.)(position_ids|token_type_ids)$/,
  /^(cls|lm_head|vocab_transform|vocab_layer_norm|vocab_projector|generator_predictions|generator_lm_head|discriminator_predictions|predictions|sop_classifier)\./,
  /(^|\.)pooler\./,
];

/** A BERT with other names, defaults or switches. */
function bert(name: string, change: Partial<Architecture> = {}): Architecture {
  const { fields, switches, ...rest } = change;
  return {
    classes: classes(name),
    prefix: `${name.toLowerCase()}.`,
    fields: { ...FIELDS, ...fields },
    switches: { ...SWITCHES, ...switches },
    biases: BIASES,
    tensors: TENSORS,
    heads: BERT_HEADS,
    unread: UNREAD,
    // Says for a base whether its file has a pooler; answers that read one need it, others do not.
    also: { add_pooling_layer: [true, false] },
    ...rest,
  };
}

/** RoBERTa: the rows of positions begin after the padding token's. */
function roberta(name: string, fields: Record<string, unknown>): Architecture {
  return bert(name, {
    prefix: "roberta.",
    fields: { pad_token_id: 1, bos_token_id: 0, eos_token_id: 2, ...fields },
    switches: { positionOffset: 1 },
    heads: { ...EVERY, classes: OUT_PROJ, pooled: POOLED },
  });
}

/** Every architecture that reads a text whole. */
export const ENCODERS: readonly Architecture[] = [
  bert("Bert"),
  bert("Ernie", { fields: { task_type_vocab_size: 3, use_task_id: false }, harmless: ["task_type_vocab_size"] }),
  roberta("Roberta", { vocab_size: 50265 }),
  roberta("XLMRoberta", {}),
  roberta("Camembert", {}),
  bert("DistilBert", {
    prefix: "distilbert.",
    fields: {
      ...Object.fromEntries(Object.keys(FIELDS).map((name) => [name, undefined])),
      vocab_size: 30522,
      max_position_embeddings: 512,
      n_layers: 6,
      n_heads: 12,
      dim: 768,
      hidden_dim: 3072,
      activation: "gelu",
      pad_token_id: 0,
      sinusoidal_pos_embds: false,
    },
    switches: { normEps: 1e-12 },
    tensors: {
      ...TENSORS,
      types: undefined,
      block: "transformer.layer.{}.",
      q: "attention.q_lin",
      k: "attention.k_lin",
      v: "attention.v_lin",
      out: "attention.out_lin",
      norm1: "sa_layer_norm",
      up: "ffn.lin1",
      down: "ffn.lin2",
      norm2: "output_layer_norm",
    },
    heads: { ...EVERY, classes: { rows: "first", dense: "pre_classifier", activation: "relu", out: "classifier" } },
    // The table is stored either way.
    also: { sinusoidal_pos_embds: [true] },
  }),
  bert("Electra", {
    fields: { embedding_size: 128, hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024 },
    tensors: { ...TENSORS, project: "embeddings_project" },
    heads: { ...EVERY, classes: { ...OUT_PROJ, activation: "gelu" } },
  }),
  bert("Albert", {
    fields: {
      vocab_size: 30000,
      embedding_size: 128,
      hidden_size: 4096,
      num_hidden_groups: 1,
      num_attention_heads: 64,
      intermediate_size: 16384,
      inner_group_num: 1,
      hidden_act: "gelu_new",
      bos_token_id: 2,
      eos_token_id: 3,
    },
    tensors: {
      ...TENSORS,
      project: "encoder.embedding_hidden_mapping_in",
      block: "encoder.albert_layer_groups.{}.albert_layers.0.",
      q: "attention.query",
      k: "attention.key",
      v: "attention.value",
      out: "attention.dense",
      norm1: "attention.LayerNorm",
      up: "ffn",
      down: "ffn_output",
      norm2: "full_layer_layer_norm",
    },
    heads: {
      ...EVERY,
      classes: { ...POOLED, dense: "~pooler", out: "classifier" },
      pooled: { ...POOLED, dense: "~pooler" },
    },
    harmless: ["net_structure_type", "gap_size", "num_memory_blocks", "down_scale_factor"],
  }),
  bert("MPNet", {
    fields: {
      vocab_size: 30527,
      type_vocab_size: undefined,
      relative_attention_num_buckets: 32,
      pad_token_id: 1,
      bos_token_id: 0,
      eos_token_id: 2,
    },
    switches: { positionOffset: 1, scoreBias: { kind: "buckets", buckets: 32, maxDistance: 128, factor: 1 } },
    tensors: {
      ...TENSORS,
      types: undefined,
      scoreBias: "encoder.relative_attention_bias",
      q: "attention.attn.q",
      k: "attention.attn.k",
      v: "attention.attn.v",
      out: "attention.attn.o",
      norm1: "attention.LayerNorm",
    },
    heads: { ...EVERY, classes: OUT_PROJ, pooled: POOLED },
  }),
  {
    classes: classes("ModernBert"),
    prefix: "model.",
    fields: {
      vocab_size: 50368,
      hidden_size: 768,
      intermediate_size: 1152,
      num_hidden_layers: 22,
      num_attention_heads: 12,
      hidden_activation: "gelu",
      max_position_embeddings: 8192,
      norm_eps: 1e-5,
      norm_bias: false,
      global_rope_theta: 160000,
      local_rope_theta: 10000,
      attention_bias: false,
      mlp_bias: false,
      global_attn_every_n_layers: 3,
      local_attention: 128,
      layer_types: null,
      classifier_pooling: "cls",
      classifier_bias: false,
      classifier_activation: "gelu",
      position_embedding_type: "absolute",
      pad_token_id: 50283,
      bos_token_id: 50281,
      eos_token_id: 50282,
    },
    switches: {
      ...SWITCHES,
      beta: false,
      normPlacement: "pre",
      positions: "rotary",
      gated: true,
      firstNorm: false,
      finalNorm: true,
    },
    tensors: {
      embed: "embeddings.tok_embeddings",
      embedNorm: "embeddings.norm",
      block: "layers.{}.",
      norm1: "attn_norm",
      qkv: "attn.Wqkv",
      out: "attn.Wo",
      norm2: "mlp_norm",
      gateUp: "mlp.Wi",
      down: "mlp.Wo",
      finalNorm: "final_norm",
    },
    fused: "whole",
    heads: {
      hidden: { rows: "every" },
      classes: modernHead("first"),
      tokenClasses: modernHead("every"),
      spans: modernHead("every"),
    },
    variants: [
      { when: { norm_bias: true }, switches: { beta: true } },
      { when: { attention_bias: true }, biases: ["qkv", "out"] },
      { when: { mlp_bias: true }, biases: ["up", "down"] },
    ],
    unread: [/^decoder\./, /^head\./],
    localAngles: true,
    harmless: [
      "layer_norm_eps",
      "decoder_bias",
      "deterministic_flash_attn",
      "sparse_prediction",
      "sparse_pred_ignore_index",
      "reference_compile",
      "repad_logits_with_grad",
      "initializer_cutoff_factor",
      "tie_word_embeddings",
      "cls_token_id",
      "sep_token_id",
    ],
  },
  {
    classes: classes("NomicBert"),
    prefix: "nomic_bert.",
    fields: {
      vocab_size: 30528,
      hidden_size: 768,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      intermediate_size: 3072,
      head_dim: null,
      hidden_act: "swiglu",
      max_position_embeddings: 8192,
      type_vocab_size: 2,
      layer_norm_eps: 1e-12,
      rotary_emb_base: 1000,
      rotary_emb_fraction: 1,
      rotary_emb_interleaved: false,
      rotary_emb_scale_base: null,
      rotary_scaling_factor: null,
      prenorm: false,
      causal: false,
      parallel_block: false,
      use_rms_norm: false,
      qkv_proj_bias: false,
      mlp_fc1_bias: false,
      mlp_fc2_bias: false,
      scale_attn_weights: true,
      scale_attn_by_inverse_layer_idx: false,
      reorder_and_upcast_attn: false,
      add_pooling_layer: null,
      pad_token_id: 0,
      tie_word_embeddings: true,
    },
    switches: { ...SWITCHES, positions: "rotary", gated: true },
    tensors: {
      embed: "embeddings.word_embeddings",
      types: "embeddings.token_type_embeddings",
      embedNorm: "emb_ln",
      block: "encoder.layers.{}.",
      qkv: "attn.Wqkv",
      out: "attn.out_proj",
      norm1: "norm1",
      up: "mlp.fc11",
      gate: "mlp.fc12",
      down: "mlp.fc2",
      norm2: "norm2",
    },
    fused: "whole",
    heads: { hidden: { rows: "every" }, classes: { ...POOLED, out: "classifier" } },
    variants: [
      { when: { qkv_proj_bias: true }, biases: ["qkv", "out"] },
      { when: { mlp_fc1_bias: true }, biases: ["up"] },
      { when: { mlp_fc2_bias: true }, biases: ["down"] },
      { when: { rotary_emb_interleaved: true }, switches: { rotaryPairs: "neighbours" } },
    ],
    also: { add_pooling_layer: [false, true], reorder_and_upcast_attn: [true] },
    unread: UNREAD,
    harmless: [
      "dense_seq_output",
      "fused_bias_fc",
      "fused_dropout_add_ln",
      "use_flash_attn",
      "use_xentropy",
      "last_layer_subset",
      "pad_vocab_size_multiple",
      "max_trained_positions",
      "n_ctx",
    ],
  },
  {
    classes: { T5EncoderModel: "body" },
    prefix: "",
    fields: {
      vocab_size: 32128,
      d_model: 512,
      d_kv: 64,
      d_ff: 2048,
      num_layers: 6,
      num_heads: 8,
      relative_attention_num_buckets: 32,
      relative_attention_max_distance: 128,
      layer_norm_epsilon: 1e-6,
      feed_forward_proj: "relu",
      n_positions: 512,
      pad_token_id: 0,
      eos_token_id: 1,
    },
    switches: {
      ...SWITCHES,
      norm: "rms",
      beta: false,
      normPlacement: "pre",
      positions: "none",
      embeddingNorm: false,
      finalNorm: true,
      scoreFactor: 1,
      scoreBias: { kind: "buckets", buckets: 32, maxDistance: 128, factor: 1 },
    },
    tensors: {
      embed: "shared",
      scoreBias: "encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
      block: "encoder.block.{}.",
      norm1: "layer.0.layer_norm",
      q: "layer.0.SelfAttention.q",
      k: "layer.0.SelfAttention.k",
      v: "layer.0.SelfAttention.v",
      out: "layer.0.SelfAttention.o",
      norm2: "layer.1.layer_norm",
      up: "layer.1.DenseReluDense.wi",
      down: "layer.1.DenseReluDense.wo",
      finalNorm: "encoder.final_layer_norm",
    },
    heads: { hidden: { rows: "every" } },
    variants: [
      {
        when: { feed_forward_proj: "gated-gelu" },
        switches: { gated: true, activation: "gelu_tanh" },
        tensors: { gate: "layer.1.DenseReluDense.wi_0", up: "layer.1.DenseReluDense.wi_1" },
      },
      {
        when: { feed_forward_proj: "gated-silu" },
        switches: { gated: true, activation: "silu" },
        tensors: { gate: "layer.1.DenseReluDense.wi_0", up: "layer.1.DenseReluDense.wi_1" },
      },
      { when: { feed_forward_proj: "relu" }, switches: { activation: "relu" } },
    ],
    harmless: [
      "dense_act_fn",
      "is_gated_act",
      "num_decoder_layers",
      "tie_word_embeddings",
      "is_encoder_decoder",
      "decoder_start_token_id",
      "scale_decoder_outputs",
      "is_decoder",
    ],
    unread: [/^decoder\./, /^lm_head\./, /^encoder\.embed_tokens\./],
  },
];

function modernHead(rows: "first" | "every"): HeadNames {
  return { rows, dense: "head.dense", denseBias: false, activation: "gelu", norm: "head.norm", out: "classifier" };
}
