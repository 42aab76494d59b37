/**
 * A model folder on disk.
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
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { Seed, SEED_BYTES } from "../core/prg/seed.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { parseModelConfig } from "../models/config.ts";
import type { ByteRange, ModelFiles } from "../models/files.ts";
import type { FoldedSource } from "../models/matrices.ts";
import { foldModel } from "../models/fold.ts";
import { namedShape } from "../models/shapes.ts";
import { syntheticWeights } from "../models/synthetic.ts";
import { openWeights } from "../models/weights.ts";
import type { ModelScope, ModelSpec } from "../pipeline/forward/model_spec.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { Oracle, type OracleOptions } from "../pipeline/forward/oracle.ts";
import type { Scales } from "../pipeline/forward/scales.ts";
import { collectIntegers } from "../pipeline/forward/weights.ts";

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

const MASKS_MAGIC = new TextEncoder().encode("SLUICEW1");
const FORMAT = 2;

/** Contents of `sluice.json`. */
export interface Prepared {
  readonly format: number;
  readonly scope: ModelScope;
  /** Random id of this preparation: one per set of weight masks. */
  readonly weightsId: string;
  /** SHA-256 of party 0's salt, the client's seed and the quantised integers. */
  readonly weightsDigest: string;
  readonly scales: Scales;
  /** Positions up to which the scales were calibrated on padding too: the longest text whose length can be hidden. */
  readonly paddedPositions?: number;
}

/** A shape with weights from a public seed, for measurements. */
export interface Synthetic {
  readonly arch: string;
  readonly layers?: number | undefined;
  readonly seed: number;
}

/** Files of a folder on disk. */
export function diskFiles(folder: string): ModelFiles {
  return {
    has: (name) => exists(`${folder}/${name}`),
    sizeBytes: async (name) => (await Deno.stat(`${folder}/${name}`)).size,
    async read(name: string, range?: ByteRange) {
      const path = `${folder}/${name}`;
      if (range === undefined) return await readOrExplain(path);
      using file = await Deno.open(path);
      await file.seek(range.beginBytes, Deno.SeekMode.Start);
      const out = new Uint8Array(range.endBytes - range.beginBytes);
      for (let at = 0; at < out.length;) {
        const got = await file.read(out.subarray(at));
        if (got === null) {
          throw new ModelError(
            `Cannot read ${path} as it must hold ${range.endBytes} bytes: received ${range.beginBytes + at}`,
          );
        }
        at += got;
      }
      return out;
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/**
 * Reads a file that a command needs.
 *
 * @throws {ModelError} If it does not exist.
 */
export async function readOrExplain(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      throw new ModelError(`Cannot read ${path} as the file does not exist`, { cause });
    }
    throw cause;
  }
}

/** The public shape of a folder's model. */
export async function readConfig(folder: string): Promise<{ config: ModelConfig; synthetic: Synthetic | null }> {
  const files = diskFiles(folder);
  if (await files.has(SYNTHETIC_FILE)) {
    const synthetic = JSON.parse(new TextDecoder().decode(await files.read(SYNTHETIC_FILE))) as Synthetic;
    return { config: namedShape(synthetic.arch, { layers: synthetic.layers }), synthetic };
  }
  return { config: parseModelConfig(await files.read("config.json")), synthetic: null };
}

/** The matrices of a folder's model, folded; read one at a time. */
export async function readWeights(folder: string): Promise<FoldedSource> {
  const { config, synthetic } = await readConfig(folder);
  return foldModel(
    config,
    synthetic === null ? await openWeights(diskFiles(folder)) : syntheticWeights(config, synthetic.seed),
  );
}

/** Reads `sluice.json`. */
export async function readPrepared(folder: string): Promise<Prepared> {
  const path = `${folder}/${SLUICE_FILE}`;
  if (!await exists(path)) {
    throw new ModelError(`Cannot use ${folder} as it is not prepared: run sluice prepare --model ${folder}`);
  }
  let prepared: Prepared;
  try {
    prepared = JSON.parse(new TextDecoder().decode(await readOrExplain(path)));
  } catch (cause) {
    throw new ModelError(`Cannot read ${path} as it is not JSON`, { cause });
  }
  if (prepared?.format !== FORMAT) {
    throw new ModelError(`Cannot read ${path} as its format must be ${FORMAT}: received ${prepared?.format}`);
  }
  const { weightsId, weightsDigest, scope, scales } = prepared, texts = [weightsId, weightsDigest, scope];
  if (texts.some((text) => typeof text !== "string") || typeof scales !== "object" || scales === null) {
    throw new ModelError(
      `Cannot read ${path} as it must hold scope, weightsId, weightsDigest and scales: received ${
        Object.keys(prepared).join(", ")
      }`,
    );
  }
  const { residualBits } = scales;
  if (!(Number.isInteger(residualBits) && residualBits >= 32 && residualBits <= 64)) {
    throw new ModelError(`Cannot read ${path} as residualBits must be 32 to 64: received ${residualBits}`);
  }
  return prepared;
}

/** Writes `sluice.json`. */
export async function writePrepared(folder: string, prepared: Omit<Prepared, "format">): Promise<void> {
  await Deno.writeTextFile(`${folder}/${SLUICE_FILE}`, JSON.stringify({ format: FORMAT, ...prepared }, null, 2) + "\n");
}

/** Removes `sluice.json`, if there is one. */
export async function removePrepared(folder: string): Promise<void> {
  if (await exists(`${folder}/${SLUICE_FILE}`)) await Deno.remove(`${folder}/${SLUICE_FILE}`);
}

/** What the parties of a session run. */
export function modelSpec(
  config: ModelConfig,
  prepared: Pick<Prepared, "scope" | "scales">,
  maxPositions: number,
  rounding: Rounding,
  bucket?: number,
): ModelSpec {
  const model = { scope: prepared.scope, config, scales: prepared.scales, maxPositions, rounding };
  return bucket === undefined ? model : { ...model, bucket };
}

/** The oracle of a prepared folder's model, at position 0. */
export async function readOracle(
  folder: string,
  maxPositions: number,
  rounding: Rounding = "nearest",
  options: OracleOptions & { readonly bucket?: number | undefined } = {},
): Promise<{ model: ModelSpec; oracle: Oracle }> {
  const source = await readWeights(folder),
    model = modelSpec(source.config, await readPrepared(folder), maxPositions, rounding, options.bucket),
    matrices = await collectIntegers(model, source);
  return { model, oracle: new Oracle(model, (name) => matrices.get(name)!.data, options) };
}

/** Writes the client's seed, readable by its owner alone. */
export async function writeSeed(folder: string, seed: Seed): Promise<void> {
  await Deno.writeFile(`${folder}/${SEED_FILE}`, seed.expose(), { mode: 0o600 });
}

/** Reads the client's seed. */
export async function readSeed(folder: string): Promise<Seed> {
  const bytes = await readOrExplain(`${folder}/${SEED_FILE}`);
  if (bytes.length !== SEED_BYTES) {
    throw new ModelError(
      `Cannot read ${folder}/${SEED_FILE} as it must have ${SEED_BYTES} bytes: received ${bytes.length}`,
    );
  }
  return Seed.from(bytes);
}

/** Writes the salt of the weights' digest, readable by its owner alone. */
export async function writeSalt(folder: string, salt: Uint8Array): Promise<void> {
  await Deno.writeFile(`${folder}/${SALT_FILE}`, salt, { mode: 0o600 });
}

/** Reads the salt of the weights' digest. */
export function readSalt(folder: string): Promise<Uint8Array> {
  return readOrExplain(`${folder}/${SALT_FILE}`);
}

/** Writes the dealer's masks matrix by matrix. */
export async function createMasks(
  folder: string,
  weightsId: string,
): Promise<{ write(mask: Uint32Array): Promise<void>; close(): void }> {
  const file = await Deno.open(`${folder}/${MASKS_FILE}`, { write: true, create: true, truncate: true, mode: 0o600 });
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  };
  await write(MASKS_MAGIC);
  await write(idBytes(weightsId));
  return {
    write: (mask) => write(new Uint8Array(mask.buffer, mask.byteOffset, mask.byteLength)),
    close: () => file.close(),
  };
}

