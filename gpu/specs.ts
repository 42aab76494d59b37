/**
 * What a kernel's WGSL file binds, as data, and the declarations that follow from it: `deno task kernels` writes them into the file.
 *
 * @module
 */

import { type Kernel, numbersOf, RECORDS } from "../core/kernel.ts";

/**
 * What a kernel binds:
 *
 * | binding | is | its parameters |
 * | --- | --- | --- |
 * | `read`, `write` | a part of a tensor | `<name>_base`: index of the first bound word |
 * | `read all`, `write all` | a buffer from its beginning | |
 * | `tables` | public tables in fours of words | `<table>_table`: where each begins |
 * | `record` | key bits, named `given_key`, `free_key` or `common_key` | `given_bits`, …: bits of one element |
 * | `lists` | the segments (`kernels/_segments.wgsl`), then the call's own lists | `segment_count`, `<list>_list`: where each begins |
 */
export interface Binding {
  /** How it is bound. */
  readonly kind: "read" | "write" | "read all" | "write all" | "tables" | "record" | "lists";
  /** What it holds, for people. */
  readonly holds: string;
  /** Elements of one or two words, which `load_<name>` reads or `store_<name>` writes; the parameter `<name>_words` says how many. */
  readonly ring?: true;
}

/** One kernel. */
export interface KernelSpec {
  /** Name of its file and label. */
  readonly name: string;
  /** Its WGSL, without the fragments that it uses. */
  readonly source: string;
  /** Who works on an item: a thread, through `item(i)`; a workgroup, through `item(i, thread)`; or what its own `main` says. */
  readonly by: "thread" | "group" | "main";
  /** Storage buffers in the order of their bindings; the parameters follow as the last one, a uniform. */
  readonly bindings: Readonly<Record<string, Binding>>;
  /** Fields of the parameters in order, all u32, with what they mean. */
  readonly params: Readonly<Record<string, string>>;
}

const LISTS: Binding = { kind: "lists", holds: "public: blocks and their records" };

/** A specification: the parameters that follow from the bindings come first. */
export function spec(
  name: string,
  source: string,
  bindings: KernelSpec["bindings"],
  own: Readonly<Record<string, string>>,
  by: KernelSpec["by"] = "thread",
): KernelSpec {
  const params: Record<string, string> = { first: "first item", end: "item behind the last" };
  const entries = Object.entries(bindings);
  if (entries.some(([, { kind }]) => kind === "lists")) params.segment_count = "segments in `lists`";
  for (const [name, { kind }] of entries) {
    if (kind === "read" || kind === "write") params[`${name}_base`] = `index of the first bound word of \`${name}\``;
  }
  return { name, source, by, bindings, params: { ...params, ...own } };
}

/** The bindings that every kernel with records has. */
export function recordBindings(names: readonly string[]): Record<string, Binding> {
  const out: Record<string, Binding> = {};
  for (const name of names) out[`${name}_key`] = { kind: "record", holds: `bits of the ${name} record, secret` };
  out.lists = LISTS;
  return out;
}

/** What people want to know of a number that no description explains. */
function meaningOf(name: string, kernel: Kernel): string {
  const own = kernel.params[name];
  if (own !== undefined) return own;
  if (name === "party") return "whose call";
  if (name === "parity") return "1 for the holder of explicit halves";
  if (name.startsWith("has_")) return `1 where there is \`${name.slice(4)}\``;
  if (name.endsWith("_words")) return `words of an element of \`${name.slice(0, -6)}\`, 1 or 2`;
  if (name.endsWith("_at")) return `first bit of the field ${name.slice(0, -3)}`;
  return `bits of one ${name.slice(0, -"_bits".length)} record`;
}

