import { assertEquals } from "@std/assert";
import { parseArgs } from "./parse_args.ts";

Deno.test("parseArgs() reads values after a space or an equal sign", () => {
  const flags = parseArgs(["--model", "a/b", "--port=0", "file"], { string: ["model", "port"] });
  assertEquals(flags, { _: ["file"], model: "a/b", port: "0" });
});

Deno.test("parseArgs() gives absent booleans false and absent strings nothing", () => {
  const flags = parseArgs([], { boolean: ["json"], string: ["model"] });
  const json: boolean = flags.json, model: string | undefined = flags.model;
  assertEquals([json, model], [false, undefined]);
});

Deno.test("parseArgs() does not let a boolean take a positional argument", () => {
  assertEquals(parseArgs(["--json", "demo"], { boolean: ["json"] }), { _: ["demo"], json: true });
  assertEquals(parseArgs(["--json", "false"], { boolean: ["json"] }), { _: [], json: false });
});

Deno.test("parseArgs() gives a string without a value the empty string", () => {
  assertEquals(parseArgs(["--model", "--json"], { string: ["model"], boolean: ["json"] }), {
    _: [],
    model: "",
    json: true,
  });
});

Deno.test("parseArgs() fills defaults and collects repeated options", () => {
  const options = { string: ["lanes", "prompt"], collect: ["prompt"], default: { lanes: "4" } } as const;
  const flags = parseArgs(["--prompt", "a", "--prompt=b"], options);
  const lanes: string = flags.lanes, prompts: string[] = flags.prompt;
  assertEquals([lanes, prompts], ["4", ["a", "b"]]);
  assertEquals(parseArgs([], options).prompt, []);
});

Deno.test("parseArgs() sets every name of an aliased option", () => {
  const flags = parseArgs(["-hv"], { boolean: ["help", "verbose"], alias: { help: "h", verbose: ["v"] } });
  assertEquals(flags, { _: [], help: true, h: true, verbose: true, v: true });
});

Deno.test("parseArgs() negates negatable options alone", () => {
  const flags = parseArgs(["--no-color", "--no-such"], { boolean: ["color"], negatable: ["color"] });
  assertEquals(flags, { _: [], color: false, "no-such": true });
});

Deno.test("parseArgs() guesses numbers where no type is declared", () => {
  assertEquals(parseArgs(["--count", "3", "1e3", "x1"]), { _: [1000, "x1"], count: 3 });
});

Deno.test("parseArgs() takes everything after -- as positional, and after the first one with stopEarly", () => {
  assertEquals(parseArgs(["--", "--json"], { boolean: ["json"] }), { _: ["--json"], json: false });
  assertEquals(parseArgs(["run", "--json"], { boolean: ["json"], stopEarly: true }), {
    _: ["run", "--json"],
    json: false,
  });
});

Deno.test("parseArgs() reports what is not declared and drops it on false", () => {
  const seen: string[] = [];
  const flags = parseArgs(["--jsn", "--json", "x"], {
    boolean: ["json"],
    unknown: (arg) => {
      seen.push(arg);
      return false;
    },
  });
  assertEquals([seen, flags], [["--jsn", "x"], { _: [], json: true }]);
});
