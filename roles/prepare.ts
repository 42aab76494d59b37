/**
 * Preparing a model, which its owner does once: calibration, quantisation, and the masks of its weights.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { Seed } from "../core/prg/seed.ts";
import type { ModelFiles } from "../models/files.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { syntheticInput } from "../models/synthetic.ts";
import { createTokenizer, readTokenizerFiles } from "../models/tokenizer.ts";
import { calibrate, type Calibration, type Sample } from "../pipeline/forward/calibrate.ts";
import { collectFolded } from "../models/fold.ts";
import type { FoldedModel } from "../models/matrices.ts";
import type { TaskOptions } from "../models/task.ts";
import { floatModel } from "../pipeline/forward/float_model.ts";
import { argmax, Oracle } from "../pipeline/forward/oracle.ts";
import { matrixWords, type ModelSpec, streamScale, weightRefs } from "../pipeline/forward/model_spec.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import { type IntegerMatrix, integerWeights, maskOf, WeightsDigest } from "../pipeline/forward/weights.ts";
import {
  FORMAT,
  MASKS_FILE,
  masksHead,
  type Prepared,
  readConfig,
  readWeights,
  SALT_FILE,
  SEED_FILE,
  SLUICE_FILE,
} from "./model_folder.ts";

/** Tokens up to which a bidirectional model's sample is filled up with padding, unless told otherwise. */
export const PADDED_TOKENS = 128;

/** Sample text where the owner gives none. */
const SAMPLE_TEXT =
  "The meeting begins at nine in the small room, and everybody who wrote a part of the report should " +
  'bring a copy. "Shall we read it aloud?" he asked. No: each of us reads alone, and then we speak in turn, the ' +
  "oldest first. What is the sum of 17 and 25? Rain fell on the 3rd of May; the roads were closed until Friday.";

/** Tokens of one window of the sample: calibration is a clear run of the model on each. */
const WINDOW_TOKENS = 96;

/** Tokens of all windows, unless told otherwise. */
export const CALIBRATE_TOKENS = 2048;

/** Most products of weights and tokens that a clear run makes: a large model is calibrated on fewer windows. */
const MAX_PRODUCTS = 3e10;

/** Tokens of a synthetic model's sample. */
const SYNTHETIC_SAMPLE_TOKENS = 8;

/** How to prepare. */
export interface PrepareOptions {
  /** Sample text like the text to come, with the name that messages give it; a few sentences of English by default. */
  readonly sample?: { readonly name: string; readonly text: string } | undefined;
  /** What the model is used for, where its files do not say. */
  readonly task?: TaskOptions;
  /** Tokens of the sample that are used, in windows spread over all of it; {@linkcode CALIBRATE_TOKENS} by default. */
  readonly calibrateTokens?: number;
  /** Ring of the residual stream at least, 32 to 64 bits; 32 by default. */
  readonly residualBits?: number;
  /** Tokens of padding and text on which a bidirectional model is calibrated; {@linkcode PADDED_TOKENS} by default. */
  readonly padTo?: number;
  /** Told what is worth knowing. */
  readonly note?: (line: string) => void;
  /** Called after every matrix that was quantised. */
  readonly onMatrix?: (done: number, total: number) => void;
}

/** What preparing a model made. */
export interface Preparation {
  /** Contents of `sluice.json`; public. */
  readonly prepared: Prepared;
  /** Tokens of the sample. */
  readonly sampleTokens: number;
  /** Of so many windows the fixed-point model gives the float model's best answer; null where they were not compared. */
  readonly agreement: { readonly windows: number; readonly equal: number } | null;
  /** Largest |x| of every wire in real units; for the owner alone. */
  readonly magnitudes: ReadonlyMap<string, number>;
  /** Bytes of the dealer's masks. */
  readonly maskBytes: number;
  /**
   * The files to write beside the model, each in pieces that are made when they are asked for. The public one comes
   * last: a folder that has it is prepared.
   */
  files(): Iterable<readonly [name: string, pieces: Iterable<Uint8Array>]>;
}

/** Files of a preparation as bytes by name, for `memoryFiles`. */
export async function preparedFiles(preparation: Preparation): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const [name, pieces] of preparation.files()) files[name] = await new Blob([...pieces] as BlobPart[]).bytes();
  return files;
}

