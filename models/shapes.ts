import { ModelError } from "../core/errors.ts";
import { modelConfigFrom } from "./config.ts";
import type { ModelConfig } from "./model_config.ts";

/** Makes a Llama whose heads fill the hidden width. */
function llama(sizes: Record<string, unknown>): ModelConfig {
  const ids = { bos_token_id: null, eos_token_id: null };
  return modelConfigFrom({ architectures: ["LlamaForCausalLM"], rms_norm_eps: 1e-5, ...ids, ...sizes });
}

/** Makes a bare BERT with its pooler. */
function bert(layers: number, width: number, heads: number): ModelConfig {
  return modelConfigFrom({
    architectures: ["BertModel"],
    num_hidden_layers: layers,
    hidden_size: width,
    num_attention_heads: heads,
    intermediate_size: 4 * width,
  });
}

/** Makes a GPT-Neo whose every second block sees a window of tokens. */
function neo(layers: number, width: number, heads: number): ModelConfig {
  return modelConfigFrom({
    architectures: ["GPTNeoForCausalLM"],
    num_layers: layers,
    hidden_size: width,
    num_heads: heads,
    attention_types: [[["global", "local"], layers / 2]],
  });
}

const LLAMA2 = { max_position_embeddings: 4096 } as const;

/** Shapes that can be planned and run with synthetic weights, without a model folder. */
const SHAPES: ReadonlyMap<string, () => ModelConfig> = new Map<string, () => ModelConfig>([
  ["llama-tiny", () =>
    llama({
      num_hidden_layers: 2,
      hidden_size: 256,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      intermediate_size: 688,
      vocab_size: 512,
      max_position_embeddings: 512,
      tie_word_embeddings: true,
    })],
  ["bert-tiny", () => bert(2, 128, 2)],
  ["bert-base", () => bert(12, 768, 12)],
  ["bert-large", () => bert(24, 1024, 16)],
  ["gpt2", () => modelConfigFrom({ architectures: ["GPT2LMHeadModel"] })],
  ["gpt-neo-1.3b", () => neo(24, 2048, 16)],
  ["gpt-neo-2.7b", () => neo(32, 2560, 20)],
  ["llama2-7b", () => llama(LLAMA2)],
  ["llama2-13b", () =>
    llama({
      ...LLAMA2,
      num_hidden_layers: 40,
      hidden_size: 5120,
      num_attention_heads: 40,
      intermediate_size: 13824,
    })],
]);

/** Lists the names that {@linkcode namedShape} knows. */
export function knownShapes(): string[] {
  return [...SHAPES.keys()];
}

/**
 * Returns the public numbers of a well-known model.
 *
 * @param name One of {@linkcode knownShapes}.
 * @param options `layers`: another count of blocks than the model's own.
 * @throws {ModelError} If the name is unknown; the message lists the known ones.
 * @throws {RangeError} If `layers` is not a positive integer.
 *
 * @example One block of Llama 2 7B
 * ```ts
 * import { namedShape } from "sluice/models/shapes.ts";
 * import assert from "node:assert/strict";
 *
 * const config = namedShape("llama2-7b", { layers: 1 });
 *
 * assert.equal(config.heads * config.headWidth, 4096);
 * ```
 */
export function namedShape(name: string, options: { layers?: number | undefined } = {}): ModelConfig {
  const shape = SHAPES.get(name)?.();
  if (shape === undefined) {
    throw new ModelError(`Cannot load shape as its name must be one of ${knownShapes().join(", ")}: received ${name}`);
  }
  const { layers = shape.layers } = options;
  if (!Number.isSafeInteger(layers) || layers < 1) {
    throw new RangeError(`Cannot load shape ${name} as layers must be a positive integer: received ${layers}`);
  }
  // Blocks follow a pattern of one or two, which goes on in a longer model.
  const repeat = <T>(values: readonly T[]): T[] =>
    values.length === 0 ? [] : Array.from({ length: layers }, (_, layer) => values[layer % shape.layers]!);
  return { ...shape, layers, windows: repeat(shape.windows), rotaryKinds: repeat(shape.rotaryKinds) };
}
