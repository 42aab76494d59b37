/**
 * Writes what follows from the kernels' descriptions: `deno task kernels`.
 *
 * - `core/protocols/kernels.ts`: the list of all kernels of gates with their WGSL;
 * - in every `.wgsl` file of a kernel, its parameters and bindings;
 * - in every `kernels.as.ts`, the places of the arguments of each function, as an enumeration named like it;
 * - `cpu/kernels.wasm.b64`: the kernels in assembly, compiled.
 *
 * With `--check` it compares what would be written with what is there, and exits 1 where something is stale.
 *
 * @module
 */

import { argumentNames, hasRing, type Kernel } from "../core/kernel.ts";
import { declarationsOf, type KernelSpec, specOf } from "../gpu/specs.ts";
import { compileKernels } from "./compile_kernels.ts";

const ROOT = new URL("../", import.meta.url);

/** Folders of gates: those of the product, and an example of the tests, which runs on the CPU from its definition. */
const GATES = new URL("core/protocols/", ROOT), EXAMPLES = new URL("tests/gates/", ROOT);

/** A folder of a gate that has kernels. */
interface GateKernels {
  readonly folder: string;
  /** Names of the exports, and what they are. */
  readonly kernels: readonly (readonly [name: string, kernel: Kernel])[];
}

function isKernel(value: unknown): value is Kernel {
  return typeof value === "object" && value !== null && "element" in value && "reads" in value;
}

/** All kernels of the gates in a folder, in the order of their folders and files. */
async function gateKernels(gates: URL): Promise<GateKernels[]> {
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(gates)) if (isDirectory) folders.push(name);
  const out: GateKernels[] = [];
  for (const folder of folders.sort()) {
    const url = new URL(`${folder}/kernels.ts`, gates);
    if (!await exists(url)) continue;
    const module = await import(url.href) as Record<string, unknown>;
    const kernels = Object.entries(module).filter((entry): entry is [string, Kernel] => isKernel(entry[1]));
    kernels.sort(([, a], [, b]) => a.name < b.name ? -1 : 1);
    out.push({ folder, kernels });
  }
  return out;
}

