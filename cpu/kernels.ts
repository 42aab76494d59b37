/**
 * The compiled kernels and how a thread calls them.
 *
 * @module
 */

import text from "./kernels.wasm.b64" with { type: "text" };

/** Items [from, to) of one segment. Arguments and segments are lists of u32 words in the shared memory. */
export type Kernel = (args: number, segment: number, from: number, to: number) => void;

/** Kernels of one thread, by number. */
export type Kernels = readonly Kernel[];

/** Words of one segment: 0 first item, 1 end, then what its kernel says. */
export const SEGMENT_WORDS = 8;

/** Compiles the embedded module. */
export function compileKernels(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Uint8Array.fromBase64(text));
}

/** Names of all kernels; a kernel's number is its place here, the same in every thread. */
export function kernelNames(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.exports(module).map(({ name }) => name).filter((name) => name !== "setScratch");
}

/** Makes this thread's instance, whose kernels may use 1 KiB at `scratch`. */
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory, scratch: number): Kernels {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports.setScratch as (at: number) => void)(scratch);
  return kernelNames(module).map((name) => exports[name] as Kernel);
}

/** Runs items [from, to) of a list of segments. */
export function runRange(
  kernel: Kernel,
  memory: Uint32Array,
  args: number,
  segments: number,
  count: number,
  from: number,
  to: number,
): void {
  for (let i = 0, at = segments / 4; i < count; i++, at += SEGMENT_WORDS) {
    const start = memory[at]!, first = Math.max(from, start), end = Math.min(to, memory[at + 1]!);
    if (first < end) kernel(args, 4 * at, first - start, end - start);
  }
}
