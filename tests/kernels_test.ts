/**
 * Every kernel's file says what it binds: its table, its declarations and its {@linkcode KernelSpec} must agree.
 */

import { assert, assertEquals } from "@std/assert";
import { KERNELS, type KernelSpec } from "../gpu/kernels.ts";

const FOLDER = new URL("../gpu/kernels/", import.meta.url);

/** WebGPU's default limit. */
const MAX_STORAGE_BUFFERS = 8;

interface Row {
  readonly binding: number;
  readonly name: string;
  readonly access: string;
  readonly type: string;
}

/** Rows of the header's binding table. */
function tableOf(source: string): Row[] {
  return [...source.matchAll(/^\/\/ (\d+) +(\w+) +(read|write|uniform) +(\w+) +\S.*$/gm)]
    .map(([, binding, name, access, type]) => ({
      binding: Number(binding),
      name: name!,
      access: access!,
      type: type!,
    }));
}

/** What the WGSL declares. */
function declarationsOf(source: string): Row[] {
  const accesses: Record<string, string> = {
    "storage, read": "read",
    "storage, read_write": "write",
    "uniform": "uniform",
  };
  return [...source.matchAll(/^@group\(0\) @binding\((\d+)\) var<([\w, ]+)> (\w+): (?:array<(\w+)>|(\w+));$/gm)]
    .map(([, binding, space, name, element, type]) => ({
      binding: Number(binding),
      name: name!,
      access: accesses[space!]!,
      type: element ?? type!,
    }));
}

/** Fields of the parameters. */
function fieldsOf(source: string): string[] {
  const [, body] = source.match(/^struct Params \{\n([\s\S]*?)^\}$/m)!;
  return [...body!.matchAll(/^ {2}(\w+): u32, *\/\/ \S.*$/gm)].map(([, name]) => name!);
}

/** What the specification says, as rows. */
function rowsOf(spec: KernelSpec): Row[] {
  const bound = Object.entries(spec.bindings).map(([name, kind], binding) => {
    return {
      binding,
      name,
      access: kind.startsWith("write") ? "write" : "read",
      type: kind === "tables" ? "vec4u" : "u32",
    };
  });
  return [...bound, { binding: bound.length, name: "params", access: "uniform", type: "Params" }];
}

for (const [name, spec] of Object.entries(KERNELS) as [string, KernelSpec][]) {
  Deno.test(`${name}.wgsl binds what its header and its specification say`, async () => {
    const source = await Deno.readTextFile(new URL(`${name}.wgsl`, FOLDER));

    assertEquals(spec.source, source);
    assertEquals(declarationsOf(source), rowsOf(spec));
    assertEquals(tableOf(source), rowsOf(spec));
    assertEquals(fieldsOf(source), [...spec.params]);
    assert(Object.keys(spec.bindings).length <= MAX_STORAGE_BUFFERS);
  });

  Deno.test(`${name}.wgsl has its header and an entry point`, () => {
    const header = spec.source.slice(0, spec.source.indexOf("struct Params")),
      needs = spec.needs.map((fragment) => `_${fragment}.wgsl`).join(", ") || "nothing";

    assert(header.startsWith(`// ${name}: `));
    for (const label of ["Spec", "Twin", "Test", "Dispatch", "Items", "Secrecy"]) {
      assert(new RegExp(`${label} {2,}\\S`).test(header), label);
    }
    assert(header.includes(`// Needs     ${needs}\n`), needs);
    assertEquals(spec.source.match(/^fn main\(/gm)?.length, 1);
    assertEquals(spec.source.match(/^@compute /gm)?.length, 1);
  });
}

Deno.test("every WGSL file is a kernel or a fragment that a kernel needs", async () => {
  const files: string[] = [], used = new Set<string>();
  for await (const { name } of Deno.readDir(FOLDER)) files.push(name);
  for (const [name, spec] of Object.entries(KERNELS) as [string, KernelSpec][]) {
    used.add(`${name}.wgsl`);
    for (const fragment of spec.needs) used.add(`_${fragment}.wgsl`);
  }

  assertEquals(files.sort(), [...used].sort());
});
