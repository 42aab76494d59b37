import type { FoldedLayer, FoldedModel, FoldedSource } from "./matrices.ts";
import { checkLayer, refuse } from "./fold_tools.ts";
import type { Family, ModelConfig } from "./model_config.ts";
import { foldBert } from "./fold_bert.ts";
import { foldGpt2, foldGptNeo } from "./fold_gpt.ts";
import { foldLlama } from "./fold_llama.ts";
import type { WeightSource } from "./weights.ts";

export { foldBert } from "./fold_bert.ts";
export { foldGpt2, foldGptNeo } from "./fold_gpt.ts";
export { foldLlama } from "./fold_llama.ts";

const FOLDS: Readonly<Record<Family, (config: ModelConfig, source: WeightSource) => FoldedSource>> = {
  "llama": foldLlama,
  "gpt2": foldGpt2,
  "gpt-neo": foldGptNeo,
  "bert": foldBert,
};

/**
 * Folds a checkpoint of any known architecture into the matrices of the secure forward pass.
 *
 * @param config The model's public numbers.
 * @param source Its weights.
 * @returns Parts that are read and folded when asked for. They reject with a ModelError that names the tensor if it is
 * missing, has another shape than the config says, or holds a value that is not finite.
 *
 * @example A position's row has mean 0, because the norms that follow subtract it
 * ```ts
 * import { foldModel } from "sluice/models/fold.ts";
 * import { namedShape } from "sluice/models/shapes.ts";
 * import { syntheticWeights } from "sluice/models/synthetic.ts";
 * import assert from "node:assert/strict";
 *
 * const config = namedShape("bert-tiny");
 * const positions = await foldModel(config, syntheticWeights(config, "example")).positions();
 *
 * assert.ok(Math.abs(positions!.data.subarray(0, 128).reduce((sum, x) => sum + x)) < 1e-6);
 * ```
 */
export function foldModel(config: ModelConfig, source: WeightSource): FoldedSource {
  return FOLDS[config.family](config, source);
}

/** Reads and folds a whole model into memory. */
export async function collectFolded(source: FoldedSource): Promise<FoldedModel> {
  const { config } = source;
  const layers: FoldedLayer[] = [];
  for (let index = 0; index < config.layers; index++) layers.push(await source.layer(index));
  return {
    config,
    embed: await source.embed(),
    positions: await source.positions(),
    layers,
    pooler: config.head === "classes" || config.head === "pooled" ? await source.pooler() : null,
    head: config.head === "pooled" ? null : await source.head(),
  };
}

/** Gives a folded model in memory part by part. */
export function memorySource(model: FoldedModel): FoldedSource {
  const { config, layers } = model;
  return {
    config,
    embed: () => Promise.resolve(model.embed),
    positions: () => Promise.resolve(model.positions),
    layer: (index) => Promise.try(() => layers[checkLayer(index, layers.length)]!),
    pooler: () => Promise.try(() => model.pooler ?? refuse("pooler", config)),
    head: () => Promise.try(() => model.head ?? refuse("head", config)),
  };
}