function idBytes(weightsId: string): Uint8Array {
  return new TextEncoder().encode(weightsId.padEnd(32)).slice(0, 32);
}

/** Reads the dealer's masks in order; `counts` are the words of the matrices. */
export async function openMasks(
  folder: string,
  weightsId: string,
  counts: readonly number[],
): Promise<{ read(index: number): Promise<Uint32Array>; close(): void }> {
  const path = `${folder}/${MASKS_FILE}`,
    head = MASKS_MAGIC.length + 32,
    total = head + 4 * counts.reduce((a, b) => a + b, 0);
  if (!await exists(path)) throw new ModelError(`Cannot deal keys as ${path} does not exist`);
  const file = await Deno.open(path), { size } = await file.stat();
  const readAt = async (offset: number, bytes: number): Promise<Uint8Array> => {
    await file.seek(offset, Deno.SeekMode.Start);
    const out = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      const got = await file.read(out.subarray(at));
      if (got === null) {
        throw new ModelError(
          `Cannot read ${path} as it is truncated: expected ${total} bytes, received ${offset + at}`,
        );
      }
      at += got;
    }
    return out;
  };
  try {
    if (size !== total) throw new ModelError(`Cannot read ${path} as it must have ${total} bytes: received ${size}`);
    const begin = await readAt(0, head), want = [...MASKS_MAGIC, ...idBytes(weightsId)];
    if (!want.every((byte, i) => byte === begin[i])) {
      throw new ModelError(`Cannot read ${path} as its masks belong to other weights`);
    }
  } catch (error) {
    file.close();
    throw error;
  }
  const offsets = counts.map((_, i) => head + 4 * counts.slice(0, i).reduce((a, b) => a + b, 0));
  return {
    read: async (index) => new Uint32Array((await readAt(offsets[index]!, 4 * counts[index]!)).buffer),
    close: () => file.close(),
  };
}
