/**
 * What Hugging Face's configurations call the numbers of a model, and which of their fields change nothing that a model answers.
 *
 * @module
 */

/** Names of a number, by what it means. */
export const NAMES = {
  hiddenWidth: ["hidden_size", "n_embd", "n_embed", "d_model", "dim"],
  layers: ["num_hidden_layers", "n_layer", "n_layers", "num_layers"],
  heads: ["num_attention_heads", "n_head", "n_heads", "num_heads"],
  kvHeads: ["num_key_value_heads", "num_kv_heads"],
  headWidth: ["head_dim", "d_kv"],
  ffnWidth: ["intermediate_size", "n_inner", "ffn_dim", "hidden_dim", "ffn_hidden_size", "d_ff"],
  vocabCount: ["vocab_size"],
  maxPositions: ["max_position_embeddings", "n_positions", "max_seq_len", "seq_length"],
  original: ["original_max_position_embeddings"],
  normEps: ["rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon"],
  activation: ["hidden_activation", "hidden_act", "activation_function", "activation"],
  theta: ["rope_theta", "rotary_emb_base", "global_rope_theta"],
  localTheta: ["rope_local_base_freq", "local_rope_theta"],
  scaling: ["rope_scaling"],
  partial: ["partial_rotary_factor", "rotary_pct", "rotary_emb_fraction"],
  rotaryWidth: ["rotary_dim"],
  noRopeLayers: ["no_rope_layers"],
  noRopeInterval: ["no_rope_layer_interval"],
  window: ["sliding_window", "window_size"],
  localWindow: ["local_attention"],
  useWindow: ["use_sliding_window"],
  windowFrom: ["max_window_layers"],
  pattern: ["sliding_window_pattern", "_sliding_window_pattern"],
  globalEvery: ["global_attn_every_n_layers"],
  layerTypes: ["layer_types"],
  attentionTypes: ["attention_types", "attention_layers"],
  embeddingWidth: ["embedding_size", "word_embed_proj_dim"],
  layerGroups: ["num_hidden_groups"],
  typeCount: ["type_vocab_size"],
  buckets: ["relative_attention_num_buckets"],
  maxDistance: ["relative_attention_max_distance"],
  scoreScalar: ["query_pre_attn_scalar"],
  scoreFactor: ["attention_multiplier"],
  embeddingFactor: ["embedding_multiplier"],
  scaleEmbedding: ["scale_embedding"],
  residualFactor: ["residual_multiplier"],
  logitFactor: ["logit_scale"],
  logitDivisor: ["logits_scaling"],
  logitCap: ["final_logit_softcapping"],
  tied: ["tie_word_embeddings"],
  padTokenId: ["pad_token_id"],
  bosTokenId: ["bos_token_id"],
  eosTokenId: ["eos_token_id"],
} as const satisfies Record<string, readonly string[]>;

/** What a number of a configuration means. */
export type Meaning = keyof typeof NAMES;

const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  Object.entries(NAMES).flatMap(([meaning, names]) => names.map((name) => [name, meaning as Meaning] as const)),
);

/** What a field means; undefined for one that is no number of the table above. */
export function meaningOf(name: string): Meaning | undefined {
  return MEANINGS.get(name);
}

/** Fields that every class knows, and the values with which they change nothing here. */
export const FIXED: Readonly<Record<string, readonly unknown[]>> = {
  is_decoder: [false],
  is_encoder_decoder: [false],
  add_cross_attention: [false],
  cross_attention_hidden_size: [],
};

/** Fields that say how a model is trained, stored, printed or sampled from, or whose token ids only a tokenizer uses. */
const HARMLESS = new Set(
  ("model_type torch_dtype dtype transformers_version use_cache initializer_range initializer_factor init_std return_dict " +
    "output_hidden_states output_attentions output_past return_dict_in_generate output_scores gradient_checkpointing " +
    "layerdrop finetuning_task id2label label2id num_labels problem_type task_specific_params tokenizer_class prefix " +
    "tie_word_embeddings pad_token_id bos_token_id eos_token_id sep_token_id cls_token_id mask_token_id unk_token_id eod_token_id decoder_start_token_id language auto_map torchscript " +
    "pretraining_tp use_bfloat16 tf_legacy_loss tie_encoder_decoder chunk_size_feed_forward directionality " +
    "pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head pooler_type " +
    "classifier_dropout max_length min_length do_sample early_stopping num_beams num_beam_groups diversity_penalty " +
    "temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size " +
    "encoder_no_repeat_ngram_size bad_words_ids num_return_sequences forced_bos_token_id forced_eos_token_id " +
    "remove_invalid_values exponential_decay_length_penalty suppress_tokens begin_suppress_tokens cache_implementation " +
    "keys_to_ignore_at_inference n_ctx unsloth_version unsloth_fixed attn_implementation _name_or_path " +
    "_attn_implementation _attn_implementation_autoset _num_labels _commit_hash _flash_attn_2_enabled " +
    "summary_activation summary_first_dropout summary_last_dropout summary_proj_to_labels summary_type summary_use_proj " +
    "sentence_transformers original_model torch_compile").split(" "),
);

/** Whether a field changes nothing that a trained model answers. */
export function isHarmless(name: string): boolean {
  return HARMLESS.has(name) || /(^|_)(dropout|pdrop)(_prob|_p|_rate|$)/.test(name) || /_dropout_prob$/.test(name);
}
