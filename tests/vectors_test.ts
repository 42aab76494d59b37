/** The vectors and the worked examples of SPEC are what the code makes. `deno task vectors` writes them. */

import { assert } from "@std/assert";
import { textOf, writtenFiles } from "./vectors/files.ts";

for (const { path, text } of await writtenFiles()) {
  Deno.test(`${path} is what \`deno task vectors\` writes`, () =>
    assert(textOf(path) === text, difference(textOf(path), text)));
}

/** The first line that differs. */
function difference(stands: string, made: string): string {
  const lines = made.split("\n"), at = stands.split("\n").findIndex((line, i) => line !== lines[i]);
  return `line ${at + 1} stands as\n${stands.split("\n")[at]}\nand the code makes\n${lines[at]}\n`;
}
