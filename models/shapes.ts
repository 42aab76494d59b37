import { ModelError } from "../core/errors.ts";
import { BERT_FORWARD } from "./bert.ts";
import type { ModelConfig } from "./model_config.ts";
import { GPT_END_OF_TEXT, GPT_FORWARD } from "./gpt2.ts";
import { LLAMA_FORWARD } from "./llama.ts";

type Sizes = Pick<
  ModelConfig,
  "layers" | "hiddenWidth" | "heads" | "ffnWidth" | "vocabCount" | "maxPositions" | "tiedEmbeddings"
>;

/** Makes a Llama whose heads fill the hidden width. */
function llama(sizes: Sizes & { kvHeads?: number }): ModelConfig {
  return {
    ...LLAMA_FORWARD,
    architecture: "LlamaForCausalLM",
    windows: new Array(sizes.layers).fill(null),
    kvHeads: sizes.heads,
    headWidth: sizes.hiddenWidth / sizes.heads,
    normEps: 1e-5,
    ropeTheta: 10000,
    stopTokenIds: [],
    ...sizes,
  };
}

/** Makes a bare BERT with its pooler. */
function bert(sizes: Pick<Sizes, "layers" | "hiddenWidth" | "heads">): ModelConfig {
  return {
    ...BERT_FORWARD,
    architecture: "BertModel",
    windows: new Array(sizes.layers).fill(null),
    activation: "gelu",
    head: "pooled",
    classCount: 0,
    labels: [],
    kvHeads: sizes.heads,
    headWidth: sizes.hiddenWidth / sizes.heads,
    ffnWidth: 4 * sizes.hiddenWidth,
    vocabCount: 30522,
    maxPositions: 512,
    normEps: 1e-12,
    ...sizes,
  };
}

/** Makes a GPT-2, or a GPT-Neo whose every second block sees a window of tokens. */
function gpt(
  sizes: Pick<Sizes, "layers" | "hiddenWidth" | "heads" | "maxPositions"> & { window: number | null },
): ModelConfig {
  const { window, ...rest } = sizes;
  return {
    ...GPT_FORWARD,
    architecture: window === null ? "GPT2LMHeadModel" : "GPTNeoForCausalLM",
    family: window === null ? "gpt2" : "gpt-neo",
    windows: Array.from({ length: sizes.layers }, (_, layer) => layer % 2 === 0 ? null : window),
    activation: "gelu_tanh",
    kvHeads: sizes.heads,
    headWidth: sizes.hiddenWidth / sizes.heads,
    ffnWidth: 4 * sizes.hiddenWidth,
    vocabCount: 50257,
    normEps: 1e-5,
    tiedEmbeddings: true,
    bosTokenId: GPT_END_OF_TEXT,
    eosTokenId: GPT_END_OF_TEXT,
    stopTokenIds: [GPT_END_OF_TEXT],
    ...rest,
  };
}

const LLAMA2 = { vocabCount: 32000, maxPositions: 4096, tiedEmbeddings: false } as const;

/** Shapes that can be planned and run with synthetic weights, without a model folder. */
const SHAPES: ReadonlyMap<string, ModelConfig> = new Map<string, ModelConfig>([
  [
    "llama-tiny",
    llama({
      layers: 2,
      hiddenWidth: 256,
      heads: 4,
      kvHeads: 2,
      ffnWidth: 688,
      vocabCount: 512,
      maxPositions: 512,
      tiedEmbeddings: true,
    }),
  ],
  ["bert-tiny", bert({ layers: 2, hiddenWidth: 128, heads: 2 })],
  ["bert-base", bert({ layers: 12, hiddenWidth: 768, heads: 12 })],
  ["bert-large", bert({ layers: 24, hiddenWidth: 1024, heads: 16 })],
  ["gpt2", gpt({ layers: 12, hiddenWidth: 768, heads: 12, maxPositions: 1024, window: null })],
  ["gpt-neo-1.3b", gpt({ layers: 24, hiddenWidth: 2048, heads: 16, maxPositions: 2048, window: 256 })],
  ["gpt-neo-2.7b", gpt({ layers: 32, hiddenWidth: 2560, heads: 20, maxPositions: 2048, window: 256 })],
  ["llama2-7b", llama({ ...LLAMA2, layers: 32, hiddenWidth: 4096, heads: 32, ffnWidth: 11008 })],
  ["llama2-13b", llama({ ...LLAMA2, layers: 40, hiddenWidth: 5120, heads: 40, ffnWidth: 13824 })],
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
  const shape = SHAPES.get(name);
  if (shape === undefined) {
    throw new ModelError(`Cannot load shape as its name must be one of ${knownShapes().join(", ")}: received ${name}`);
  }
  const { layers = shape.layers } = options;
  if (!Number.isSafeInteger(layers) || layers < 1) {
    throw new RangeError(`Cannot load shape ${name} as layers must be a positive integer: received ${layers}`);
  }
  // Windows follow a pattern of one or two blocks, which goes on in a longer model.
  const windows = Array.from({ length: layers }, (_, layer) => shape.windows[layer % shape.windows.length] ?? null);
  return { ...shape, layers, windows };
}
