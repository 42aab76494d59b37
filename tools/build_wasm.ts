/**
 * Compiles the kernels of the CPU engine to WebAssembly and embeds them as base64 text: `deno task build-wasm`. With `--check`, compares
 * what would be written with what is there and exits 1 where it is stale.
 *
 * @module
 */

import asc from "assemblyscript/asc";

const SOURCES = new URL("../cpu/assembly/", import.meta.url);
const TARGET = new URL("../cpu/kernels.wasm.b64", import.meta.url);

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

/** Compiles the kernels. Returns the module's bytes as base64 in lines of 120 characters. */
export async function buildKernels(): Promise<string> {
  let module: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...OPTIONS], {
    readFile(name) {
      if (name.startsWith("~") || name.includes("node_modules")) return null;
      try {
        return Deno.readTextFileSync(new URL(name, SOURCES));
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

/** Whether the embedded module is what the sources give. */
export async function kernelsAreCurrent(): Promise<boolean> {
  return await buildKernels() === await Deno.readTextFile(TARGET);
}

if (import.meta.main) {
  if (Deno.args.includes("--check")) {
    if (!await kernelsAreCurrent()) {
      console.error("build_wasm: error: cpu/kernels.wasm.b64 is stale");
      console.error("build_wasm: hint: run deno task build-wasm");
      Deno.exit(1);
    }
  } else {
    const text = await buildKernels();
    await Deno.writeTextFile(TARGET, text);
    console.log(`cpu/kernels.wasm.b64: ${text.length} characters`);
  }
}