/** The specification that follows from the description of a gate's kernel. */
export function specOf(kernel: Kernel, source: string): KernelSpec {
  const bindings: Record<string, Binding> = {}, { records = {}, tables = {}, lists = {} } = kernel;
  const bind = (kind: "read" | "write", tensors: Kernel["reads"]): void => {
    for (const [name, { holds, ring }] of Object.entries(tensors)) {
      bindings[name] = ring === undefined ? { kind, holds } : { kind, holds, ring: true };
    }
  };
  bind("read", kernel.reads);
  const present = RECORDS.filter((name) => records[name] !== undefined);
  if (present.length > 0) Object.assign(bindings, recordBindings(present));
  else if (kernel.over !== undefined || kernel.lists !== undefined) bindings.lists = LISTS;
  if (Object.keys(tables).length > 0) bindings.tables = { kind: "tables", holds: "public tables" };
  bind("write", kernel.writes);
  const own: Record<string, string> = {};
  for (const [name, { holds }] of Object.entries(tables)) own[`${name}_table`] = `where in \`tables\` begins: ${holds}`;
  for (const [name, holds] of Object.entries(lists)) own[`${name}_list`] = `where in \`lists\` begins: ${holds}`;
  for (const { name } of numbersOf(kernel)) own[name] = meaningOf(name, kernel);
  return spec(kernel.name, source, bindings, own, kernel.byGroup ? "group" : "thread");
}

/** The entry point: items strided past the 65535 groups of a dispatch. */
const MAIN: Readonly<Record<KernelSpec["by"], readonly string[]>> = {
  thread: [
    "",
    "override WORKGROUP_SIZE: u32 = 64u; // threads",
    "",
    "@compute @workgroup_size(WORKGROUP_SIZE)",
    "fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {",
    "  for (var i = params.first + id.x; i < params.end; i += groups.x * WORKGROUP_SIZE) {",
    "    item(i);",
    "  }",
    "}",
  ],
  group: [
    "",
    "override WORKGROUP_SIZE: u32 = 64u; // threads",
    "",
    "@compute @workgroup_size(WORKGROUP_SIZE)",
    "fn main(",
    "  @builtin(workgroup_id) group: vec3u,",
    "  @builtin(num_workgroups) groups: vec3u,",
    "  @builtin(local_invocation_index) thread: u32,",
    ") {",
    "  for (var i = params.first + group.x; i < params.end; i += groups.x) {",
    "    item(i, thread);",
    "  }",
    "}",
  ],
  main: [],
};

/** Lines between the markers of a WGSL file: parameters, bindings, functions that read or write ring elements, the entry point. */
export function declarationsOf({ by, bindings, params }: KernelSpec): string {
  const fields = Object.entries(params), width = Math.max(...fields.map(([name]) => name.length));
  const lines = ["struct Params {"];
  for (const [name, meaning] of fields) lines.push(`  ${`${name}: u32,`.padEnd(width + 6)} // ${meaning}`);
  lines.push("}", "");
  Object.entries(bindings).forEach(([name, { kind, holds }], i) => {
    const access = kind.startsWith("write") ? "read_write" : "read", type = kind === "tables" ? "vec4u" : "u32";
    lines.push(`@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${type}>; // ${holds}`);
  });
  lines.push(`@group(0) @binding(${Object.keys(bindings).length}) var<uniform> params: Params;`);
  for (const [name, { kind, ring }] of Object.entries(bindings)) {
    if (ring === undefined) continue;
    const words = `params.${name}_words`, at = `let at = ${words} * i - params.${name}_base;`;
    if (kind === "read") {
      lines.push("", `fn load_${name}(i: u32) -> Ring {`, `  ${at}`);
      lines.push(`  return ring_join(${name}[at], ${name}[at + ${words} - 1u], ${words});`, "}");
    } else {
      lines.push("", `fn store_${name}(i: u32, value: Ring) {`, `  ${at}`, `  ${name}[at] = ring_low(value);`);
      lines.push(`  if (${words} == 2u) {`, `    ${name}[at + 1u] = ring_high(value);`, "  }", "}");
    }
  }
  return [...lines, ...MAIN[by]].join("\n");
}
