/** Files that are whole or absent, whatever happens while they are written. */

import { DiskError, hinted } from "../core/errors.ts";

/** What a user can do about an error of the system, by its code. */
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "make room there and run the command again: nothing is lost",
  EDQUOT: "make room there and run the command again: nothing is lost",
  EACCES: "check who may read and write there",
  EPERM: "check who may read and write there",
  EROFS: "choose a place that can be written",
  ENOENT: "make the folder first, or choose another",
  ENOTDIR: "choose a folder",
  EISDIR: "choose a file",
};

/** The code of an error of the system, as `ENOSPC`; null of any other. */
export function systemCode(error: unknown): string | null {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

/**
 * Runs what reads or writes at a path.
 *
 * @param verb What it does there, for the error.
 * @throws {DiskError} Instead of errors of the system; `Deno.errors.AlreadyExists` stays, for callers that ask for it.
 */
export async function onDisk<T>(verb: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const code = systemCode(cause);
    if (code === null || cause instanceof Deno.errors.AlreadyExists) throw cause;
    const [reason] = (cause as Error).message.split(/ \(os error |: /);
    const error = new DiskError(`Cannot ${verb} ${path} as the disk must allow it: received ${reason}`, { cause });
    throw hinted(error, HINTS[code] ?? "check the disk there");
  }
}

/**
 * Writes a new file durably: under another name first, synced, then linked to its own. A full disk or a power cut
 * leaves the folder as it was.
 *
 * @throws {Deno.errors.AlreadyExists} If the name is taken.
 * @throws {DiskError} If the disk does not take it.
 */
export async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.${crypto.randomUUID()}.part`;
  await onDisk("write", path, async () => {
    try {
      await writeSynced(part, bytes);
      await linkOrCreate(part, path, bytes);
    } finally {
      await Deno.remove(part).catch(ignoreMissing);
    }
    await syncFolder(path.slice(0, path.lastIndexOf("/") + 1) || ".");
  });
}

/** Gives a synced file its name, unless that is taken; where the file system knows no links, by writing it there. */
async function linkOrCreate(part: string, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await Deno.link(part, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    await writeSynced(path, bytes);
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  await file.sync();
}

/** Makes new names in a folder durable; Windows has no such call. */
export async function syncFolder(dir: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(dir, { read: true });
  await folder.sync();
}

/** For a `catch`: passes over a file that is not there. */
export function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
