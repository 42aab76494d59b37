/**
 * Picks the engine.
 *
 * @module
 */

import type { Engine } from "../core/engine.ts";
import { ReferenceEngine } from "../core/reference.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import type { Flag, Options } from "./_args.ts";
import { UsageError } from "./_ui.ts";

/** Engines by name. */
export const ENGINE_NAMES = ["wasm", "reference"] as const;

/** Flags of commands that compute. */
export const ENGINE_FLAGS: readonly Flag[] = [
  { name: "engine", value: "NAME", help: `${ENGINE_NAMES.join(" or ")} (default wasm)` },
  { name: "threads", value: "N", help: "threads of the engine" },
];

/** An engine that can be closed. */
export interface OpenEngine {
  readonly engine: Engine;
  readonly threads: number;
  close(): void;
}

/** Throws unless the name is an engine's. */
export function engineName(options: Options): string {
  const name = options.text("engine") ?? "wasm";
  if (name !== "auto" && !(ENGINE_NAMES as readonly string[]).includes(name)) {
    throw new UsageError(`Cannot use --engine ${name} as it must be one of: ${ENGINE_NAMES.join(", ")}`);
  }
  return name === "auto" ? "wasm" : name;
}

/** Opens the engine that the flags name. */
export async function openEngine(options: Options, defaultThreads: number): Promise<OpenEngine> {
  const name = engineName(options), threads = options.count("threads", defaultThreads, 1);
  if (name === "reference") return { engine: new ReferenceEngine(), threads: 1, close: () => {} };
  const engine = await createWasmEngine({ threads, workerUrl: import.meta.resolve(Deno.mainModule) });
  return { engine, threads, close: () => engine.close() };
}
