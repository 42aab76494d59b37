import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { architectureOf, knownArchitectures } from "./architectures.ts";
import { modelConfigFrom, parseModelConfig } from "./config.ts";

const LLAMA = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 512,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  hidden_act: "silu",
  tie_word_embeddings: true,
  attention_bias: false,
  rope_scaling: null,
  bos_token_id: 0,
  eos_token_id: [3, 4],
};

Deno.test("modelConfigFrom() reads every number of a Llama config", () => {
  assertEquals(modelConfigFrom(LLAMA), {
    architecture: "LlamaForCausalLM",
    family: "llama",
    norm: "rms",
    normPlacement: "pre",
    positions: "rotary",
    causal: true,
    windows: [null, null, null, null],
    activation: "silu",
    gated: true,
    head: "tokens",
    classCount: 0,
    labels: [],
    layers: 4,
    hiddenWidth: 128,
    heads: 4,
    kvHeads: 2,
    headWidth: 32,
    ffnWidth: 352,
    vocabCount: 512,
    maxPositions: 256,
    normEps: 1e-5,
    ropeTheta: 500000,
    tiedEmbeddings: true,
    bosTokenId: 0,
    eosTokenId: 3,
    stopTokenIds: [3, 4],
  });
});

Deno.test("modelConfigFrom() takes the defaults of the Llama class for absent optional fields", () => {
  const { num_key_value_heads: _1, rope_theta: _2, tie_word_embeddings: _3, eos_token_id: _4, ...rest } = LLAMA;

  const config = modelConfigFrom({ ...rest, bos_token_id: null });

  assertEquals([config.kvHeads, config.ropeTheta, config.tiedEmbeddings], [4, 10000, false]);
  assertEquals(["bosTokenId" in config, "eosTokenId" in config, config.stopTokenIds], [false, false, []]);
});

Deno.test("modelConfigFrom() accepts a head width of its own and the newer rope_parameters", () => {
  const rope = { rope_type: "default", rope_theta: 20000 };
  const config = modelConfigFrom({ ...LLAMA, head_dim: 64, rope_theta: undefined, rope_parameters: rope });

  assertEquals([config.headWidth, config.ropeTheta], [64, 20000]);
});

Deno.test("modelConfigFrom() names an unknown architecture and lists the known ones", () => {
  const error = assertThrows(() => modelConfigFrom({ architectures: ["MambaForCausalLM"] }), ModelError);

  assertEquals(
    error.message,
    `Cannot load model as its architecture must be one of ${
      knownArchitectures().join(", ")
    }: received MambaForCausalLM`,
  );
  assertEquals(knownArchitectures().includes("LlamaForCausalLM"), true);
  assertThrows(() => architectureOf("toString"), ModelError);
});

const BAD: readonly [change: Record<string, unknown>, message: string][] = [
  [{ architectures: [] }, "architectures must list exactly one of LlamaForCausalLM"],
  [{ architectures: undefined }, "received no value"],
  [{ hidden_size: undefined }, "hidden_size must be an integer of at least 1: received no value"],
  [{ hidden_size: "128" }, 'hidden_size must be an integer of at least 1: received "128"'],
  [{ num_hidden_layers: 0 }, "num_hidden_layers must be an integer of at least 1: received 0"],
  [{ vocab_size: 1.5 }, "vocab_size must be an integer"],
  [{ rms_norm_eps: undefined }, "rms_norm_eps must be a positive number: received no value"],
  [{ num_key_value_heads: 3 }, "num_key_value_heads must divide num_attention_heads, 4: received 3"],
  [{ hidden_size: 130 }, "hidden_size must be a multiple of num_attention_heads, 4: received 130"],
  [{ head_dim: 31 }, "head_dim must be even: received 31"],
  [{ tie_word_embeddings: 1 }, "tie_word_embeddings must be true or false: received 1"],
  [{ hidden_act: "gelu" }, 'hidden_act must be "silu": received "gelu"'],
  [{ attention_bias: true }, "attention_bias must be false: received true"],
  [{ mlp_bias: true }, "mlp_bias must be false: received true"],
  [{ rope_scaling: { type: "linear", factor: 2 } }, 'type must be "default": received "linear"'],
  [{ rope_scaling: { rope_type: "llama3" } }, 'rope_type must be "default": received "llama3"'],
  [{ rope_scaling: 2 }, "rope_scaling must be an object: received 2"],
  [{ eos_token_id: 512 }, "eos_token_id must be a token id from 0 to 511: received 512"],
];
for (const [change, message] of BAD) {
  Deno.test(`modelConfigFrom() refuses ${Deno.inspect(change, { compact: true, breakLength: Infinity })}`, () => {
    assertThrows(() => modelConfigFrom({ ...LLAMA, ...change }), ModelError, message);
  });
}

const GPT2 = {
  architectures: ["GPT2LMHeadModel"],
  n_embd: 96,
  n_layer: 3,
  n_head: 4,
  n_positions: 128,
  vocab_size: 50257,
  activation_function: "gelu_new",
  layer_norm_epsilon: 1e-5,
};
const NEO = {
  architectures: ["GPTNeoForCausalLM"],
  hidden_size: 96,
  num_layers: 4,
  num_heads: 4,
  max_position_embeddings: 128,
  vocab_size: 500,
  attention_types: [[["global", "local"], 2]],
  window_size: 32,
  layer_norm_epsilon: 1e-5,
  intermediate_size: null,
};
const BERT = {
  architectures: ["BertForSequenceClassification"],
  hidden_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 200,
  vocab_size: 500,
  max_position_embeddings: 64,
  hidden_act: "gelu",
  layer_norm_eps: 1e-12,
  id2label: { 1: "good", 0: "bad" },
};

