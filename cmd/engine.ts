/**
 * Picks the engine.
 *
 * @module
 */

import type { Engine } from "../core/engine.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { createGpuEngine, findHardwareAdapter } from "../gpu/mod.ts";
import type { Flag, Options, Values } from "./args.ts";
import { UsageError } from "./ui.ts";

/** Engines by name; `auto` takes the GPU where it is a hardware one. */
export const ENGINE_NAMES = ["wasm", "webgpu", "reference", "auto"] as const;

/** Name of an engine, or `auto`. */
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Flags of commands that compute. */
export const ENGINE_FLAGS: readonly Flag[] = [
  { name: "engine", value: "NAME", help: `one of ${ENGINE_NAMES.join(", ")} (default wasm)` },
  { name: "adapter", value: "NAME", help: "part of the name of the GPU adapter, for webgpu" },
  { name: "threads", value: "N", help: "threads of the wasm engine" },
];

/** What an engine runs on, and what that costs. */
export interface DeviceReport {
  /** Name of the GPU adapter, null on the CPU. */
  readonly adapter: string | null;
  /** Mean time of one readback. */
  readonly readbackMs: number;
  /** Time spent waiting for the device so far. */
  readonly deviceMs: number;
}

/** An engine whose calls return when they are done. */
const settle = (): Promise<void> => Promise.resolve();

const NO_DEVICE: DeviceReport = { adapter: null, readbackMs: 0, deviceMs: 0 };

/** An engine that can be closed. */
export interface OpenEngine {
  readonly engine: Engine;
  readonly threads: number;
  /** What it runs on. */
  readonly device: () => DeviceReport;
  /** Waits until what was asked of it so far is done. */
  readonly settle: () => Promise<void>;
  close(): void;
}

/** Throws unless the name is an engine's. */
export function engineName(options: Options): EngineName {
  const name = options.text("engine") ?? "wasm";
  if (!(ENGINE_NAMES as readonly string[]).includes(name)) {
    throw new UsageError(`Cannot use --engine ${name} as it must be one of: ${ENGINE_NAMES.join(", ")}`);
  }
  return name as EngineName;
}

/** Flags that make a child process use the same engine, or another one of the given name. */
export function engineValues(options: Options, threads: number, name: string = engineName(options)): Values {
  return { engine: name, threads, adapter: options.text("adapter") || undefined };
}

/**
 * Opens the engine that the flags name.
 *
 * @param note Receives what is worth knowing: the adapter that was chosen, a slow readback.
 */
export async function openEngine(
  options: Options,
  defaultThreads: number,
  note: (line: string) => void,
): Promise<OpenEngine> {
  const threads = options.count("threads", defaultThreads, 1), asked = engineName(options);
  const name = asked === "auto" ? await automatic(note) : asked;
  if (name === "reference") {
    return { engine: new ReferenceEngine(), threads: 1, device: () => NO_DEVICE, settle, close: () => {} };
  }
  if (name === "webgpu") {
    const engine = await createGpuEngine({ adapter: options.text("adapter"), log: note });
    const device = (): DeviceReport => ({
      adapter: engine.adapterName,
      readbackMs: engine.readbackMs,
      deviceMs: engine.deviceMs,
    });
    return { engine, threads: 1, device, settle: () => engine.settle(), close: () => engine.close() };
  }
  return await openCpuEngine(threads);
}

/** Starts to count the time spent waiting for the device; what it returns gives the numbers since. */
export function startDevice(opened: OpenEngine): OpenEngine["device"] {
  const before = opened.device().deviceMs;
  return () => {
    const { adapter, readbackMs, deviceMs } = opened.device();
    return { adapter, readbackMs: Math.round(1000 * readbackMs) / 1000, deviceMs: Math.round(deviceMs - before) };
  };
}

/** The dealer's engine: its products are the only ones, and it needs their results at once. */
export async function openCpuEngine(threads: number): Promise<OpenEngine> {
  const engine = await createWasmEngine({ threads, workerUrl: import.meta.resolve(Deno.mainModule) });
  return { engine, threads, device: () => NO_DEVICE, settle, close: () => engine.close() };
}

async function automatic(note: (line: string) => void): Promise<"wasm" | "webgpu"> {
  const adapter = await findHardwareAdapter();
  note(adapter === null ? "uses the CPU: there is no hardware GPU adapter" : `uses the GPU ${adapter}`);
  return adapter === null ? "wasm" : "webgpu";
}
