import { ModelError } from "../core/errors.ts";
import { describe, isJsonObject, parseJsonObject } from "./fields.ts";
import type { ModelFiles } from "./files.ts";
import {
  decodeSafetensorsHeader,
  decodeTensor,
  SAFETENSORS_PREFIX_BYTES,
  type SafetensorsHeader,
  safetensorsHeaderBytes,
  type Tensor,
  tensorEntry,
} from "./safetensors.ts";

/** Name of a checkpoint that is one file. */
export const WEIGHTS_FILE = "model.safetensors";

/** Name of the index of a checkpoint that is split over several files. */
export const WEIGHTS_INDEX_FILE = "model.safetensors.index.json";

/** Where a model's weights come from. They are secret: they belong to party 0. */
export interface WeightSource {
  /** Says whether the checkpoint has a tensor of that name. */
  has(name: string): boolean;
  /** Names of all its tensors. */
  names(): Iterable<string>;
  /** Returns one tensor by its checkpoint name; throws a ModelError that names it when it is missing. */
  tensor(name: string): Promise<Tensor>;
}

/**
 * Opens a model folder's checkpoint: `model.safetensors`, or the files that `model.safetensors.index.json` lists.
 *
 * Only headers are read now; each tensor is read when it is asked for, so a large checkpoint never lies in memory whole.
 *
 * @throws {ModelError} If the folder has neither file, or a file is malformed or truncated.
 *
 * @example A checkpoint in memory
 * ```ts
 * import { memoryFiles } from "sluice/models/files.ts";
 * import { encodeSafetensors } from "sluice/models/safetensors.ts";
 * import { openWeights } from "sluice/models/weights.ts";
 * import assert from "node:assert/strict";
 *
 * const bytes = encodeSafetensors({ "model.norm.weight": { shape: [2], data: Float32Array.of(1, 1) } });
 * const weights = await openWeights(memoryFiles({ "model.safetensors": bytes }));
 *
 * assert.deepEqual((await weights.tensor("model.norm.weight")).shape, [2]);
 * ```
 */
export async function openWeights(files: ModelFiles): Promise<WeightSource> {
  if (await files.has(WEIGHTS_INDEX_FILE)) return openShards(files);
  if (!await files.has(WEIGHTS_FILE)) {
    throw new ModelError(
      `Cannot read weights as the model folder must hold ${WEIGHTS_FILE} or ${WEIGHTS_INDEX_FILE}: received neither`,
    );
  }
  const header = await readHeader(files, WEIGHTS_FILE);
  return {
    has: (name) => header.tensors.has(name),
    names: () => header.tensors.keys(),
    tensor: (name) => readTensor(files, header, name),
  };
}

async function openShards(files: ModelFiles): Promise<WeightSource> {
  const index = parseJsonObject(await files.read(WEIGHTS_INDEX_FILE), WEIGHTS_INDEX_FILE);
  const map = index["weight_map"];
  if (!isJsonObject(map)) {
    throw new ModelError(
      `Cannot read ${WEIGHTS_INDEX_FILE} as weight_map must be an object: received ${describe(map)}`,
    );
  }
  const headers = new Map<string, SafetensorsHeader>();
  for (const [name, file] of Object.entries(map)) {
    // The index is part of a downloaded folder: it must not lead out of that folder.
    if (typeof file !== "string" || !/^[\w.-]+\.safetensors$/.test(file)) {
      throw new ModelError(
        `Cannot read ${WEIGHTS_INDEX_FILE} as the file of ${name} must be a plain *.safetensors name: ` +
          `received ${describe(file)}`,
      );
    }
    let header = headers.get(file);
    if (header === undefined) headers.set(file, header = await readHeader(files, file));
    tensorEntry(header, name);
  }
  return {
    has: (name) => Object.hasOwn(map, name),
    names: () => Object.keys(map),
    tensor: async (name) => {
      const file = Object.hasOwn(map, name) ? map[name] as string : undefined;
      if (file === undefined) {
        throw new ModelError(
          `Cannot read tensor ${name} as ${WEIGHTS_INDEX_FILE} must list it: ` +
            `received ${Object.keys(map).length} other tensors`,
        );
      }
      return await readTensor(files, headers.get(file)!, name);
    },
  };
}

async function readHeader(files: ModelFiles, file: string): Promise<SafetensorsHeader> {
  const place = { file, sizeBytes: await files.sizeBytes(file) };
  const prefixBytes = Math.min(SAFETENSORS_PREFIX_BYTES, place.sizeBytes);
  const headerBytes = safetensorsHeaderBytes(await files.read(file, { beginBytes: 0, endBytes: prefixBytes }), place);
  const range = { beginBytes: SAFETENSORS_PREFIX_BYTES, endBytes: SAFETENSORS_PREFIX_BYTES + headerBytes };
  return decodeSafetensorsHeader(await files.read(file, range), place);
}

async function readTensor(files: ModelFiles, header: SafetensorsHeader, name: string): Promise<Tensor> {
  const entry = tensorEntry(header, name);
  return decodeTensor(await files.read(header.file, entry), entry, name);
}
