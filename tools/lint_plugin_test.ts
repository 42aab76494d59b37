import { assert, assertEquals } from "@std/assert";
import plugin from "./lint_plugin.ts";

/** Rules broken by a source text at a path below the repository root. */
function lint(path: string, source: string): string[] {
  const filename = `${import.meta.dirname}/../${path}`;
  return Deno.lint.runPlugin(plugin, filename.replace("/tools/..", ""), source).map(({ id }) =>
    id.replace("sluice/", "")
  );
}

const GOOD: readonly [path: string, source: string][] = [
  ["cmd/main.ts", 'import "../cpu/engine.ts"; import "../transport/tcp.ts"; console.log("Listening");'],
  ["mod.ts", 'export * from "./pipeline/generate.ts"; export * from "./core/engine.ts";'],
  [
    "pipeline/session/stage.ts",
    'import "./lane.ts"; import type { X } from "../../core/protocols/primitive.ts"; import "../forward/forward.ts";',
  ],
  ["models/folding.ts", 'import "../core/ring/bits.ts"; import "../core/errors.ts"; import "@huggingface/tokenizers";'],
  ["core/reference/engine.ts", 'import "../engine.ts"; import "../fss/dpf.ts";'],
  ["core/protocols/open/gate.ts", 'import "../engine.ts"; import "../fss/dpf.ts"; import "./gate.ts";'],
  ["core/prg/seed.ts", "crypto.getRandomValues(new Uint8Array(32));"],
  ["core/prg/seed.ts", "export interface Engine { read(): Promise<Uint32Array> }"],
  ["core/fss/dpf_test.ts", 'import "../../cpu/engine.ts"; Deno.test("x", async () => { await 0; });'],
  ["cpu/engine.ts", 'import "../core/reference/engine.ts"; import "../core/prg/chacha8.ts"; performance.now();'],
  ["transport/tcp.ts", 'import "../core/channel.ts"; import "node:crypto"; async function f() {}'],
  [
    "roles/client.ts",
    'import "./keys.ts"; import "../pipeline/session/session.ts"; import type { L } from "../transport/link.ts";',
  ],
  ["roles/client.ts", "async function f() { await crypto.subtle.digest(a, b); return performance.now(); }"],
  ["roles/client_test.ts", 'import "../cpu/mod.ts"; Deno.test("x", () => {});'],
  ["tests/cost_test.ts", 'import "../gpu/device.ts"; Math.random();'],
  ["core/ring/bits.ts", "throw new RangeError(`Cannot pack words as ringBits must be below 65: received ${n}`);"],
  ["core/ring/bits.ts", "throw new RangeError(`${label} must be below 65`);"],
  ["transport/frame.ts", "throw new ProtocolError(message, { cause });"],
];

const BAD: readonly [path: string, source: string, rules: string[]][] = [
  ["core/ring/bits.ts", 'import "../prg/seed.ts";', ["layers"]],
  ["core/fss/dpf.ts", 'import "../engine.ts";', ["layers"]],
  ["core/fss/dpf.ts", 'export { x } from "../protocols/open.ts";', ["layers"]],
  ["core/reference/engine.ts", 'import "../protocols/opening.ts";', ["layers"]],
  ["core/protocols/open/gate.ts", 'export * from "../../cpu/engine.ts";', ["layers"]],
  ["core/protocols/open/gate.ts", 'import "sluice/gpu/device.ts";', ["layers"]],
  ["models/llama.ts", 'import "../core/engine.ts";', ["layers"]],
  ["models/llama.ts", 'import "../core/ring.ts";', ["layers"]],
  ["pipeline/session/stage.ts", 'await import("../../transport/tcp.ts");', ["layers"]],
  ["pipeline/session/stage.ts", 'import type { Flags } from "../../cmd/main.ts";', ["layers"]],
  ["pipeline/interpreters/plan.ts", 'import "../forward/forward.ts";', ["layers"]],
  ["cpu/engine.ts", 'import "../gpu/device.ts"; import "../core/protocols/primitive.ts";', ["layers", "layers"]],
  ["transport/tcp.ts", 'import "../core/engine.ts";', ["layers"]],
  ["roles/client.ts", 'import "../cmd/ui.ts"; import "../cpu/mod.ts"; import "../gpu/mod.ts";', [
    "layers",
    "layers",
    "layers",
  ]],
  ["models/llama.ts", 'import "../roles/keys.ts";', ["layers"]],
  ["roles/client.ts", 'Deno.readFile("a"); new Deno.Command("ls"); process.exit();', [
    "roles-portable",
    "roles-portable",
    "roles-portable",
  ]],
  ["roles/client.ts", 'import fs from "node:fs";', ["roles-portable"]],
  ["transport/tcp.ts", 'throw new ProtocolError("bad frame");', ["error-message"]],
  ["transport/tcp.ts", 'throw new ProtocolError("Cannot read a frame.");', ["error-message"]],
  ["transport/tcp.ts", 'throw new TypeError(`cannot read ${n} ` + "bytes.");', ["error-message", "error-message"]],
  ["pipeline/session/stage.ts", "Math.random();", ["no-random"]],
  ["transport/tcp.ts", 'console.error("Lost");', ["no-console"]],
  ["core/engine.ts", "Deno.cwd();", ["core-pure"]],
  ["core/engine.ts", "const now = Date.now() + performance.now(); new Date();", [
    "core-pure",
    "core-pure",
    "core-pure",
  ]],
  ["core/engine.ts", 'fetch("http://127.0.0.1"); setTimeout(f, 1);', ["core-pure", "core-pure"]],
  ["core/fss/dpf.ts", "crypto.getRandomValues(new Uint8Array(32));", ["core-pure"]],
  ["core/fss/dpf.ts", 'import fs from "node:fs";', ["core-pure"]],
  ["core/fss/dpf.ts", "export async function f() {}", ["core-pure"]],
  ["core/fss/dpf.ts", "const f = async () => {}; class C { async m() {} }", ["core-pure", "core-pure"]],
];

Deno.test("the lint plugin accepts what the layers and the style allow", () => {
  for (const [path, source] of GOOD) assertEquals(lint(path, source), [], `${path}: ${source}`);
});

Deno.test("the lint plugin reports what the layers and the style forbid", () => {
  for (const [path, source, rules] of BAD) assertEquals(lint(path, source).sort(), rules, `${path}: ${source}`);
});

Deno.test("the lint plugin has a failing example for every rule", () => {
  const seen = new Set(BAD.flatMap(([, , rules]) => rules));
  for (const rule of Object.keys(plugin.rules)) assert(seen.has(rule), rule);
});
