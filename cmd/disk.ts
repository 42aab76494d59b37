/**
 * Models and keys on disk, as the roles want them.
 *
 * @module
 */

import { hinted, KeyError, ModelError } from "../core/errors.ts";
import type { ByteRange, ModelFiles } from "../models/files.ts";
import type { Deal } from "../roles/dealer.ts";
import type { ModelCache } from "../roles/handover.ts";
import { openKeys, type PartyKeys } from "../roles/keys.ts";
import { SLUICE_FILE } from "../roles/model_folder.ts";
import type { Preparation } from "../roles/prepare.ts";
import {
  claimKeys,
  createKeyFile,
  createKeyFolder,
  eraseKeys,
  type KeyFileWriter,
  openKeyFile,
  unclaimKeys,
  usedBy,
  writeLinkKey,
} from "../transport/key_file.ts";
import { onDisk } from "../transport/durable.ts";
import { Ledger, usedError } from "../transport/ledger.ts";
import { discard, exists, placeOf, putTogether, writePieces } from "./folders.ts";

/** Files of a folder on disk. */
export function diskFiles(folder: string): ModelFiles {
  return {
    name: folder,
    has: async (name) => await exists(await placeOf(folder, name)),
    sizeBytes: async (name) => (await Deno.stat(await placeOf(folder, name))).size,
    async read(name: string, range?: ByteRange) {
      const path = await placeOf(folder, name);
      if (range === undefined) return await readOrExplain(path);
      return await onDisk("read", path, async () => {
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
      });
    },
  };
}

/**
 * Reads a file that a command needs.
 *
 * @throws {ModelError} If it does not exist.
 */
export async function readOrExplain(path: string): Promise<Uint8Array> {
  if (!await exists(path)) throw new ModelError(`Cannot read ${path} as the file does not exist`);
  return await onDisk("read", path, () => Deno.readFile(path));
}

/** Writes what was prepared beside a model, all or none. All but the public file is readable by its owner alone. */
export async function writePreparation(folder: string, preparation: Preparation): Promise<void> {
  await putTogether(folder, async (into) => {
    for (const [name, pieces] of preparation.files()) {
      await writePieces(`${into}/${name}`, pieces, name === SLUICE_FILE ? 0o644 : 0o600);
    }
  });
}

/**
 * What the client keeps of models, in files named by their SHA-256.
 *
 * @param note Told once where the folder cannot be written: the session goes on without.
 */
export function diskCache(cache: string, note: (line: string) => void): ModelCache {
  let told = false;
  return {
    load: async (digest) => await exists(`${cache}/${digest}`) ? await Deno.readFile(`${cache}/${digest}`) : null,
    async save(digest: string, bytes: Uint8Array): Promise<void> {
      const path = `${cache}/${digest}`, part = `${path}.${crypto.randomUUID()}`;
      try {
        await Deno.mkdir(cache, { recursive: true, mode: 0o700 });
        await Deno.writeFile(part, bytes, { mode: 0o600 });
        await Deno.rename(part, path);
      } catch (error) {
        await Deno.remove(part).catch(() => {});
        if (!told) note(`keeps nothing of this model in ${cache}: ${(error as Error).message}`);
        told = true;
      }
    },
  };
}

/** Where models are cached unless the user says otherwise. */
export function defaultCache(): string {
  const home = Deno.env.get("HOME"), cache = home === undefined ? ".cache" : `${home}/.cache`;
  return `${Deno.env.get("XDG_CACHE_HOME") ?? cache}/sluice`;
}

/** Where used key sets are noted unless the user says otherwise. */
export function defaultLedger(): string {
  const home = Deno.env.get("HOME"), state = home === undefined ? ".state" : `${home}/.local/state`;
  return `${Deno.env.get("XDG_STATE_HOME") ?? state}/sluice/ledger.db`;
}

/** A party's key folder, open. */
export interface KeyFolder {
  readonly keys: PartyKeys;
  readonly linkKey: Uint8Array;
  /** Whether the keys are spent: claimed, by this process or before. */
  readonly spent: boolean;
  /** Deletes the key stream, if it is spent; says so where that fails. */
  erase(note: (line: string) => void): Promise<void>;
  close(): void;
}

/**
 * Opens a key folder.
 *
 * @param ledger Path of the ledger, in which keys are looked up, and noted when they are claimed.
 * @throws {KeyError} If the keys are missing, truncated, of the other party, already used, or of another version of
 * sluice.
 */
export async function openKeyFolder(folder: string, party: 0 | 1, ledger: string): Promise<KeyFolder> {
  const used = await usedBy(folder);
  if (used !== null) throw spentError(`Cannot use ${folder} as its keys were already used by session ${used}`);
  const file = await openKeyFile(folder, { party }), { header, linkKey } = file, { session } = header;
  let notes: Ledger | undefined;
  try {
    notes = await Ledger.open(ledger);
    if (notes.has(session, party)) throw spentError(usedError(ledger, session).message);
    let spent = false;
    const keys = await openKeys({
      name: folder,
      header,
      read: (into, offset) => file.read(into, offset),
      openAhead: (bytes) => file.openAhead(bytes),
      claim: async () => {
        await notes!.claim(session, party, () => claimKeys(folder, session), () => unclaimKeys(folder));
        spent = true;
      },
    });
    return {
      keys,
      linkKey,
      get spent() {
        return spent;
      },
      erase: async (note) => {
        if (spent) await eraseKeys(folder).catch(({ message }) => note(`cannot delete the spent keys: ${message}`));
      },
      close: () => {
        file.close();
        notes!.close();
      },
    };
  } catch (error) {
    file.close();
    notes?.close();
    throw error;
  }
}

function spentError(message: string): KeyError & { readonly keysSpent: true } {
  return Object.assign(new KeyError(message), { keysSpent: true as const });
}

/** Folders of the parties in what the dealer hands out. */
const PARTY_FOLDERS = ["party0", "party1"] as const;

/**
 * Writes the key folders of both parties into a folder, both or none.
 *
 * @param write Writes both streams.
 * @throws {KeyError} If one of them is there and not empty.
 */
export async function writeKeyFolders(
  out: string,
  { headers, linkKey }: Pick<Deal, "headers" | "linkKey">,
  write: (outputs: readonly [KeyFileWriter, KeyFileWriter]) => Promise<void>,
): Promise<void> {
  await discard(out, PARTY_FOLDERS);
  for (const name of PARTY_FOLDERS) {
    const folder = `${out}/${name}`, [first] = await exists(folder) ? Deno.readDirSync(folder) : [];
    if (first === undefined) continue;
    const message = `Cannot deal keys into ${folder} as it must be empty: received a folder with ${first.name}`;
    throw hinted(new KeyError(message), "give --out a new folder");
  }
  await putTogether(out, async (into) => {
    const files: KeyFileWriter[] = [];
    try {
      for (const [party, name] of PARTY_FOLDERS.entries()) {
        await createKeyFolder(`${into}/${name}`);
        await writeLinkKey(`${into}/${name}`, linkKey);
        files.push(await createKeyFile(`${into}/${name}`, headers[party]!));
      }
      await write(files as [KeyFileWriter, KeyFileWriter]);
      for (const file of files) await file.finish();
    } finally {
      for (const file of files) file.close();
    }
  });
}
