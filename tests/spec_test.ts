/** The specification as a set of pages: sections are where the index says, and whatever cites one cites one that is there. */

import { assert, assertEquals } from "@std/assert";
import { tablesOf } from "./markdown.ts";
import { gateVectors, pageOf } from "./vectors/files.ts";

const ROOT = new URL("../", import.meta.url), PAGES = "docs/spec/";

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** Files below a folder that the repository keeps. */
function* filesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (name.startsWith(".") && name !== ".ci" || name === "dist" || name === "node_modules") continue;
    if (isDirectory) yield* filesBelow(`${folder}${name}/`);
    else yield folder + name;
  }
}

/** The pages of the specification. */
const pages = ["SPEC.md", ...[...filesBelow(PAGES)].sort()];

/** The headings of a page that have a number. */
function sectionsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (\d+(?:\.\d+)*) \S/gm)].map(([, section]) => section!);
}

const sections = new Map(pages.flatMap((page) => sectionsOf(page).map((section) => [section, page] as const)));

Deno.test("every section of SPEC stands once, on the page of its number, and in the index", () => {
  assertEquals(sections.size, pages.flatMap(sectionsOf).length, "a number stands twice");
  const index = new Map(
    [...read("SPEC.md").matchAll(/^\| \[([\d.]+)\]\(([^)]+)\)/gm)].map(([, section, link]) => [section!, link!]),
  );
  for (const page of pages.slice(1)) {
    const number = page.slice(PAGES.length).match(/^([\d.]+)-[a-z0-9-]+\.md$/)?.[1];
    assert(number !== undefined, `${page} has no number`);
    assertEquals(sectionsOf(page)[0], number, `${page} begins with its section`);
    assertEquals(index.get(number), page, `the index links ${page}`);
    for (const section of sectionsOf(page)) assert(section === number || section.startsWith(`${number}.`), page);
  }
  assertEquals([...index.keys()], [...sections.keys()].filter((section) => index.has(section)).sort(byNumber));
});

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

Deno.test("whatever cites a section of SPEC cites one that is there", () => {
  // In code a citation names SPEC; on the pages themselves a bare § does, but for those of standards.
  const inCode = /SPEC(?:\.md)?`?,? §(\d+(?:\.\d+)*)/g, onPages = /(?<!RFC \d+ )§§?(\d+(?:\.\d+)*)/g;
  let cited = 0;
  for (const file of filesBelow("")) {
    if (!/\.(ts|wgsl|md|run)$/.test(file)) continue;
    for (const [citation, section] of read(file).matchAll(pages.includes(file) ? onPages : inCode)) {
      cited++;
      assert(sections.has(section!), `${file} cites ${citation}`);
    }
  }
  assert(cited > 100);
});

Deno.test("links between pages lead somewhere", () => {
  for (const page of [...filesBelow("")].filter((file) => file.endsWith(".md"))) {
    for (const [, link] of read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#[^)]*)?\)/g)) {
      if (link === "") continue;
      const target = new URL(link!, new URL(page, ROOT));
      assert(Deno.statSync(target) !== null, `${page} links ${link}`);
    }
  }
});

Deno.test("pages of gates have one form", async () => {
  const form = ["Statement", "Picture", "Key", "Steps", "Why it is right", "Example", "Rings and rounding"];
  for (const { section, example, free } of (await gateVectors()).values()) {
    if (free) continue;
    const page = pageOf(section), headings = [...read(page).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!);
    const wanted = form.filter((heading) =>
      heading === "Example" ? example !== undefined : heading !== "Rings and rounding" || headings.includes(heading)
    );
    assertEquals(headings, wanted, page);
  }
});

Deno.test("tags of papers resolve in docs/papers.md", () => {
  const known = new Set(tablesOf(read("docs/papers.md"))[0]!.rows.map(([tag]) => tag!));
  for (const file of filesBelow("")) {
    if (!/\.(ts|wgsl|md)$/.test(file)) continue;
    for (const [tag] of read(file).matchAll(/\[[A-Z][A-Za-z]*\+?\d\d\]|\[(?:[A-Z]{5}|Grotto|Orca)\](?!\()/g)) {
      assert(known.has(tag), `${file} cites ${tag}`);
    }
  }
});
