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
import { matrixWords, type ModelSpec, streamScale, weightRefs } from "../pipeline/forward/model_spec.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import { type IntegerMatrix, integerWeights, maskOf, WeightsDigest } from "../pipeline/forward/weights.ts";
import { Digest, sha256 } from "../transport/digest.ts";
import { travelling } from "./handover.ts";
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

/** Most tokens of a sample: calibration is a clear run of the model on one of these. */
const MAX_SAMPLE_TOKENS = 96;

/** Tokens of a synthetic model's sample. */
const SYNTHETIC_SAMPLE_TOKENS = 8;

/** How to prepare. */
export interface PrepareOptions {
  /** Sample text like the text to come, with the name that messages give it; a few sentences of English by default. */
  readonly sample?: { readonly name: string; readonly text: string } | undefined;
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
  /** Contents of `sluice.json`, but for the digests, which are known when the masks have been made; public. */
  readonly prepared: Omit<Prepared, "digests">;
  /** Tokens of the sample. */
  readonly sampleTokens: number;
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
  const { config, synthetic } = await readConfig(files),
    scope = synthetic === null ? "model" : "blocks",
    first = defaultScales(config, residualBits),
    draft: ModelSpec = { scope, config, scales: first, maxPositions: config.maxPositions, rounding: "nearest" },
    refs = weightRefs(draft),
    matrices = new Map<string, IntegerMatrix>(),
    digest = new WeightsDigest(salt, seed);
  for await (const matrix of integerWeights(draft, await readWeights(files))) {
    matrices.set(matrix.name, matrix);
    digest.add(matrix);
    onMatrix(matrices.size, refs.length);
  }
  const sample = synthetic === null
      ? await textSample(files, options.sample, config)
      : hiddenSample(config.hiddenWidth, streamScale(draft)),
    sampleTokens = tokensOf(sample, config);
  note(`calibrates on ${sampleTokens} tokens`);
  const weights = (name: string): Int32Array => matrices.get(name)!.data,
    limit = Math.min(padTo, config.maxPositions),
    { scales, magnitudes, paddedPositions } = calibrateFor(draft, { weights, sample, padTo: limit, note });
  if (scales.residual !== first.residual || scales.weight !== first.weight) {
    throw new Error("Internal error: calibration may not change the integers that were quantised");
  }
  const weightsId = crypto.randomUUID().replaceAll("-", ""), weightsDigest = digest.hex();
  const prepared: Omit<Prepared, "digests"> = {
    format: FORMAT,
    scope,
    weightsId,
    weightsDigest,
    scales,
    paddedPositions,
  };
  const model = { ...draft, scales }, words = refs.map((ref) => matrixWords(model, ref));
  const found = await readTokenizerFiles(files),
    digests: Record<string, string> = { [SEED_FILE]: sha256(seed.expose()) };
  if (found !== null) { for (const [name, bytes] of travelling(found)) digests[name] = sha256(bytes); }
  const maskPieces = function* (): Generator<Uint8Array> {
    const hash = new Digest(),
      hashed = (piece: Uint8Array): Uint8Array => {
        hash.add(piece);
        return piece;
      };
    yield hashed(masksHead(weightsId));
    for (const [i, { name }] of refs.entries()) {
      yield hashed(new Uint8Array(maskOf(seed, i, matrices.get(name)!, words[i]).buffer));
    }
    digests[MASKS_FILE] = hash.hex();
  };
  const publicPieces = function* (): Generator<Uint8Array> {
    if (digests[MASKS_FILE] === undefined) throw new Error("Internal error: the masks are written before their digest");
    yield new TextEncoder().encode(`${JSON.stringify({ ...prepared, digests }, null, 2)}\n`);
  };
  return {
    prepared,
    sampleTokens,
    magnitudes,
    maskBytes: refs.reduce((sum, { inputs, outputs }, i) => sum + 4 * inputs * outputs * words[i]!, 0),
    files: () => [
      [MASKS_FILE, maskPieces()],
      [SEED_FILE, [seed.expose()]],
      [SALT_FILE, [salt]],
      [SLUICE_FILE, publicPieces()],
    ],
  };
}

/**
 * Calibrates; a bidirectional model with padding behind the sample, so that the lengths of its texts can be hidden,
 * unless its values then do not fit.
 */
function calibrateFor(
  draft: ModelSpec,
  { weights, sample, padTo, note }: {
    readonly weights: (name: string) => Int32Array;
    readonly sample: Sample;
    readonly padTo: number;
    readonly note: (line: string) => void;
  },
): Calibration & { paddedPositions: number } {
  const { config } = draft;
  if (!config.causal) {
    const padded = withPadding(sample, config, padTo), count = tokensOf(padded, config);
    try {
      const calibration = calibrate({ ...draft, maxPositions: count, bucket: count }, weights, padded);
      // States of blocks alone have no positions.
      return { ...calibration, paddedPositions: "tokens" in sample ? count : Number.MAX_SAFE_INTEGER };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      note(`cannot hide the lengths of texts: ${error.message}`);
    }
  }
  const model = { ...draft, maxPositions: Math.max(tokensOf(sample, config), 2) };
  return { ...calibrate(model, weights, sample), paddedPositions: 0 };
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

async function textSample(files: ModelFiles, given: PrepareOptions["sample"], config: ModelConfig): Promise<Sample> {
  const limit = Math.min(MAX_SAMPLE_TOKENS, config.maxPositions),
    begin = config.bosTokenId === undefined ? [] : [config.bosTokenId],
    found = await readTokenizerFiles(files);
  if (found === null) {
    if (given !== undefined) {
      throw new ModelError(`Cannot calibrate on ${given.name} as ${files.name} has no tokenizer`);
    }
    // Without a tokenizer there is no text: every token id in turn, which reaches all rows of the embedding.
    return {
      tokens: [...begin, ...Array.from({ length: limit - begin.length }, (_, i) => (i * 7919) % config.vocabCount)],
    };
  }
  const tokens = createTokenizer(found.tokenizerJson, found.configJson).encode(given?.text ?? SAMPLE_TEXT);
  if (tokens.length === 0) throw new ModelError("Cannot calibrate as the sample text has no tokens");
  return { tokens: tokens.slice(0, limit) };
}

function hiddenSample(width: number, scale: number): Sample {
  return {
    hidden: Float64Array.from(
      syntheticInput(SYNTHETIC_SAMPLE_TOKENS, width, "calibration"),
      (value) => Math.round(value * 2 ** scale),
    ),
  };
}
