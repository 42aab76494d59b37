import { ModelError } from "../core/errors.ts";
import { fillNormal } from "./random.ts";
import type { ModelConfig } from "./model_config.ts";
import { tensorsOf } from "./tensors.ts";
import type { WeightSource } from "./weights.ts";

/** Standard deviation with which the authors initialise matrices. */
export const INITIAL_SIGMA = 0.02;

/** A seed of synthetic data: an unsigned 32-bit integer or any text. `7` and `"7"` are the same seed. */
export type SyntheticSeed = number | string;

/** Lists the tensors that a checkpoint of that config holds, with their shapes as the checkpoint stores them. */
export function checkpointShapes(config: ModelConfig): Map<string, readonly number[]> {
  return new Map(tensorsOf(config).map(({ name, shape }) => [name, shape]));
}

/**
 * Makes the weights of an untrained model as its authors initialise them: matrices N(0, 0.02^2), those that write the
 * residual stream N(0, (0.02 / sqrt(2 L))^2), gammas 1, betas and biases 0.
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
  const specs = new Map(tensorsOf(config).map((spec) => [spec.name, spec]));
  const sigmas = { normal: INITIAL_SIGMA, residual: INITIAL_SIGMA / Math.sqrt(2 * config.layers) };
  return {
    has: (name) => specs.has(name),
    names: () => specs.keys(),
    // deno-lint-ignore require-await -- a failure must reject, not throw
    tensor: async (name) => {
      const spec = specs.get(name);
      if (spec === undefined) {
        throw new ModelError(
          `Cannot make tensor ${name} as the architecture must have it: received ${specs.size} other tensors`,
        );
      }
      const { shape, initial } = spec;
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      if (initial === "one") data.fill(1);
      else if (initial !== "zero") fillNormal(data, sigmas[initial], `${label}/${name}`);
      return { shape, data };
    },
  };
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
