import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { architectureOf, knownArchitectures } from "./architectures.ts";
import { recordedModels } from "../tests/recorded_models.ts";
import { modelConfigFrom, parseModelConfig } from "./config.ts";
import type { Answer } from "./model_config.ts";

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
  const { checkpoint, frequencies, ...config } = modelConfigFrom(LLAMA);

  assertEquals(config, {
    architecture: "LlamaForCausalLM",
    norm: "rms",
    gain: "weight",
    beta: false,
    normPlacement: "pre",
    branches: "serial",
    firstNorm: true,
    finalNorm: true,
    embeddingNorm: false,
    queryNorm: "none",
    positions: "rotary",
    positionOffset: 0,
    rotaryKinds: [0, 0, 0, 0],
    rotaryWidth: 32,
    rotaryPairs: "halves",
    rotaryFactor: 1,
    scoreBias: null,
    scoreFactor: 1 / Math.sqrt(32),
    scoresByLayer: false,
    typeCount: 0,
    causal: true,
    windows: [null, null, null, null],
    activation: "silu",
    gated: true,
    biases: [],
    head: { answer: "tokens", rows: "last", dense: null, norm: false, outputs: 512 },
    labels: [],
    scoring: "softmax",
    layers: 4,
    hiddenWidth: 128,
    embeddingWidth: 128,
    heads: 4,
    kvHeads: 2,
    headWidth: 32,
    ffnWidth: 352,
    vocabCount: 512,
    maxPositions: 256,
    normEps: 1e-5,
    factors: { embedding: 1, residual: 1, logits: 1 },
    logitCap: null,
    layerGroups: 0,
    tiedEmbeddings: true,
    bosTokenId: 0,
    eosTokenId: 3,
    stopTokenIds: [3, 4],
  });
  assertEquals([checkpoint.prefix, checkpoint.tensors.q], ["model.", "self_attn.q_proj"]);
  assertEquals(frequencies, [Array.from({ length: 16 }, (_, i) => 500000 ** (-i / 16))]);
});

Deno.test("modelConfigFrom() takes the defaults of the class for absent fields", () => {
  const { num_key_value_heads: _1, rope_theta: _2, tie_word_embeddings: _3, eos_token_id: _4, ...rest } = LLAMA;

  const config = modelConfigFrom({ ...rest, bos_token_id: null });

  assertEquals([config.kvHeads, config.frequencies[0]![1], config.tiedEmbeddings], [4, 10000 ** (-1 / 16), false]);
  assertEquals(["bosTokenId" in config, config.stopTokenIds], [false, [2]]);
  const bare = modelConfigFrom({ architectures: ["LlamaForCausalLM"] });
  assertEquals([bare.layers, bare.hiddenWidth, bare.normEps, bare.maxPositions], [32, 4096, 1e-6, 2048]);
});

Deno.test("modelConfigFrom() accepts a head width of its own and the newer rope_parameters", () => {
  const rope = { rope_type: "default", rope_theta: 20000 };
  const config = modelConfigFrom({ ...LLAMA, head_dim: 64, rope_theta: undefined, rope_parameters: rope });
  const older = modelConfigFrom({ ...LLAMA, head_dim: 64, rope_theta: undefined, rope_scaling: rope });

  assertEquals([config.headWidth, config.frequencies[0]![1]], [64, 20000 ** (-1 / 32)]);
  assertEquals(older, config);
});

Deno.test("modelConfigFrom() reads the older and the newer layout of a Gemma 3 alike", () => {
  const sizes = {
    architectures: ["Gemma3ForCausalLM"],
    num_hidden_layers: 7,
    rope_scaling: { rope_type: "linear", factor: 8 },
  };
  const older = modelConfigFrom({ ...sizes, rope_theta: 1e6, rope_local_base_freq: 1e4, sliding_window_pattern: 6 });
  const { rope_scaling, ...rest } = sizes;
  const newer = modelConfigFrom({
    ...rest,
    rope_parameters: {
      full_attention: { ...rope_scaling, rope_theta: 1e6 },
      sliding_attention: { rope_type: "default", rope_theta: 1e4 },
    },
    layer_types: Array.from({ length: 7 }, (_, i) => i === 5 ? "full_attention" : "sliding_attention"),
  });

  assertEquals(newer, older);
  assertEquals(older.windows, [4096, 4096, 4096, 4096, 4096, null, 4096]);
  assertEquals(older.rotaryKinds, [1, 1, 1, 1, 1, 0, 1]);
  assertEquals(older.frequencies.map(([, second]) => second), [1e6 ** (-1 / 128) / 8, 1e4 ** (-1 / 128)]);
});

