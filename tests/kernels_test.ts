/**
 * Kernels as files: every one is described, has its header, and exists in both fast engines.
 */

import { assert, assertEquals } from "@std/assert";
import { hasRing } from "../core/kernel.ts";
import { GATE_KERNELS } from "../core/protocols/kernels.ts";
import { compileKernels, kernelNames } from "../cpu/kernels.ts";
import { functionName } from "../cpu/steps.ts";
import { KERNELS } from "../gpu/kernels.ts";
import { FRAGMENTS, fragmentsOf } from "../gpu/pipelines.ts";

/** WebGPU's default limit. */
const MAX_STORAGE_BUFFERS = 8;

for (const [name, { source, bindings, params }] of KERNELS) {
  Deno.test(`${name}.wgsl has its header, what WebGPU allows to bind, and an entry point`, () => {
    const header = source.slice(0, source.indexOf("// <declarations>"));

    assert(header.startsWith(`// ${name}: `));
    assert(/^\/\/ Spec {2,}SPEC\.md §/m.test(header));
    assert(Object.keys(bindings).length <= MAX_STORAGE_BUFFERS);
    assert(Object.values(params).every((meaning) => meaning.length > 0));
    assertEquals(source.match(/^fn main\(/gm)?.length, 1);
  });
}

Deno.test("every fragment is needed", () => {
  const used = new Set(["double", ...[...KERNELS.values()].flatMap(({ source }) => [...fragmentsOf(source)])]);

  assertEquals(Object.keys(FRAGMENTS).sort(), [...used].sort());
});

Deno.test("the CPU engine has every kernel of a gate, and those over rings in both of their forms", async () => {
  const names = new Set(kernelNames(await compileKernels()));
  for (const { kernel } of GATE_KERNELS) {
    const name = functionName(kernel.name);
    for (const wanted of hasRing(kernel) ? [name, `${name}Wide`] : [name]) assert(names.has(wanted), wanted);
  }
});
