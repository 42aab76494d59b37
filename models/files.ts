import { ModelError } from "../core/errors.ts";

/** A half-open range of a file's bytes. */
export interface ByteRange {
  /** First byte. */
  readonly beginBytes: number;
  /** One past the last byte. */
  readonly endBytes: number;
}

/**
 * A model folder. The disk's implementation belongs to the command line; {@linkcode memoryFiles} is the one in memory.
 *
 * Reading a range keeps memory flat: a checkpoint of many gigabytes is read tensor by tensor.
 */
export interface ModelFiles {
  /** What messages call the folder. */
  readonly name: string;
  /** Says whether the folder holds that file. */
  has(name: string): Promise<boolean>;
  /** Returns the file's length in bytes. Throws when there is no such file. */
  sizeBytes(name: string): Promise<number>;
  /** Returns the file's bytes, or those of `range` alone. Throws when there is no such file or it ends before the range. */
  read(name: string, range?: ByteRange): Promise<Uint8Array>;
}

/**
 * Makes a model folder of bytes in memory, without copying them.
 *
 * @param files File names and their bytes.
 * @param name What messages call the folder.
 *
 * @example A folder of one file
 * ```ts
 * import { memoryFiles } from "sluice/models/files.ts";
 * import assert from "node:assert/strict";
 *
 * const files = memoryFiles({ "config.json": new TextEncoder().encode("{}") });
 *
 * assert.equal(await files.has("tokenizer.json"), false);
 * ```
 */
export function memoryFiles(files: Readonly<Record<string, Uint8Array>>, name: string = "the model"): ModelFiles {
  const bytesOf = (name: string): Uint8Array => {
    const bytes = Object.hasOwn(files, name) ? files[name] : undefined;
    if (bytes === undefined) {
      throw new ModelError(
        `Cannot read ${name} as the model folder must hold it: received ${Object.keys(files).join(", ") || "no files"}`,
      );
    }
    return bytes;
  };
  return {
    name,
    has: (name) => Promise.resolve(Object.hasOwn(files, name)),
    sizeBytes: (name) => Promise.try(() => bytesOf(name).length),
    read: (name, range) =>
      Promise.try(() => {
        const bytes = bytesOf(name);
        if (range === undefined) return bytes;
        if (range.endBytes > bytes.length) {
          throw new ModelError(`Cannot read ${name} as it must hold ${range.endBytes} bytes: received ${bytes.length}`);
        }
        return bytes.subarray(range.beginBytes, range.endBytes);
      }),
  };
}
