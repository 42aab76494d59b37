/**
 * The CPU engine: WebAssembly SIMD kernels, bit for bit equal to the reference engine.
 *
 * @module
 */

export { createWasmEngine, WasmEngine, type WasmEngineOptions } from "./engine.ts";
export { runKernelWorkerIfNamed } from "./threads.ts";
