/**
 * `sluice prepare`: the owner of the weights calibrates and quantises a model and draws the masks of its weights.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { Seed } from "../core/prg/seed.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { createTokenizer, readTokenizerFiles } from "../models/tokenizer.ts";
import { syntheticInput } from "../models/synthetic.ts";
import { calibrate, type Calibration, type Sample } from "../pipeline/forward/calibrate.ts";
import { matrixWords, type ModelSpec, streamScale, weightRefs } from "../pipeline/forward/model_spec.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import { type IntegerMatrix, integerWeights, maskOf, WeightsDigest } from "../pipeline/forward/weights.ts";
import type { Command, Options } from "./args.ts";
import {
  createMasks,
  diskFiles,
  MASKS_FILE,
  readConfig,
  readOrExplain,
  readWeights,
  removePrepared,
  SEED_FILE,
  SLUICE_FILE,
  writePrepared,
  writeSalt,
  writeSeed,
} from "./model_folder.ts";
import { RESIDUAL_FLAG, residualBitsOf } from "./plan.ts";
import { amount, type Ui } from "./ui.ts";

/** Tokens up to which a bidirectional model's sample is filled up with padding. */
const PADDED_TOKENS = 128;

/** The command. */
export const PREPARE: Command = {
  name: "prepare",
  summary: "calibrate and quantise a model (owner of the weights)",
  flags: [
    {
      name: "model",
      value: "DIR",
      help: "Hugging Face model folder; the results are written beside the weights",
      required: true,
    },
    { name: "text", value: "FILE", help: "sample text for calibration, like the text to come" },
    {
      name: "pad-to",
      value: "N",
      help:
        `of a bidirectional model: calibrate on padding up to N tokens, for keygen --bucket (default ${PADDED_TOKENS})`,
    },
    { ...RESIDUAL_FLAG, help: "ring of the residual stream at least, 32 to 64 bits (default 32)" },
  ],
  example: "sluice prepare --model ./llama",
};

/** Sample text where the user gives none. */
const SAMPLE_TEXT =
  `The meeting begins at nine in the small room, and everybody who wrote a part of the report should bring a copy. "Shall we read it aloud?" he asked. ` +
  "No: each of us reads alone, and then we speak in turn, the oldest first. What is the sum of 17 and 25? Rain fell on the 3rd of May; the roads were closed until Friday.";

/** Most tokens of a sample: calibration is a clear run of the model on one of these. */
const MAX_SAMPLE_TOKENS = 96;

/** Tokens of a synthetic model's sample. */
const SYNTHETIC_SAMPLE_TOKENS = 8;

/** Runs the command. */
export async function prepare(options: Options, ui: Ui): Promise<void> {
  const salt = crypto.getRandomValues(new Uint8Array(32)), seed = Seed.random();
  const folder = options.required("model"),
    start = performance.now(),
    { config, synthetic } = await readConfig(folder),
    source = await readWeights(folder);
  const scope = synthetic === null ? "model" : "blocks",
    first = defaultScales(config, residualBitsOf(options)),
    matrices = new Map<string, IntegerMatrix>(),
    digest = new WeightsDigest(salt, seed);
  const draft: ModelSpec = { scope, config, scales: first, maxPositions: config.maxPositions, rounding: "nearest" };
  const bar = ui.progress("quantise", weightRefs(draft).length, "matrices");
  for await (const matrix of integerWeights(draft, source)) {
    matrices.set(matrix.name, matrix);
    digest.add(matrix);
    bar.update(matrices.size);
  }
  bar.end();
  const sample = synthetic === null
    ? await textSample(folder, options.text("text"), config)
    : hiddenSample(config.hiddenWidth, streamScale(draft));
  const count = sampleTokens(sample, config);
  ui.note(`calibrates on ${count} tokens`);
  const padTo = Math.min(options.count("pad-to", PADDED_TOKENS, 2), config.maxPositions),
    { scales, magnitudes, paddedPositions } = calibrateFor(draft, matrices, sample, padTo, (line) => ui.note(line));
  if (scales.residual !== first.residual || scales.weight !== first.weight) {
    throw new Error("Internal error: calibration may not change the integers that were quantised");
  }

  // From here until the public file is written again, the folder counts as not prepared.
  await removePrepared(folder);
  const weightsId = crypto.randomUUID().replaceAll("-", ""), masks = await createMasks(folder, weightsId);
  let index = 0, maskBytes = 0;
  try {
    for (const ref of weightRefs(draft)) {
      const mask = maskOf(seed, index++, matrices.get(ref.name)!, matrixWords({ scales }, ref));
      maskBytes += mask.byteLength;
      await masks.write(mask);
    }
  } finally {
    masks.close();
  }
  await writeSeed(folder, seed);
  await writeSalt(folder, salt);
  await writePrepared(folder, { scope, weightsId, weightsDigest: digest.hex(), scales, paddedPositions });
  const largest = [...magnitudes].sort(([, a], [, b]) => b - a).slice(0, 3).map(([wire, value]) =>
    `${wire} ${value.toFixed(1)}`
  );
  ui.result({
    weightsId,
    weightsDigest: digest.hex(),
    scales,
    sampleTokens: count,
    maskBytes,
    elapsedMs: Math.round(performance.now() - start),
  }, () =>
    [
      `prepared ${folder}: weights ${weightsId}`,
      `  ${SLUICE_FILE.padEnd(14)} public: scales and the digest of the integers`,
      `  ${SEED_FILE.padEnd(14)} for the client (party 0 sends it): never give it to the dealer`,
      `  ${MASKS_FILE.padEnd(14)} for the dealer, ${amount(maskBytes)}: never give it to the client`,
      `  largest wires  ${largest.join(", ")}`,
    ].join("\n"));
}