Deno.test("modelConfigFrom() caps the positions of a longrope model at those of its short factors", () => {
  const factors = Array.from({ length: 16 }, (_, i) => 1 + i / 16);
  const config = modelConfigFrom({
    ...LLAMA,
    architectures: ["Phi3ForCausalLM"],
    attention_bias: undefined,
    pad_token_id: 0,
    max_position_embeddings: 131072,
    original_max_position_embeddings: 4096,
    rope_scaling: { type: "longrope", short_factor: factors, long_factor: factors },
  });

  assertEquals(config.maxPositions, 4096);
  assertEquals(config.rotaryFactor, Math.sqrt(1 + Math.log(32) / Math.log(4096)));
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
  [{ hidden_size: "128" }, 'hidden_size must be an integer of at least 1: received "128"'],
  [{ num_hidden_layers: 0 }, "num_hidden_layers must be an integer of at least 1: received 0"],
  [{ vocab_size: 1.5 }, "vocab_size must be an integer"],
  [{ rms_norm_eps: 0 }, "rms_norm_eps must be a positive number: received 0"],
  [{ num_key_value_heads: 3 }, "num_key_value_heads must divide the count of heads, 4: received 3"],
  [{ hidden_size: 130 }, "hidden_size must be a multiple of the count of heads, 4: received 130"],
  [{ head_dim: 31 }, "head_dim must be even: received 31"],
  [{ tie_word_embeddings: 1 }, "tie_word_embeddings must be true or false: received 1"],
  [{ hidden_act: "mish" }, "hidden_act must be one of silu, swish, gelu"],
  [{ attention_bias: 1 }, "attention_bias must be false or true: received 1"],
  [
    { rope_scaling: { type: "ntk" } },
    'rope_type must be one of default, linear, dynamic, llama3, yarn, longrope: received "ntk"',
  ],
  [{ rope_scaling: { type: "linear", factor: 2, mrope_section: [1] } }, "mrope_section must not be there"],
  [{ rope_scaling: { rope_type: "llama3" } }, "factor must be a positive number: received no value"],
  [{ rope_scaling: 2 }, "rope_scaling must be an object: received 2"],
  [{ rope_scaling: { type: "default" }, rope_parameters: {} }, "rope_scaling must not be there beside rope_parameters"],
  [{ eos_token_id: 512 }, "eos_token_id must be a token id from 0 to 511: received 512"],
  [{ n_embd: 64 }, "n_embd must be what hidden_size is, 128: received 64"],
  [{ residual_in_fp64: true }, "residual_in_fp64 must not be there: what it does in this class is not known here"],
  [{ partial_rotary_factor: 0 }, "partial_rotary_factor must be above 0 and at most 1: received 0"],
  [{ sliding_window: 4 }, "sliding_window must not be there"],
  [{ is_encoder_decoder: true }, "is_encoder_decoder must be false: received true"],
  [{ quantization_config: { quant_method: "gptq" } }, 'received a quantised checkpoint (quantization_config "gptq")'],
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

Deno.test("modelConfigFrom() reads a GPT-2 config", () => {
  const config = modelConfigFrom(GPT2);

  assertEquals([config.norm, config.positions, config.activation, config.ffnWidth], [
    "layer",
    "learned",
    "gelu_tanh",
    384,
  ]);
  assertEquals([config.biases, config.checkpoint.order, config.stopTokenIds], [
    ["qkv", "out", "up", "down"],
    "inputs-outputs",
    [50256],
  ]);
  const small = modelConfigFrom({ ...GPT2, vocab_size: 100, n_inner: 50, activation_function: "relu" });
  assertEquals([small.ffnWidth, small.activation, small.stopTokenIds], [50, "relu", []]);
});

Deno.test("modelConfigFrom() expands a GPT-Neo's attention types to a window per layer", () => {
  assertEquals(modelConfigFrom(NEO).windows, [null, 32, null, 32]);
  const mixed = modelConfigFrom({ ...NEO, attention_types: [[["local"], 1], [["global"], 3]] });
  assertEquals(mixed.windows, [32, null, null, null]);
  const list = { attention_types: undefined, attention_layers: ["local", "global", "global", "local"] };
  assertEquals(modelConfigFrom({ ...NEO, ...list }).windows, [32, null, null, 32]);
});

Deno.test("modelConfigFrom() tells what a BERT answers", () => {
  const config = modelConfigFrom(BERT);
  const head = (change: Record<string, unknown>, answer?: Answer) => {
    const { head, labels, scoring } = modelConfigFrom({ ...BERT, ...change }, { answer });
    return [head.answer, head.rows, head.dense, head.outputs, labels, scoring];
  };

  assertEquals([config.normPlacement, config.causal, config.normEps], ["post", false, 1e-12]);
  assertEquals([config.positions, config.activation, config.ffnWidth], ["learned", "gelu", 200]);
  const names = ["LABEL_0", "LABEL_1", "LABEL_2"];
  assertEquals(head({}), ["classes", "first", "tanh_plus_1", 2, ["bad", "good"], "softmax"]);
  assertEquals(head({ id2label: null, num_labels: 3 }), ["classes", "first", "tanh_plus_1", 3, names, "softmax"]);
  assertEquals(head({ id2label: { 0: "score" } })[5], "values");
  assertEquals(head({ problem_type: "multi_label_classification" })[5], "sigmoid");
  assertEquals(head({ architectures: ["BertModel"] }), ["pooled", "first", "tanh_plus_1", 0, [], "softmax"]);
  assertEquals(head({ architectures: ["BertModel"] }, "hidden"), ["hidden", "every", null, 96, [], "softmax"]);
  assertEquals(head({ architectures: ["BertForMaskedLM"] }, "hidden")[0], "hidden");
  const tokens = head({ architectures: ["BertForTokenClassification"] });
  assertEquals(tokens, ["tokenClasses", "every", null, 2, ["bad", "good"], "softmax"]);
  assertEquals(head({ architectures: ["BertForQuestionAnswering"] }), ["spans", "every", null, 2, [], "softmax"]);
  assertThrows(() => head({ architectures: ["BertForMaskedLM"] }), ModelError, "fills in masked words");
  assertThrows(() => head({}, "spans"), ModelError, "must have a head that gives spans");
});

for (const recorded of recordedModels()) {
  Deno.test(`modelConfigFrom() refuses a field beside those of its class by name: ${recorded.name}`, () => {
    for (const [name, value] of [["mystery_factor", 2], ["use_mystery", true]] as const) {
      assertThrows(() => modelConfigFrom({ ...recorded.json, [name]: value }), ModelError, `${name} must not be there`);
    }
    modelConfigFrom({ ...recorded.json, mystery: null, attention_dropout: 0.5, temperature: 0.7 });
  });
}

const BAD_OTHERS: readonly [base: Record<string, unknown>, change: Record<string, unknown>, message: string][] = [
  [GPT2, { add_cross_attention: true }, "add_cross_attention must be false: received true"],
  [GPT2, { activation_function: "tanh" }, "activation_function must be one of silu"],
  [GPT2, { scale_attn_weights: "yes" }, 'scale_attn_weights must be true or false: received "yes"'],
  [GPT2, { n_embd: 97 }, "n_embd must be a multiple of the count of heads, 4: received 97"],
  [GPT2, { eos_token_id: 50257 }, "eos_token_id must be a token id from 0 to 50256: received 50257"],
  [NEO, { attention_types: [[["global", "local"], 1]] }, "attention_types must name"],
  [NEO, { attention_types: [[["global", "strided"], 2]] }, "attention_types must name"],
  [NEO, { attention_types: [[["global"], 2 ** 40]] }, "attention_types must name"],
  [NEO, { window_size: 0 }, "window_size must be an integer of at least 1: received 0"],
  [BERT, { position_embedding_type: "relative_key" }, 'position_embedding_type must be "absolute"'],
  [BERT, { is_decoder: true }, "is_decoder must be false: received true"],
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
