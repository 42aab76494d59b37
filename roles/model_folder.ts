/**
 * A model's files, as roles read them.
 *
 * | file                              | written by | who may have it                                |
 * | --------------------------------- | ---------- | ---------------------------------------------- |
 * | `config.json`, `tokenizer.json`   | the model  | everybody                                      |
 * | `model.safetensors` (or an index) | the model  | party 0                                        |
 * | `sluice.json`                     | prepare    | everybody: scales, weights id, digest          |
 * | `weights.salt`                    | prepare    | party 0                                        |
 * | `client.seed`                     | prepare    | party 0 and the client, never the dealer       |
 * | `dealer.masks`                    | prepare    | party 0 and the dealer, never the client       |
 *
 * ```text
 * dealer.masks = "SLUICEW1" (8 bytes) || weights id (32 bytes, padded with spaces) || R_w of every matrix, in order
 * R_w          = u32 words, little-endian
 * ```
 *
 * @module
 */

import type { Engine } from "../core/engine.ts";
import { ModelError } from "../core/errors.ts";
import { Seed, SEED_BYTES } from "../core/prg/seed.ts";
import { readModelConfig, type TaskOptions } from "../models/task.ts";
import type { ModelFiles } from "../models/files.ts";
import { foldModel } from "../models/fold.ts";
import type { FoldedSource } from "../models/matrices.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { namedShape } from "../models/shapes.ts";
import { syntheticWeights } from "../models/synthetic.ts";
import { openWeights } from "../models/weights.ts";
import type { ModelScope } from "../pipeline/forward/model_spec.ts";
import type { Scales } from "../pipeline/forward/scales.ts";

/** Name of the file of public numbers. */
export const SLUICE_FILE = "sluice.json";
/** Name of the client's seed of Ŵ. */
export const SEED_FILE = "client.seed";
/** Name of the dealer's masks R_w. */
export const MASKS_FILE = "dealer.masks";
/** Name of the salt of the weights' digest. */
export const SALT_FILE = "weights.salt";
/** Names a shape whose weights come from a seed instead of a checkpoint. */
export const SYNTHETIC_FILE = "synthetic.json";

/** Version of the files that are prepared. */
export const FORMAT = 3;

/** Contents of `sluice.json`. */
export interface Prepared {
  /** {@linkcode FORMAT}. */
  readonly format: number;
  /** What is computed. */
  readonly scope: ModelScope;
  /** The model's public numbers, with what it is used for. */
  readonly config: ModelConfig;
  /** Random id of this preparation: one per set of weight masks. */
  readonly weightsId: string;
  /** SHA-256 of party 0's salt, the client's seed and the quantised integers. */
  readonly weightsDigest: string;
  /** The model's fixed-point numbers. */
  readonly scales: Scales;
  /** Positions up to which the scales were calibrated on padding too: the longest text whose length can be hidden. */
  readonly paddedPositions?: number;
}

/** What owner and dealer work with. */
export interface ModelOptions {
  /** The prepared model; the dealer's has neither weights nor seed. */
  readonly files: ModelFiles;
  /** The role's arithmetic; its sessions share it. */
  readonly engine: Engine;
}

/** A shape with weights from a public seed, for measurements. */
export interface Synthetic {
  /** Name of the shape. */
  readonly arch: string;
  /** Fewer or more layers than it has. */
  readonly layers?: number | undefined;
  /** Seed of the weights. */
  readonly seed: number;
}

