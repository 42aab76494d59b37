import { ModelError } from "../core/errors.ts";
import { fillNormal } from "./_random.ts";
import { architectureOf, tensorName, type TensorNames } from "./architectures.ts";
import type { ModelConfig } from "./config.ts";
import type { WeightSource } from "./weights.ts";

/** Standard deviation with which the authors initialise matrices. */
export const INITIAL_SIGMA = 0.02;

/** A seed of synthetic data: an unsigned 32-bit integer or any text. `7` and `"7"` are the same seed. */
export type SyntheticSeed = number | string;

/**
 * Lists the tensors that a checkpoint of that config holds, with their shapes as the checkpoint stores them
 * (outputs, inputs).
 */
export function checkpointShapes(config: ModelConfig): Map<string, readonly number[]> {
  const { tensors } = architectureOf(config.architecture);
  const { hiddenWidth: C, ffnWidth: F, vocabCount: V } = config;
  const queryWidth = config.heads * config.headWidth;
  const kvWidth = config.kvHeads * config.headWidth;
  const ofLayer: Partial<Record<keyof TensorNames, readonly number[]>> = {
    attentionNorm: [C],
    query: [queryWidth, C],
    key: [kvWidth, C],
    value: [kvWidth, C],
    attentionOut: [C, queryWidth],
    ffnNorm: [C],
    gate: [F, C],
    up: [F, C],
    down: [C, F],
  };
  const shapes = new Map<string, readonly number[]>([[tensors.embed, [V, C]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    for (const [part, shape] of Object.entries(ofLayer)) {
      shapes.set(tensorName(tensors[part as keyof TensorNames], layer), shape);
    }
  }
  shapes.set(tensors.finalNorm, [C]);
  if (!config.tiedEmbeddings) shapes.set(tensors.head, [V, C]);
  return shapes;
}

/**
 * Makes the weights of an untrained model as its authors initialise them: matrices N(0, 0.02^2), those that write the
 * residual stream N(0, (0.02 / sqrt(2 L))^2), norm weights 1.
 *
 * Each tensor depends on the seed and on its own name alone, not on the order in which they are asked for. They are
 * public test data, NOT secret and NOT cryptographic.
 *
 * @throws {RangeError} If a numeric seed is not an unsigned 32-bit integer.
 *
 * @example The same seed gives the same weights
 * ```ts
 * import { namedShape } from "sluice/models/shapes.ts";
 * import { syntheticWeights } from "sluice/models/synthetic.ts";
 * import assert from "node:assert/strict";
 *
 * const config = namedShape("llama-tiny");
 * const name = "model.layers.1.mlp.down_proj.weight";
 *
 * assert.deepEqual(await syntheticWeights(config, 7).tensor(name), await syntheticWeights(config, 7).tensor(name));
 * ```
 */
export function syntheticWeights(config: ModelConfig, seed: SyntheticSeed): WeightSource {
  const label = seedLabel(seed);
  const shapes = checkpointShapes(config);
  const residual = residualWriters(config);
  const residualSigma = INITIAL_SIGMA / Math.sqrt(2 * config.layers);
  return {
    // deno-lint-ignore require-await -- a failure must reject, not throw
    tensor: async (name) => {
      const shape = shapes.get(name);
      if (shape === undefined) {
        throw new ModelError(
          `Cannot make tensor ${name} as the architecture must have it: received ${shapes.size} other tensors`,
        );
      }
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      if (shape.length === 1) data.fill(1);
      else fillNormal(data, residual.has(name) ? residualSigma : INITIAL_SIGMA, `${label}/${name}`);
      return { shape, data };
    },
  };
}

/** Names the matrices whose products are added to the residual stream: 2 L of them. */
function residualWriters(config: ModelConfig): Set<string> {
  const { tensors } = architectureOf(config.architecture);
  const names = new Set<string>();
  for (let layer = 0; layer < config.layers; layer++) {
    names.add(tensorName(tensors.attentionOut, layer)).add(tensorName(tensors.down, layer));
  }
  return names;
}

/**
 * Makes a block's input without a prompt: N(0, 1), shape (tokens, width), public test data.
 *
 * @throws {RangeError} If a numeric seed is not an unsigned 32-bit integer.
 */
export function syntheticInput(tokens: number, width: number, seed: SyntheticSeed): Float32Array<ArrayBuffer> {
  const data = new Float32Array(tokens * width);
  fillNormal(data, 1, `${seedLabel(seed)}/input`);
  return data;
}

function seedLabel(seed: SyntheticSeed): string {
  if (typeof seed === "number" && (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)) {
    throw new RangeError("Cannot make synthetic data as a numeric seed must be an unsigned 32-bit integer");
  }
  return String(seed);
}
