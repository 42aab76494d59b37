/**
 * A temporary folder that does not outlive the command: it may hold keys.
 *
 * @module
 */

/** Runs `use` with a folder of its own, and removes it when that ends, also by Ctrl-C. */
export async function withTempFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-" });
  const interrupted = (): never => {
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupted);
  try {
    return await use(folder);
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    await Deno.remove(folder, { recursive: true });
  }
}
