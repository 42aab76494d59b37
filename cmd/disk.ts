/**
 * Models and keys on disk, as the roles want them.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import type { ByteRange, ModelFiles } from "../models/files.ts";
import { type ModelCache, type ReceivedFiles, TRAVELLING } from "../roles/handover.ts";
import { openKeys, type PartyKeys } from "../roles/keys.ts";
import { SEED_FILE, SLUICE_FILE } from "../roles/model_folder.ts";
import type { Preparation } from "../roles/prepare.ts";
import {
  createKeyFile,
  createKeyFolder,
  type KeyFileWriter,
  type KeyHeader,
  openKeyFile,
  readLinkKey,
  usedBy,
} from "../transport/key_file.ts";

/** Files of a folder on disk. */
export function diskFiles(folder: string): ModelFiles {
  return {
    name: folder,
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

/**
 * Writes what was prepared beside a model. All but the public file is readable by its owner alone; until that is
 * written again, the folder is not prepared.
 */
export async function writePreparation(folder: string, preparation: Preparation): Promise<void> {
  if (await exists(`${folder}/${SLUICE_FILE}`)) await Deno.remove(`${folder}/${SLUICE_FILE}`);
  for (const [name, pieces] of preparation.files()) {
    const options = { write: true, create: true, truncate: true, ...(name === SLUICE_FILE ? {} : { mode: 0o600 }) };
    using file = await Deno.open(`${folder}/${name}`, options);
    for (const piece of pieces) for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  }
}

/** Models that the client keeps: each in a folder named by its weights id. */
export function diskCache(cache: string): ModelCache {
  return {
    async load(weightsId: string): Promise<ReceivedFiles | null> {
      const files = diskFiles(`${cache}/${weightsId}`), found = new Map<string, Uint8Array>();
      if (!await files.has(SEED_FILE)) return null;
      for (const name of TRAVELLING) found.set(name, await files.read(name));
      return found;
    },
    async save(weightsId: string, files: ReceivedFiles): Promise<void> {
      const folder = `${cache}/${weightsId}`;
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      // The seed comes last, and each file under another name first: a folder that has the seed is complete.
      for (const [name, bytes] of files) {
        const path = `${folder}/${name}`, part = `${path}.${crypto.randomUUID()}`;
        await Deno.writeFile(part, bytes, { mode: 0o600 });
        await Deno.rename(part, path);
      }
    },
  };
}

/** Where models are cached unless the user says otherwise. */
export function defaultCache(): string {
  const home = Deno.env.get("HOME"), cache = home === undefined ? ".cache" : `${home}/.cache`;
  return `${Deno.env.get("XDG_CACHE_HOME") ?? cache}/sluice`;
}

/** A party's key folder, open. */
export interface KeyFolder {
  readonly keys: PartyKeys;
  readonly linkKey: Uint8Array;
  close(): void;
}

/**
 * Opens a key folder.
 *
 * @throws {KeyError} If the keys are missing, truncated, of the other party, already used, or of another version of
 * sluice.
 */
export async function openKeyFolder(folder: string, party: 0 | 1): Promise<KeyFolder> {
  const session = await usedBy(folder);
  if (session !== null) throw new KeyError(`Cannot use ${folder} as its keys were already used by session ${session}`);
  const file = await openKeyFile(folder, { party });
  try {
    return { linkKey: await readLinkKey(folder), keys: await openKeys(file), close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Creates the key files of both parties in folders of their own.
 *
 * @throws {KeyError} If a folder is not empty.
 */
export async function createKeyFiles(
  folders: readonly [string, string],
  headers: readonly [KeyHeader, KeyHeader],
): Promise<[KeyFileWriter, KeyFileWriter]> {
  for (const folder of folders) {
    await createKeyFolder(folder);
    for await (const entry of Deno.readDir(folder)) {
      const message = `Cannot deal keys into ${folder} as it must be empty: received a folder with ${entry.name}`;
      throw Object.assign(new KeyError(message), { hint: "give --out a new folder" });
    }
  }
  return await Promise.all([createKeyFile(folders[0], headers[0]), createKeyFile(folders[1], headers[1])]);
}
