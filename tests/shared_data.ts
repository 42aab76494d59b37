import { memoryFiles, type ModelFiles } from "../models/files.ts";

/** Folder of checkpoints and data that are too large for the repository: `SLUICE_SHARED`, or `../shared`. */
function sharedRoot(): string {
  const fromEnvironment = Deno.permissions.querySync({ name: "env", variable: "SLUICE_SHARED" }).state === "granted"
    ? Deno.env.get("SLUICE_SHARED")
    : undefined;
  return fromEnvironment ?? `${import.meta.dirname}/../../shared`;
}

/**
 * Finds a folder of the shared data.
 *
 * @returns The folder's path, or why it cannot be used: tests are then ignored and put the reason into their names.
 */
export function sharedFolder(path: string): { folder: string; missing: string } {
  const folder = `${sharedRoot()}/${path}`;
  try {
    Deno.statSync(folder);
    return { folder, missing: "" };
  } catch (error) {
    return { folder, missing: ` (ignored: shared data ${path}: ${(error as Error).name})` };
  }
}

/** Reads files of a folder into memory. */
export async function readFolder(folder: string, names: readonly string[]): Promise<ModelFiles> {
  const entries = names.map(async (name) => [name, await Deno.readFile(`${folder}/${name}`)] as const);
  return memoryFiles(Object.fromEntries(await Promise.all(entries)));
}