/**
 * Calibrates and quantises a model, and draws the seed of Ŵ.
 *
 * @throws {ModelError} If a file is malformed, or the model's values cannot be represented.
 */
export async function prepareModel(files: ModelFiles, options: PrepareOptions = {}): Promise<Preparation> {
  const { residualBits = 32, padTo = PADDED_TOKENS, note = () => {}, onMatrix = () => {} } = options,
    salt = crypto.getRandomValues(new Uint8Array(32)),
    seed = Seed.random();
  const { task = {}, calibrateTokens = CALIBRATE_TOKENS } = options,
    { config, synthetic } = await readConfig(files, task),
    scope = synthetic === null ? "model" : "blocks",
    first = defaultScales(config, residualBits),
    draft: ModelSpec = { scope, config, scales: first, maxPositions: config.maxPositions, rounding: "nearest" },
    refs = weightRefs(draft),
    matrices = new Map<string, IntegerMatrix>(),
    digest = new WeightsDigest(salt, seed);
  for await (const matrix of integerWeights(draft, await readWeights(files, task))) {
    matrices.set(matrix.name, matrix);
    digest.add(matrix);
    onMatrix(matrices.size, refs.length);
  }
  const size = refs.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0),
    most = Math.max(WINDOW_TOKENS, Math.min(calibrateTokens, Math.floor(MAX_PRODUCTS / size)));
  const samples = synthetic === null
      ? await textSamples(files, options.sample, config, most)
      : [hiddenSample(config.hiddenWidth, streamScale(draft))],
    sampleTokens = samples.reduce((sum, sample) => sum + tokensOf(sample, config), 0);
  note(`calibrates on ${sampleTokens} tokens in ${samples.length} window${samples.length === 1 ? "" : "s"}`);
  const weights = (name: string): Int32Array => matrices.get(name)!.data,
    limit = Math.min(padTo, config.maxPositions),
    { scales, magnitudes, paddedPositions } = calibrateFor(draft, { weights, samples, padTo: limit, note });
  if (scales.residual !== first.residual || scales.weight !== first.weight) {
    throw new Error("Internal error: calibration may not change the integers that were quantised");
  }
  const weightsId = crypto.randomUUID().replaceAll("-", ""), weightsDigest = digest.hex();
  const prepared: Prepared = { format: FORMAT, scope, config, weightsId, weightsDigest, scales, paddedPositions };
  const model = { ...draft, scales };
  const agreement = synthetic === null && size * WINDOW_TOKENS <= MAX_PRODUCTS
    ? compared({ ...model, maxPositions: WINDOW_TOKENS }, weights, {
      samples: samples.slice(0, COMPARED_WINDOWS),
      folded: await collectFolded(await readWeights(files, task)),
    })
    : null;
  if (agreement !== null) note(`${agreement.equal} of ${agreement.windows} answers are the float model's`);
  const words = refs.map((ref) => matrixWords(model, ref));
  const maskPieces = function* (): Generator<Uint8Array> {
    yield masksHead(weightsId);
    for (const [i, { name }] of refs.entries()) {
      yield new Uint8Array(maskOf(seed, i, matrices.get(name)!, words[i]).buffer);
    }
  };
  return {
    prepared,
    sampleTokens,
    agreement,
    magnitudes,
    maskBytes: refs.reduce((sum, { inputs, outputs }, i) => sum + 4 * inputs * outputs * words[i]!, 0),
    files: () => [
      [MASKS_FILE, maskPieces()],
      [SEED_FILE, [seed.expose()]],
      [SALT_FILE, [salt]],
      [SLUICE_FILE, [new TextEncoder().encode(`${JSON.stringify(prepared, null, 2)}\n`)]],
    ],
  };
}

/** Windows on which the fixed-point model is compared with the float model. */
const COMPARED_WINDOWS = 8;

/** How often the best answer in fixed point is the float model's. */
function compared(
  model: ModelSpec,
  weights: (name: string) => Int32Array,
  { samples, folded }: { readonly samples: readonly Sample[]; readonly folded: FoldedModel },
): Preparation["agreement"] {
  const equal = samples.filter((sample) =>
    "tokens" in sample &&
    argmax(new Oracle(model, weights).tokens(sample.tokens)) === argmax(floatModel(folded).tokens(sample.tokens))
  );
  return { windows: samples.length, equal: equal.length };
}

