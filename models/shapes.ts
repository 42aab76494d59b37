import { ModelError } from "../core/errors.ts";
import type { ModelConfig } from "./config.ts";

/** What the named Llama shapes have in common. */
const LLAMA = { architecture: "LlamaForCausalLM", normEps: 1e-5, ropeTheta: 10000, stopTokenIds: [] } as const;

/** Shapes that can be planned and run with synthetic weights, without a model folder. */
const SHAPES: ReadonlyMap<string, ModelConfig> = new Map<string, ModelConfig>([
  ["llama-tiny", {
    ...LLAMA,
    layers: 2,
    hiddenWidth: 256,
    heads: 4,
    kvHeads: 2,
    headWidth: 64,
    ffnWidth: 688,
    vocabCount: 512,
    maxPositions: 512,
    tiedEmbeddings: true,
  }],
  ["llama2-7b", {
    ...LLAMA,
    layers: 32,
    hiddenWidth: 4096,
    heads: 32,
    kvHeads: 32,
    headWidth: 128,
    ffnWidth: 11008,
    vocabCount: 32000,
    maxPositions: 4096,
    tiedEmbeddings: false,
  }],
  ["llama2-13b", {
    ...LLAMA,
    layers: 40,
    hiddenWidth: 5120,
    heads: 40,
    kvHeads: 40,
    headWidth: 128,
    ffnWidth: 13824,
    vocabCount: 32000,
    maxPositions: 4096,
    tiedEmbeddings: false,
  }],
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
  return { ...shape, layers };
}
