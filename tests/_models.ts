import { parseModelConfig } from "../models/config.ts";
import type { ModelFiles } from "../models/files.ts";
import { collectFolded, type FoldedModel, foldModel, memorySource } from "../models/fold.ts";
import { openWeights } from "../models/weights.ts";
import { calibrate } from "../pipeline/calibrate.ts";
import type { ModelSpec } from "../pipeline/model_spec.ts";
import { Oracle } from "../pipeline/oracle.ts";
import { defaultScales } from "../pipeline/scales.ts";
import { collectIntegers, type IntegerMatrix } from "../pipeline/weights.ts";

/** Reads and folds a model. */
export async function readFolded(files: ModelFiles): Promise<FoldedModel> {
  const config = parseModelConfig(await files.read("config.json"));
  return await collectFolded(foldModel(config, await openWeights(files)));
}

/** Calibrates a model on sample tokens, as `prepare` does; the result makes the spec of a session of `positions` positions. */
export async function calibratedModel(
  folded: FoldedModel,
  sample: readonly number[],
): Promise<(positions: number) => ModelSpec> {
  const { config } = folded,
    draft: ModelSpec = {
      scope: "model",
      config,
      scales: defaultScales(config),
      maxPositions: sample.length,
      rounding: "nearest",
    },
    matrices = await integers(draft, folded);
  const { scales } = calibrate(draft, (name) => matrices.get(name)!.data, { tokens: sample });
  return (maxPositions) => ({ scope: "model", config, scales, maxPositions, rounding: "nearest" });
}

/** An oracle of a model at position 0. */
export async function oracleOf(model: ModelSpec, folded: FoldedModel): Promise<Oracle> {
  const matrices = await integers(model, folded);
  return new Oracle(model, (name) => matrices.get(name)!.data);
}

/** The integers of a model and the vectors that party 0 adds, by name. */
export async function integers(model: ModelSpec, folded: FoldedModel): Promise<Map<string, IntegerMatrix>> {
  return await collectIntegers(model, memorySource(folded));
}