async function exists(url: URL): Promise<boolean> {
  try {
    await Deno.stat(url);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The list of all kernels, as a module. */
function listOf(gates: readonly GateKernels[], core: string): string {
  const lines = [
    "// Written by `deno task kernels`: every kernel of a gate, with its WGSL.",
    "",
    `import type { GateKernel } from "${core}kernel.ts";`,
  ];
  for (const { folder, kernels } of gates) {
    lines.push(`import * as ${folder} from "./${folder}/kernels.ts";`);
    for (const [, { name }] of kernels) {
      lines.push(`import ${name}_wgsl from "./${folder}/${name}.wgsl" with { type: "text" };`);
    }
  }
  lines.push("", "/** All kernels of gates. */", "export const GATE_KERNELS: readonly GateKernel[] = [");
  for (const { folder, kernels } of gates) {
    for (const [exported, { name }] of kernels) {
      lines.push(`  { kernel: ${folder}.${exported}, source: ${name}_wgsl },`);
    }
  }
  return lines.concat("];", "").join("\n");
}

/** The text with what stands between `<name>` and `</name>` replaced. */
function between(text: string, name: string, inside: string, file: string): string {
  const open = text.match(new RegExp(`^// <${name}>.*$`, "m")), close = `// </${name}>`, end = text.indexOf(close);
  if (open === null || end < 0) throw new Error(`Cannot write ${file} as it must have the markers <${name}>`);
  return `${text.slice(0, open.index! + open[0].length)}\n${inside}\n${text.slice(end)}`;
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Where each argument of a function lies, as an enumeration. */
function enumerationOf(kernel: Kernel): string {
  const name = camelCase(kernel.name), names = argumentNames(kernel).map(camelCase);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) {
    throw new Error(`Cannot describe ${kernel.name} as its names must differ: received ${twice} twice`);
  }
  return [`const enum ${name[0]!.toUpperCase()}${name.slice(1)} {`, ...names.map((one) => `  ${one},`), "}"].join("\n");
}

/** Entry of the compiler: the engine's own kernels, and those of gates; functions over rings in both of their forms. */
function assemblyEntry(gates: readonly GateKernels[]): string {
  const lines = ['export * from "./cpu/assembly/index";'];
  for (const { folder, kernels } of gates) {
    const path = `./core/protocols/${folder}/kernels.as`;
    for (const [, kernel] of kernels) {
      const name = camelCase(kernel.name);
      if (!hasRing(kernel)) {
        lines.push(`export { ${name} } from "${path}";`);
        continue;
      }
      lines.push(`import { ${name} as generic_${name} } from "${path}";`);
      for (const [suffix, type] of [["", "u32"], ["Wide", "u64"]]) {
        const call = `generic_${name}<${type}>(args, segment, from, to);`;
        lines.push(
          `export function ${name}${suffix}(args: usize, segment: usize, from: u32, to: u32): void { ${call} }`,
        );
      }
    }
  }
  return lines.join("\n");
}

/** Every file that is written, with what it should hold. */
export async function generatedFiles(): Promise<Map<URL, string>> {
  const gates = await gateKernels(GATES), examples = await gateKernels(EXAMPLES), out = new Map<URL, string>();
  out.set(new URL("kernels.ts", GATES), listOf(gates, "../"));
  out.set(new URL("kernels.ts", EXAMPLES), listOf(examples, "../../core/"));
  const declare = async (url: URL, spec: KernelSpec): Promise<void> => {
    const text = await Deno.readTextFile(url);
    out.set(url, between(text, "declarations", declarationsOf(spec), url.pathname));
  };
  for (const { folder, kernels } of gates) {
    for (const [, kernel] of kernels) {
      await declare(new URL(`${folder}/${kernel.name}.wgsl`, GATES), specOf(kernel, ""));
    }
    const url = new URL(`${folder}/kernels.as.ts`, GATES), text = await Deno.readTextFile(url);
    out.set(
      url,
      between(text, "arguments", kernels.map(([, kernel]) => enumerationOf(kernel)).join("\n\n"), url.pathname),
    );
  }
  for (const { folder, kernels } of examples) {
    for (const [, kernel] of kernels) {
      await declare(new URL(`${folder}/${kernel.name}.wgsl`, EXAMPLES), specOf(kernel, ""));
    }
  }
  // The list may be new: the engine's own kernels are read once it is there.
  const list = new URL("kernels.ts", GATES);
  if (!await exists(list)) await Deno.writeTextFile(list, listOf(gates, "../"));
  const { OWN_KERNELS } = await import("../gpu/kernels.ts");
  for (const spec of OWN_KERNELS) await declare(new URL(`gpu/kernels/${spec.name}.wgsl`, ROOT), spec);
  // The compiler reads what is on the disk, so it sees the enumerations of the files above.
  const sources = new Map([...out].map(([url, text]) => [url.href, text]));
  sources.set(new URL("kernels_entry.ts", ROOT).href, assemblyEntry(gates));
  out.set(new URL("cpu/kernels.wasm.b64", ROOT), await compileKernels(ROOT, "kernels_entry.ts", sources));
  return out;
}

if (import.meta.main) {
  let stale = 0;
  for (const [url, text] of await generatedFiles()) {
    const path = url.href.slice(ROOT.href.length), before = await exists(url) ? await Deno.readTextFile(url) : null;
    if (before === text) continue;
    stale++;
    if (Deno.args.includes("--check")) console.error(`kernels: error: ${path} is stale`);
    else {
      await Deno.writeTextFile(url, text);
      console.log(path);
    }
  }
  if (stale > 0 && Deno.args.includes("--check")) {
    console.error("kernels: hint: run deno task kernels");
    Deno.exit(1);
  }
}
