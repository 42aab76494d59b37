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
