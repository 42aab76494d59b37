/**
 * Compiled kernels: sources put together with the fragments that they need.
 *
 * @module
 */

import bits from "./kernels/_bits.wgsl" with { type: "text" };
import chacha from "./kernels/_chacha.wgsl" with { type: "text" };
import common from "./kernels/_common.wgsl" with { type: "text" };
import double from "./kernels/_double.wgsl" with { type: "text" };
import flat from "./kernels/_flat.wgsl" with { type: "text" };
import free from "./kernels/_free.wgsl" with { type: "text" };
import given from "./kernels/_given.wgsl" with { type: "text" };
import lookup from "./kernels/_lookup.wgsl" with { type: "text" };
import pairs from "./kernels/_pairs.wgsl" with { type: "text" };
import path from "./kernels/_path.wgsl" with { type: "text" };
import permuted from "./kernels/_permuted.wgsl" with { type: "text" };
import ring from "./kernels/_ring.wgsl" with { type: "text" };
import segments from "./kernels/_segments.wgsl" with { type: "text" };
import spare from "./kernels/_spare.wgsl" with { type: "text" };
import tree from "./kernels/_tree.wgsl" with { type: "text" };
import word from "./kernels/_word.wgsl" with { type: "text" };
import { DeviceError } from "../core/errors.ts";
import type { GateKernel } from "../core/kernel.ts";
import type { Device } from "./device.ts";
import { KERNELS } from "./kernels.ts";
import { type KernelSpec, specOf } from "./specs.ts";

/** Shared functions by name: `_name.wgsl`. */
export const FRAGMENTS: Readonly<Record<string, string>> = {
  bits,
  chacha,
  common,
  double,
  flat,
  free,
  given,
  lookup,
  pairs,
  path,
  permuted,
  ring,
  segments,
  spare,
  tree,
  word,
};

/** A kernel, ready to run. */
export interface Pipeline {
  /** The compiled kernel. */
  readonly pipeline: GPUComputePipeline;
  /** Layout of its bindings. */
  readonly layout: GPUBindGroupLayout;
  /** Its specification. */
  readonly spec: KernelSpec;
}

/** What each fragment declares. */
const DECLARED: ReadonlyMap<string, string> = new Map(
  Object.entries(FRAGMENTS).flatMap(([fragment, text]) =>
    [...text.matchAll(/^(?:fn|alias|struct|const) (\w+)/gm)].map(([, name]) => [name!, fragment] as const)
  ),
);

/** Names of the fragments that a text uses, and of those that they use. `word` and `double` declare the same: the former stands for both. */
export function fragmentsOf(text: string, found: Set<string> = new Set()): Set<string> {
  for (const [name] of text.replaceAll(/\/\/.*$/gm, "").matchAll(/\b[A-Za-z_]\w*\b/g)) {
    const declaring = DECLARED.get(name), fragment = declaring === "double" ? "word" : declaring;
    if (fragment === undefined || found.has(fragment)) continue;
    found.add(fragment);
    fragmentsOf(FRAGMENTS[fragment]!, found);
  }
  return found;
}

/** Whole source of a kernel: the fragments that it uses, then its file. `isWide` makes `Ring` two words. */
function sourceOf({ source }: KernelSpec, isWide: boolean): string {
  const used = [...fragmentsOf(source)].map((name) => FRAGMENTS[name === "word" && isWide ? "double" : name]!);
  return [...used, source].join("\n");
}

/** Compiles kernels when they are first used. */
export class Pipelines {
  readonly #made = new Map<string, Pipeline>();
  readonly #specs: ReadonlyMap<string, KernelSpec>;

  /** @param kernels Kernels beside those of this package. */
  constructor(readonly device: Device, kernels: readonly GateKernel[]) {
    this.#specs = new Map([
      ...KERNELS,
      ...kernels.map(({ kernel, source }) => [kernel.name, specOf(kernel, source)] as const),
    ]);
  }

  /** The kernel of that name, for words or for pairs of words. */
  get(name: string, isWide: boolean): Pipeline {
    const key = isWide ? `${name}/wide` : name;
    let made = this.#made.get(key);
    if (made === undefined) this.#made.set(key, made = this.#make(name, isWide));
    return made;
  }

  #make(name: string, isWide: boolean): Pipeline {
    const spec = this.#specs.get(name), { gpu } = this.device;
    if (spec === undefined) {
      throw new DeviceError(
        `Cannot run ${name} on a GPU as its WGSL must be among the engine's kernels: received none`,
      );
    }
    return this.device.guard(
      "validation",
      () => {
        const kinds = Object.values(spec.bindings),
          entries: GPUBindGroupLayoutEntry[] = kinds.map(({ kind }, binding) => ({
            binding,
            visibility: GPUShaderStage.COMPUTE,
            buffer: { type: kind.startsWith("write") ? "storage" : "read-only-storage" },
          }));
        entries.push({ binding: kinds.length, visibility: GPUShaderStage.COMPUTE, buffer: { type: "uniform" } });
        const layout = gpu.createBindGroupLayout({ label: name, entries }),
          module = gpu.createShaderModule({ label: name, code: sourceOf(spec, isWide) }),
          pipeline = gpu.createComputePipeline({
            label: name,
            layout: gpu.createPipelineLayout({ label: name, bindGroupLayouts: [layout] }),
            compute: { module, entryPoint: "main" },
          });
        return { pipeline, layout, spec };
      },
      (error) => `Cannot compile the kernel ${name} as the device must accept it: received ${error.message}`,
    );
  }
}
