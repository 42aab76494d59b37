/**
 * Everything that `deno task vectors` writes: the vectors, and the worked examples and tables of costs on the pages of SPEC and in README.
 *
 * @module
 */

import { readmeCosts, residualCosts, savings, shapeCosts } from "./costs.ts";
import { Example } from "./example.ts";
import { caseVector, type GateVectors } from "./gate_vectors.ts";
import { jsonText } from "./json.ts";
import { keyStream } from "./key_stream.ts";
import { frames, handshake, keyChunks } from "./link.ts";
import { flatDpf, flatExample, permutedSelection, streamExample, streams, treeDpf } from "./primitives.ts";

const ROOT = new URL("../../", import.meta.url), PAGES = "docs/spec/", GATES = "tests/vectors/gates/";

/** A file below the root of the repository, and what it must hold. */
export interface WrittenFile {
  readonly path: string;
  readonly text: string;
}

/** The gates that have vectors: a module of `tests/vectors/gates/` each, by name. */
export async function gateVectors(): Promise<Map<string, GateVectors>> {
  const found = new Map<string, GateVectors>();
  for (const name of namesIn(GATES, ".ts")) {
    const { vectors } = await import(`./gates/${name}.ts`) as { readonly vectors?: GateVectors };
    if (vectors !== undefined) found.set(name, vectors);
  }
  return found;
}

/** Path of the page of a section. */
export function pageOf(section: string): string {
  return `${PAGES}${namesIn(PAGES, ".md").find((name) => name.startsWith(`${section}-`))!}.md`;
}

/** The text of a file below the root. */
export function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** Writes a file below the root. */
export function write({ path, text }: WrittenFile): void {
  Deno.writeTextFileSync(new URL(path, ROOT), text);
}

/** All files. */
export async function writtenFiles(): Promise<WrittenFile[]> {
  const files: WrittenFile[] = Object.entries({
    streams: streams(),
    flat_dpf: flatDpf(),
    permuted_selection: permutedSelection(),
    tree_dpf: treeDpf(),
    frames: frames(),
    handshake: handshake(),
    key_chunks: keyChunks(),
    key_stream: await keyStream(),
  }).map(([name, value]) => ({ path: `tests/vectors/${name}.json`, text: jsonText(value) }));
  const pages = new Map<string, string>(),
    fill = (path: string, block: string, text: string): void => {
      pages.set(path, withBlock(pages.get(path) ?? textOf(path), block, text));
    };
  fill(pageOf("3"), "example 3.1", fenced(streamExample()));
  fill(pageOf("4"), "example 4.1", fenced(flatExample()));
  fill(pageOf("6"), "costs nearest", shapeCosts("nearest"));
  fill(pageOf("6"), "costs dithered", shapeCosts("dither"));
  fill(pageOf("6"), "savings", savings());
  fill(pageOf("6"), "residual", residualCosts());
  fill("README.md", "costs", readmeCosts());
  for (const [name, gate] of await gateVectors()) {
    const cases = [];
    for (const test of gate.cases) cases.push(await caseVector(gate, test));
    files.push({ path: `${GATES}${name}.json`, text: jsonText({ section: gate.section, cases }) });
    if (gate.example === undefined) continue;
    const path = pageOf(gate.section), example = new Example(cases[0]!);
    gate.example(example, cases[0]!);
    fill(path, "example", fenced(example.text()));
  }
  return [...files, ...Array.from(pages, ([path, text]) => ({ path, text }))];
}

function namesIn(folder: string, ending: string): string[] {
  const names = [...Deno.readDirSync(new URL(folder, ROOT))].map(({ name }) => name);
  return names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length)).sort();
}

/** A page whose block of that name holds a text. */
function withBlock(page: string, name: string, text: string): string {
  const begin = `<!-- ${name} -->\n`,
    end = "<!-- end -->",
    from = page.indexOf(begin) + begin.length,
    to = page.indexOf(end, from);
  if (from < begin.length || to < 0) throw new Error(`Internal error: the page has no block ${name}`);
  return `${page.slice(0, from)}\n${text}\n\n${page.slice(to)}`;
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