/** Calibrates; a bidirectional model with padding behind the sample, so that the lengths of its texts can be hidden, unless its values then do not fit. */
function calibrateFor(
  draft: ModelSpec,
  matrices: ReadonlyMap<string, IntegerMatrix>,
  sample: Sample,
  padTo: number,
  note: (line: string) => void,
): Calibration & { paddedPositions: number } {
  const { config } = draft, weights = (name: string): Int32Array => matrices.get(name)!.data;
  if (!config.causal) {
    const padded = withPadding(sample, config, padTo), count = sampleTokens(padded, config);
    try {
      const calibration = calibrate({ ...draft, maxPositions: count, bucket: count }, weights, padded);
      // States of blocks alone have no positions.
      return { ...calibration, paddedPositions: "tokens" in sample ? count : Number.MAX_SAFE_INTEGER };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      note(`cannot hide the lengths of texts: ${error.message}`);
    }
  }
  const model = { ...draft, maxPositions: Math.max(sampleTokens(sample, config), 2) };
  return { ...calibrate(model, weights, sample), paddedPositions: 0 };
}

function sampleTokens(sample: Sample, { hiddenWidth }: ModelConfig): number {
  return "tokens" in sample ? sample.tokens.length : sample.hidden.length / hiddenWidth;
}

/** A sample filled up with the model's padding token; or half of it taken as padding, where it is of states. At least a quarter is padding. */
function withPadding(sample: Sample, config: ModelConfig, padTo: number): Sample {
  const count = sampleTokens(sample, config), { padTokenId = 0 } = config;
  if ("tokens" in sample) {
    const realTokens = Math.min(count, Math.floor(padTo * 3 / 4));
    const padding = new Array<number>(padTo - realTokens).fill(padTokenId);
    return { tokens: [...sample.tokens.slice(0, realTokens), ...padding], realTokens };
  }
  return { hidden: sample.hidden, realTokens: Math.ceil(count / 2) };
}

async function textSample(
  folder: string,
  file: string | undefined,
  config: { vocabCount: number; maxPositions: number; bosTokenId?: number },
): Promise<Sample> {
  const limit = Math.min(MAX_SAMPLE_TOKENS, config.maxPositions),
    begin = config.bosTokenId === undefined ? [] : [config.bosTokenId];
  const files = await readTokenizerFiles(diskFiles(folder));
  if (files === null) {
    if (file !== undefined) throw new ModelError(`Cannot calibrate on ${file} as ${folder} has no tokenizer`);
    // Without a tokenizer there is no text: every token id in turn, which reaches all rows of the embedding.
    return {
      tokens: [...begin, ...Array.from({ length: limit - begin.length }, (_, i) => (i * 7919) % config.vocabCount)],
    };
  }
  const text = file === undefined ? SAMPLE_TEXT : new TextDecoder().decode(await readOrExplain(file)),
    tokenizer = createTokenizer(files.tokenizerJson, files.configJson);
  const tokens = tokenizer.encode(text).slice(0, limit);
  if (tokens.length === 0) throw new ModelError("Cannot calibrate as the sample text has no tokens");
  return { tokens };
}

function hiddenSample(width: number, scale: number): Sample {
  return {
    hidden: Float64Array.from(
      syntheticInput(SYNTHETIC_SAMPLE_TOKENS, width, "calibration"),
      (value) => Math.round(value * 2 ** scale),
    ),
  };
}