/**
 * Calibrates; a bidirectional model with padding behind the sample, so that the lengths of its texts can be hidden,
 * unless its values then do not fit.
 */
function calibrateFor(
  draft: ModelSpec,
  { weights, samples, padTo, note }: {
    readonly weights: (name: string) => Int32Array;
    readonly samples: readonly Sample[];
    readonly padTo: number;
    readonly note: (line: string) => void;
  },
): Calibration & { paddedPositions: number } {
  const { config } = draft;
  if (!config.causal) {
    const padded = samples.map((sample) => withPadding(sample, config, padTo)), [first] = padded;
    const count = tokensOf(first!, config);
    try {
      const calibration = calibrate({ ...draft, maxPositions: count, bucket: count }, weights, ...padded);
      // States of blocks alone have no positions.
      return { ...calibration, paddedPositions: "tokens" in first! ? count : Number.MAX_SAFE_INTEGER };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      note(`cannot hide the lengths of texts: ${error.message}`);
    }
  }
  const longest = Math.max(2, ...samples.map((sample) => tokensOf(sample, config)));
  return { ...calibrate({ ...draft, maxPositions: longest }, weights, ...samples), paddedPositions: 0 };
}

function tokensOf(sample: Sample, { hiddenWidth }: ModelConfig): number {
  return "tokens" in sample ? sample.tokens.length : sample.hidden.length / hiddenWidth;
}

/**
 * A sample filled up with the model's padding token; or half of it taken as padding, where it is of states. At least a
 * quarter is padding.
 */
function withPadding(sample: Sample, config: ModelConfig, padTo: number): Sample {
  const count = tokensOf(sample, config), { padTokenId = 0 } = config;
  if ("tokens" in sample) {
    const realTokens = Math.min(count, Math.floor(padTo * 3 / 4));
    const padding = new Array<number>(padTo - realTokens).fill(padTokenId);
    return { tokens: [...sample.tokens.slice(0, realTokens), ...padding], realTokens };
  }
  return { hidden: sample.hidden, realTokens: Math.ceil(count / 2) };
}

/** Windows of the sample text, spread evenly over all of it. */
async function textSamples(
  files: ModelFiles,
  given: PrepareOptions["sample"],
  config: ModelConfig,
  most: number,
): Promise<Sample[]> {
  const window = Math.min(WINDOW_TOKENS, config.maxPositions),
    begin = config.bosTokenId === undefined ? [] : [config.bosTokenId],
    found = await readTokenizerFiles(files);
  if (found === null) {
    if (given !== undefined) {
      throw new ModelError(`Cannot calibrate on ${given.name} as ${files.name} has no tokenizer`);
    }
    // Without a tokenizer there is no text: every token id in turn, which reaches all rows of the embedding.
    return [{
      tokens: [...begin, ...Array.from({ length: window - begin.length }, (_, i) => (i * 7919) % config.vocabCount)],
    }];
  }
  const text = given?.text ?? SAMPLE_TEXT, tokenizer = createTokenizer(found.tokenizerJson, found.configJson);
  const all = tokenizer.encode(text).length, count = Math.max(1, Math.floor(Math.min(most, all) / window));
  // Cut by characters: a window is as long as this many would be, and what follows it is left out.
  const samples = Array.from({ length: count }, (_, i) => {
    const tokens = tokenizer.encode(
      count === 1 ? text : text.slice(Math.floor(i * text.length / count)).slice(0, 8 * window),
    );
    return {
      tokens: tokens.length <= window
        ? tokens
        : [...tokens.slice(0, window - 1), tokens.at(config.causal ? window - 1 : -1)!],
    };
  });
  if (samples.some(({ tokens }) => tokens.length === 0)) {
    throw new ModelError("Cannot calibrate as the sample text has no tokens");
  }
  return samples;
}

function hiddenSample(width: number, scale: number): Sample {
  return {
    hidden: Float64Array.from(
      syntheticInput(SYNTHETIC_SAMPLE_TOKENS, width, "calibration"),
      (value) => Math.round(value * 2 ** scale),
    ),
  };
}