Deno.test("modelConfigFrom() reads every number of a GPT-2 config", () => {
  assertEquals(modelConfigFrom(GPT2), {
    architecture: "GPT2LMHeadModel",
    family: "gpt2",
    norm: "layer",
    normPlacement: "pre",
    positions: "learned",
    causal: true,
    windows: [null, null, null],
    activation: "gelu_tanh",
    gated: false,
    head: "tokens",
    classCount: 0,
    labels: [],
    layers: 3,
    hiddenWidth: 96,
    heads: 4,
    kvHeads: 4,
    headWidth: 24,
    ffnWidth: 384,
    vocabCount: 50257,
    maxPositions: 128,
    normEps: 1e-5,
    ropeTheta: 0,
    tiedEmbeddings: true,
    bosTokenId: 50256,
    eosTokenId: 50256,
    stopTokenIds: [50256],
  });
  const small = modelConfigFrom({ ...GPT2, vocab_size: 100, n_inner: 50, activation_function: "gelu" });
  assertEquals([small.ffnWidth, small.activation, small.stopTokenIds], [50, "gelu", []]);
});

Deno.test("modelConfigFrom() expands a GPT-Neo's attention types to a window per layer", () => {
  const config = modelConfigFrom(NEO);

  assertEquals([config.family, config.ffnWidth, config.activation], ["gpt-neo", 384, "gelu_tanh"]);
  assertEquals(config.windows, [null, 32, null, 32]);
  const mixed = modelConfigFrom({ ...NEO, attention_types: [[["local"], 1], [["global"], 3]] });
  assertEquals(mixed.windows, [32, null, null, null]);
});

Deno.test("modelConfigFrom() tells a BERT classifier, an encoder with a pooler and one without", () => {
  const config = modelConfigFrom(BERT);
  const head = (change: Record<string, unknown>) => {
    const { head, classCount, labels } = modelConfigFrom({ ...BERT, ...change });
    return [head, classCount, labels];
  };

  assertEquals([config.family, config.normPlacement, config.causal, config.normEps], ["bert", "post", false, 1e-12]);
  assertEquals([config.positions, config.activation, config.ffnWidth], ["learned", "gelu", 200]);
  assertEquals(head({}), ["classes", 2, ["bad", "good"]]);
  assertEquals(head({ id2label: null, num_labels: 3 }), ["classes", 3, ["LABEL_0", "LABEL_1", "LABEL_2"]]);
  assertEquals(head({ architectures: ["BertModel"] }), ["pooled", 0, []]);
  assertEquals(head({ architectures: ["BertModel"], add_pooling_layer: false }), ["hidden", 0, []]);
});

const BAD_OTHERS: readonly [base: Record<string, unknown>, change: Record<string, unknown>, message: string][] = [
  [GPT2, { scale_attn_by_inverse_layer_idx: true }, "scale_attn_by_inverse_layer_idx must be false: received true"],
  [GPT2, { reorder_and_upcast_attn: true }, "reorder_and_upcast_attn must be false: received true"],
  [GPT2, { scale_attn_weights: false }, "scale_attn_weights must be true: received false"],
  [GPT2, { add_cross_attention: true }, "add_cross_attention must be false: received true"],
  [GPT2, { activation_function: "relu" }, 'activation_function must be "gelu" or'],
  [GPT2, { n_embd: 97 }, "n_embd must be a multiple of n_head, 4: received 97"],
  [GPT2, { n_positions: undefined }, "n_positions must be an integer of at least 1: received no value"],
  [GPT2, { eos_token_id: 50257 }, "eos_token_id must be a token id from 0 to 50256: received 50257"],
  [NEO, { attention_types: undefined }, 'attention_types must name "global" or "local" for each of 4 layers'],
  [NEO, { attention_types: [[["global", "local"], 1]] }, "attention_types must name"],
  [NEO, { attention_types: [[["global", "strided"], 2]] }, "attention_types must name"],
  [NEO, { attention_types: [[["global"], 2 ** 40]] }, "attention_types must name"],
  [NEO, { window_size: 0 }, "window_size must be an integer of at least 1: received 0"],
  [BERT, { position_embedding_type: "relative_key" }, 'position_embedding_type must be "absolute"'],
  [BERT, { is_decoder: true }, "is_decoder must be false: received true"],
  [BERT, { hidden_act: "relu" }, 'hidden_act must be "gelu"'],
  [BERT, { id2label: { 1: "good" } }, "id2label must name class 0: received no value"],
  [BERT, { id2label: { 0: 7 } }, "0 must be a name: received 7"],
];
for (const [base, change, message] of BAD_OTHERS) {
  const name = Deno.inspect(change, { compact: true, breakLength: Infinity });
  Deno.test(`modelConfigFrom() refuses ${base["architectures"]} with ${name}`, () => {
    assertThrows(() => modelConfigFrom({ ...base, ...change }), ModelError, message);
  });
}

Deno.test("parseModelConfig() refuses bytes that are not a JSON object", () => {
  for (const text of ["", "{", "[]", "null"]) {
    assertThrows(
      () => parseModelConfig(new TextEncoder().encode(text)),
      ModelError,
      "Cannot read config.json as it must",
    );
  }
  assertThrows(() => parseModelConfig(Uint8Array.of(0xff, 0xfe)), ModelError, "JSON in UTF-8");
  assertEquals(parseModelConfig(new TextEncoder().encode(JSON.stringify(LLAMA))).layers, 4);
});
