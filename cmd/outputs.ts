/**
 * Files that the client wants beside its answer: opened before its keys are claimed, so that a bad path costs nothing, and
 * written when the answer is out, which no failing write hides.
 *
 * @module
 */

import { onDisk } from "../transport/durable.ts";
import type { Options } from "./args.ts";

/** Files that are open and not written yet, by the flag that names each. */
export class Outputs {
  readonly #files = new Map<string, { readonly path: string; readonly file: Deno.FsFile; readonly isNew: boolean }>();

  /**
   * Opens the files that flags name.
   *
   * @throws {DiskError} If one cannot be opened; none is left behind then.
   */
  static async open(options: Options, flags: readonly string[]): Promise<Outputs> {
    const outputs = new Outputs();
    try {
      for (const flag of flags) {
        const path = options.text(flag);
        if (path !== undefined) await outputs.#open(flag, path);
      }
    } catch (error) {
      await outputs.close();
      throw error;
    }
    return outputs;
  }

  async #open(flag: string, path: string): Promise<void> {
    const isNew = await Deno.stat(path).then(() => false, () => true);
    const file = await onDisk("write", path, () => Deno.open(path, { write: true, create: true, mode: 0o600 }));
    this.#files.set(flag, { path, file, isNew });
  }

  /** Writes a file that is wanted, whole; what was in it is gone. */
  async write(flag: string, bytes: () => Uint8Array | Promise<Uint8Array>): Promise<void> {
    const found = this.#files.get(flag);
    if (found === undefined) return;
    const { path, file } = found, content = await bytes();
    await onDisk("write", path, async () => {
      // A pipe or a terminal has nothing to cut.
      if ((await file.stat()).isFile) await file.truncate();
      for (let at = 0; at < content.length;) at += await file.write(content.subarray(at));
    });
    file.close();
    this.#files.delete(flag);
  }

  /** Closes what was not written, and removes it where it was not there before. Idempotent. */
  async close(): Promise<void> {
    for (const { path, file, isNew } of this.#files.values()) {
      file.close();
      if (isNew) await Deno.remove(path).catch(() => {});
    }
    this.#files.clear();
  }
}
