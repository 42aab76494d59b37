/**
 * The dealer's masks of the weights, R_w = Ŵ - W, as a file.
 *
 * ```text
 * dealer.masks = "SLUICEW1" (8 bytes) || weights id (32 bytes, padded with spaces) || R_w of every matrix in the order of the forward pass (u32, little-endian)
 * ```
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import type { ModelFiles } from "../models/files.ts";
import { MASKS_FILE } from "./model_folder.ts";

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
