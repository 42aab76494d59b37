/**
 * The CPU engine: WebAssembly SIMD kernels, bit for bit equal to the reference engine.
 *
 * @module
 */

export { createWasmEngine, type WasmEngine, type WasmEngineOptions } from "./engine.ts";
export { runKernelWorkerIfNamed } from "./threads.ts";
