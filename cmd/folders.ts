/**
 * Folders and files that change as a whole: what is built lies beside what is there until it is complete and synced. A
 * kill at any time leaves the old or the new, and the next run cleans up.
 *
 * @module
 */

import { ignoreMissing, onDisk, syncFolder } from "../transport/durable.ts";

/** Where something is built, inside the folder that it is for; a run that was killed leaves it. */
const PART = ".sluice.part";
/** What is complete and only has to be moved to its place. */
const DONE = ".sluice.done";

/** Whether there is anything at a path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Where a file of a folder lies: if a run was killed while it moved files to their places, maybe not there yet. */
export async function placeOf(folder: string, name: string): Promise<string> {
  const done = `${folder}/${DONE}/${name}`;
  return await exists(done) ? done : `${folder}/${name}`;
}

/** Moves to their places what an earlier run has completed, and removes what it has not. */
export async function recover(folder: string): Promise<void> {
  await onDisk("write", folder, async () => {
    if (await exists(`${folder}/${DONE}`)) {
      for (const { name } of [...Deno.readDirSync(`${folder}/${DONE}`)]) {
        await Deno.rename(`${folder}/${DONE}/${name}`, `${folder}/${name}`);
      }
      await Deno.remove(`${folder}/${DONE}`);
      await syncFolder(folder);
    }
    await Deno.remove(`${folder}/${PART}`, { recursive: true }).catch(ignoreMissing);
  });
}

/** Removes what a run left that was killed while it moved these to their places, for one that makes them anew. */
export async function discard(folder: string, names: readonly string[]): Promise<void> {
  if (!await exists(`${folder}/${DONE}`)) return;
  await onDisk("write", folder, async () => {
    for (const name of [...names, DONE]) {
      await Deno.remove(`${folder}/${name}`, { recursive: true }).catch(ignoreMissing);
    }
  });
}

/**
 * Puts files or folders into a folder, all or none.
 *
 * @param build Writes them into another folder, where they are synced.
 * @throws {DiskError} If the disk does not take them; the folder is as it was.
 */
export async function putTogether(folder: string, build: (into: string) => Promise<void>): Promise<void> {
  const made = await onDisk("make", folder, () => Deno.mkdir(folder, { recursive: true }).then(() => folder));
  const part = `${made}/${PART}`, into = `${part}/${crypto.randomUUID()}`;
  await recover(made);
  try {
    await onDisk("make", into, () => Deno.mkdir(into, { recursive: true, mode: 0o700 }));
    await build(into);
    await onDisk("write", made, async () => {
      await syncFolder(into);
      await Deno.rename(into, `${made}/${DONE}`);
      await syncFolder(made);
    });
  } finally {
    await Deno.remove(part, { recursive: true }).catch(() => {});
  }
  await recover(made);
}

/** Writes a file and syncs it; its folder is synced with the others. */
export async function writePieces(path: string, pieces: Iterable<Uint8Array>, mode: number): Promise<void> {
  await onDisk("write", path, async () => {
    using file = await Deno.open(path, { write: true, createNew: true, mode });
    for (const piece of pieces) for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
    await file.sync();
  });
}
