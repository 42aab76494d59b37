/**
 * Compiles the kernels of the CPU engine from AssemblyScript to WebAssembly.
 *
 * @module
 */

import asc from "assemblyscript/asc";

/** Shared memory may grow to 4 GiB: 65,536 pages of 64 KiB. */
const MAXIMUM_PAGES = "65536";

const OPTIONS = [
  "-O3",
  "--noAssert",
  "--runtime",
  "stub",
  "--use",
  "abort=",
  "--enable",
  "simd",
  "--enable",
  "threads",
  "--importMemory",
  "--sharedMemory",
  "--initialMemory",
  "1",
  "--maximumMemory",
  MAXIMUM_PAGES,
  "--noExportMemory",
];

/** Functions have no decorators in TypeScript, and the formatter drops them: sources say `// @inline` in the line above. */
function decorated(text: string): string {
  return text.replaceAll("\n// @inline\n", "\n@inline\n");
}

/**
 * Compiles the kernels.
 *
 * @param root Folder that holds all sources.
 * @param entry File that exports them, below it.
 * @param sources Texts that stand for files, by address; what is missing here is read from the disk.
 * @returns The module's bytes as base64 in lines of 120 characters.
 */
export async function compileKernels(root: URL, entry: string, sources: ReadonlyMap<string, string>): Promise<string> {
  let module: Uint8Array | undefined;
  const { error, stderr } = await asc.main([entry, "--outFile", "kernels.wasm", ...OPTIONS], {
    readFile(name) {
      if (name.startsWith("~") || name.includes("node_modules")) return null;
      const url = new URL(name, root), text = sources.get(url.href);
      if (text !== undefined) return decorated(text);
      try {
        return decorated(Deno.readTextFileSync(url));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    },
    writeFile(_name, contents) {
      if (contents instanceof Uint8Array) module = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || module === undefined) {
    throw new Error(`Cannot compile the kernels:\n${stderr.toString()}`, { cause: error });
  }
  return module.toBase64().replaceAll(/.{120}/g, "$&\n") + "\n";
}
