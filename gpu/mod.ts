/**
 * The GPU engine: WGSL kernels through WebGPU, bit for bit equal to the reference engine.
 *
 * @module
 */

export { createGpuEngine, type GpuEngine, type GpuEngineOptions } from "./engine.ts";
export { findAdapter, findHardwareAdapter } from "./device.ts";
