/**
 * A temporary folder that does not outlive the command: it may hold keys.
 *
 * @module
 */

import { killChildren } from "./process.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs `use` with a folder of its own, and removes it when that ends, also by Ctrl-C or a kill. */
export async function withTempFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-" });
  const interrupted = (): never => {
    try {
      killChildren();
      Deno.removeSync(folder, { recursive: true });
    } finally {
      Deno.exit(130);
    }
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, interrupted);
  try {
    return await use(folder);
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, interrupted);
    await Deno.remove(folder, { recursive: true });
  }
}
