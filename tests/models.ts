import { parseModelConfig } from "../models/config.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelFiles } from "../models/files.ts";
import { collectFolded, foldModel, memorySource } from "../models/fold.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { openWeights } from "../models/weights.ts";
import { calibrate } from "../pipeline/forward/calibrate.ts";
import type { CoinReader } from "../pipeline/interpreters/coins.ts";
import type { ModelSpec } from "../pipeline/forward/model.ts";
import { Oracle } from "../pipeline/forward/oracle.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import { collectIntegers, type IntegerMatrix } from "../pipeline/forward/weights.ts";

/** Reads and folds a model. */
export async function readFolded(files: ModelFiles): Promise<FoldedModel> {
  const config = parseModelConfig(await files.read("config.json"));
  return await collectFolded(foldModel(config, await openWeights(files)));
}

/** Calibrates a model on sample tokens, as `prepare` does; the result makes the spec of a session of `positions` positions. */
export async function calibratedModel(
  folded: FoldedModel,
  sample: readonly number[],
  rounding: Rounding = "nearest",
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
  return (maxPositions) => ({ scope: "model", config, scales, maxPositions, rounding });
}

/** An oracle of a model at position 0; where rounding is dithered with the same coins in every test run. */
export async function oracleOf(model: ModelSpec, folded: FoldedModel): Promise<Oracle> {
  const matrices = await integers(model, folded);
  return new Oracle(model, (name) => matrices.get(name)!.data, { coins: steadyCoins() });
}

/** Coins from a small generator (mulberry32), so that what a test counts does not depend on chance. */
export function steadyCoins(): CoinReader {
  let state = 1;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return (x ^ (x >>> 14)) >>> 0;
  };
  return (_stage, _path, bits, count) => Uint32Array.from({ length: count }, () => next() >>> (32 - bits));
}

/** The integers of a model and the vectors that party 0 adds, by name. */
export async function integers(model: ModelSpec, folded: FoldedModel): Promise<Map<string, IntegerMatrix>> {
  return await collectIntegers(model, memorySource(folded));
}