function parseJson<T>(bytes: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/**
 * The public shape of a model, as it was prepared or else as its files say, and where its weights come from if not from a
 * checkpoint.
 *
 * @param task What it shall be used for: of a model that is to be prepared.
 */
export async function readConfig(
  files: ModelFiles,
  task?: TaskOptions,
): Promise<{ config: ModelConfig; synthetic: Synthetic | null }> {
  if (await files.has(SYNTHETIC_FILE)) {
    const synthetic = parseJson<Synthetic>(await files.read(SYNTHETIC_FILE));
    return { config: namedShape(synthetic.arch, { layers: synthetic.layers }), synthetic };
  }
  const prepared = task === undefined && await files.has(SLUICE_FILE);
  return {
    config: prepared ? (await readPrepared(files)).config : await readModelConfig(files, task),
    synthetic: null,
  };
}

/** The matrices of a model, folded; read one at a time. */
export async function readWeights(files: ModelFiles, task?: TaskOptions): Promise<FoldedSource> {
  const { config, synthetic } = await readConfig(files, task);
  return foldModel(config, synthetic === null ? await openWeights(files) : syntheticWeights(config, synthetic.seed));
}

/**
 * Reads `sluice.json`.
 *
 * @throws {ModelError} If the model is not prepared, or by another version.
 */
export async function readPrepared(files: ModelFiles): Promise<Prepared> {
  const { name } = files, path = `${name}/${SLUICE_FILE}`;
  if (!await files.has(SLUICE_FILE)) {
    throw new ModelError(`Cannot use ${name} as it is not prepared: run sluice prepare --model ${name}`);
  }
  const bytes = await files.read(SLUICE_FILE);
  let prepared: Prepared;
  try {
    prepared = parseJson(bytes);
  } catch (cause) {
    throw new ModelError(`Cannot read ${path} as it is not JSON`, { cause });
  }
  if (prepared?.format !== FORMAT) {
    throw new ModelError(`Cannot read ${path} as its format must be ${FORMAT}: received ${prepared?.format}`);
  }
  const { weightsId, weightsDigest, scope, scales, config } = prepared, texts = [weightsId, weightsDigest, scope];
  if (
    texts.some((text) => typeof text !== "string") || typeof scales !== "object" || scales === null ||
    typeof config !== "object"
  ) {
    const fields = Object.keys(prepared).join(", ");
    throw new ModelError(
      `Cannot read ${path} as it must hold scope, config, weightsId, weightsDigest and scales: received ${fields}`,
    );
  }
  const { residualBits } = scales;
  if (!(Number.isInteger(residualBits) && residualBits >= 32 && residualBits <= 64)) {
    throw new ModelError(`Cannot read ${path} as residualBits must be 32 to 64: received ${residualBits}`);
  }
  return prepared;
}

/**
 * Reads the client's seed.
 *
 * @throws {ModelError} If it has another length.
 */
export async function readSeed(files: ModelFiles): Promise<Seed> {
  const bytes = await files.read(SEED_FILE);
  if (bytes.length !== SEED_BYTES) {
    throw new ModelError(
      `Cannot read ${files.name}/${SEED_FILE} as it must have ${SEED_BYTES} bytes: received ${bytes.length}`,
    );
  }
  return Seed.from(bytes);
}

/** The first bytes of the file of a preparation's masks. */
export function masksHead(weightsId: string): Uint8Array {
  return new TextEncoder().encode(`SLUICEW1${weightsId.padEnd(32).slice(0, 32)}`);
}

/**
 * Reads the masks in order, one matrix in memory at a time.
 *
 * @param counts Words of the matrices.
 * @throws {ModelError} If the file is missing, has another length, or belongs to other weights.
 */
export async function* readMasks(
  files: ModelFiles,
  weightsId: string,
  counts: readonly number[],
): AsyncGenerator<Uint32Array> {
  const path = `${files.name}/${MASKS_FILE}`, head = masksHead(weightsId);
  if (!await files.has(MASKS_FILE)) throw new ModelError(`Cannot deal keys as ${path} does not exist`);
  const size = await files.sizeBytes(MASKS_FILE), total = head.length + 4 * counts.reduce((a, b) => a + b, 0);
  if (size !== total) throw new ModelError(`Cannot read ${path} as it must have ${total} bytes: received ${size}`);
  const begin = await files.read(MASKS_FILE, { beginBytes: 0, endBytes: head.length });
  if (head.some((byte, i) => byte !== begin[i])) {
    throw new ModelError(`Cannot read ${path} as its masks belong to other weights`);
  }
  let beginBytes = head.length;
  for (const count of counts) {
    const endBytes = beginBytes + 4 * count, bytes = await files.read(MASKS_FILE, { beginBytes, endBytes });
    const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    yield new Uint32Array(buffer, byteOffset, count);
    beginBytes = endBytes;
  }
}
