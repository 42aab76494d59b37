/** Flags, files and plans: everything that needs no second party. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { knownShapes } from "../models/shapes.ts";
import { type CommandName, oneLine, run, runFailing, runJson, withFolder, writeDemoModel } from "../tests/cli.ts";

const COMMANDS: readonly CommandName[] = ["demo", "prepare", "keygen", "party0", "party1", "plan", "e2e"];

/** Runs the entry itself, without a task's sub-command. */
async function runEntry(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", `${import.meta.dirname}/main.ts`, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("sluice --help lists the commands, and each command's --help its flags", async () => {
  const { code, stdout } = await runEntry("--help");
  assertEquals(code, 0);
  for (const name of COMMANDS) assertMatch(stdout, new RegExp(`^  ${name} +\\S`, "m"));

  for (const name of COMMANDS) {
    const help = await run(name, "--help");
    assertEquals(help.code, 0, name);
    assertMatch(help.stdout, new RegExp(`^sluice ${name}: `));
    assertMatch(help.stdout, /^ {2}--json +\S/m);
    assertStringIncludes(help.stdout, "example:\n  sluice " + name);
    assertEquals(help.stderr, "");
  }
});

Deno.test("sluice says on stderr what is wrong with the command line, and exits 2", async () => {
  const unknown = await runEntry("translate");
  assertEquals([unknown.code, unknown.stdout], [2, ""]);
  assertMatch(
    unknown.stderr,
    /^sluice translate: error: Cannot run translate as it is not a command: known are demo, .*\nsluice translate: hint: .*\n$/,
  );

  const nothing = await runEntry();
  assertEquals(nothing.code, 2);
  assertStringIncludes(nothing.stdout, "usage: sluice COMMAND");
});

Deno.test("sluice --json says in one line what is wrong with the command line, and exits 2", async () => {
  for (const args of [["--json"], ["translate", "--json"]]) {
    const outcome = await runEntry(...args), { error } = oneLine(outcome) as { error: { kind: string } };
    assertEquals([outcome.code, error.kind, outcome.stderr], [2, "usage", ""]);
  }
  const shapes = new RegExp(`gpt-7.*: ${knownShapes().join(", ")}$`);
  const cases: readonly [CommandName, readonly string[], RegExp][] = [
    ["plan", ["--sequence", "8"], /--sequence/],
    ["plan", ["--arch"], /--arch needs a value/],
    ["plan", ["--arch", "llama-tiny"], /--seq/],
    ["plan", ["--arch", "llama-tiny", "--seq", "eight"], /whole number.*eight/],
    ["plan", ["--arch", "llama-tiny", "--seq", "8", "--layers", "0"], /at least 1.*0/],
    ["plan", ["--arch", "llama-tiny", "--arch", "llama-tiny", "--seq", "8"], /more than once/],
    ["plan", ["--arch", "llama-tiny", "--seq", "8", "--residual-bits", "31"], /at least 32.*31/],
    ["plan", ["--arch", "llama-tiny", "--seq", "8", "--residual-bits", "65"], /--residual-bits 65.*64 bits/],
    ["plan", ["stray"], /stray/],
    ["keygen", ["--model", "m", "--out", "k"], /without --prompt-tokens/],
    ["party0", ["--model", "m", "--keys", "k", "--listen", "here"], /host:port.*here/],
    ["party1", ["--keys", "k", "--connect", "127.0.0.1:70000"], /port up to 65535/],
    ["demo", ["--generate", "1000"], /256 positions/],
    ["demo", ["--engine", "abacus"], /wasm, webgpu, reference, auto/],
    ["e2e", ["--arch", "gpt2", "--seq", "4", "--host", "here"], /auto, inline, threaded/],
    ["demo", ["--prompt", ""], /empty prompt/],
    ["plan", ["--arch", "gpt-7", "--seq", "8"], shapes],
    ["e2e", ["--arch", "gpt-7", "--seq", "8"], shapes],
  ];
  for (const [name, args, message] of cases) {
    const failure = await runFailing(2, name, ...args);
    assertEquals(failure.kind, "usage");
    assertMatch(failure.message, message);
  }
});

Deno.test("sluice names what is wrong with a model folder, and exits 5", async () => {
  await withFolder(async (folder) => {
    const model = `${folder}/model`, prepare = ["--model", model], weights = `${model}/model.safetensors`;
    const absent = await runFailing(5, "prepare", ...prepare);
    assertEquals(absent.kind, "model");
    assertStringIncludes(absent.message, "config.json");

    await writeDemoModel(model);
    const unprepared = await runFailing(5, "keygen", ...prepare, "--prompt-tokens", "4", "--out", `${folder}/keys`);
    assertMatch(unprepared.message, /not prepared: run sluice prepare --model/);

    assertStringIncludes(
      (await runFailing(5, "prepare", ...prepare, "--text", `${folder}/sample.txt`)).message,
      "sample.txt",
    );

    const whole = await Deno.readFile(weights);
    await Deno.writeFile(weights, whole.subarray(0, 100_000));
    assertMatch((await runFailing(5, "prepare", ...prepare)).message, /model\.safetensors.*100000/);
    await Deno.remove(weights);
    assertStringIncludes((await runFailing(5, "prepare", ...prepare)).message, "model.safetensors");
    await Deno.writeFile(weights, whole);

    for (
      const [text, message] of [
        ["{", /sluice\.json as it is not JSON/],
        ['{"format":9}', /must be 3: received 9/],
        ['{"format":3}', /must hold .*scales: received format/],
      ] as const
    ) {
      await Deno.writeTextFile(`${model}/sluice.json`, text);
      assertMatch((await runFailing(5, "plan", ...prepare, "--prompt-tokens", "4")).message, message);
    }

    const config = JSON.parse(await Deno.readTextFile(`${model}/config.json`));
    await Deno.writeTextFile(
      `${model}/config.json`,
      JSON.stringify({ ...config, architectures: ["MambaForCausalLM"], model_type: "mamba" }),
    );
    assertMatch((await runFailing(5, "prepare", ...prepare)).message, /LlamaForCausalLM.*MambaForCausalLM/);
    await Deno.writeTextFile(`${model}/config.json`, "{");
    assertStringIncludes((await runFailing(5, "prepare", ...prepare)).message, "config.json");
  });
});

Deno.test("sluice prepare writes three files of which only one is public", async () => {
  await withFolder(async (folder) => {
    await writeDemoModel(folder);
    const result = await runJson("prepare", "--model", folder);

    const prepared = JSON.parse(await Deno.readTextFile(`${folder}/sluice.json`));
    assertEquals(prepared.weightsId, result["weightsId"]);
    for (const name of ["client.seed", "dealer.masks"]) {
      assertEquals((await Deno.stat(`${folder}/${name}`)).mode! & 0o777, 0o600, name);
    }
    const seed = await Deno.readFile(`${folder}/client.seed`);
    assertEquals(seed.length, 32);
    assert(!(await Deno.readTextFile(`${folder}/sluice.json`)).includes(seed.toHex()));
  });
});

const PLAN_FIELDS = [
  "arch",
  "layers",
  "seq",
  "promptTokens",
  "generate",
  "residualBits",
  "rounding",
  "scope",
  "keyBytes",
  "sentBytes",
  "exchanges",
  "exchangesPerLayer",
  "setupBytes",
  "perGate",
  "perLayer",
  "compare",
];

Deno.test("sluice plan stays within the budget of Llama 2 7B and compares with SIGMA", async () => {
  const plan = await runJson("plan", "--arch", "llama2-7b", "--seq", "128"),
    [keys0, keys1] = plan["keyBytes"] as [number, number],
    sent = plan["sentBytes"] as [number, number];

  assertEquals(Object.keys(plan).sort(), [...PLAN_FIELDS].sort());
  assertEquals([plan["arch"], plan["layers"], plan["seq"], plan["scope"]], ["llama2-7b", 32, 128, "blocks"]);
  assert(keys0 + keys1 <= 19.3e9, `${keys0 + keys1} bytes of keys`);
  assert(Math.abs(keys0 - keys1) < 0.05 * keys0, `key streams of ${keys0} and ${keys1} bytes`);
  assert(Math.max(...sent) <= 3.1e9, `${sent} bytes sent`);
  assert(Number(plan["exchangesPerLayer"]) <= 84, `${plan["exchangesPerLayer"]} exchanges in a layer`);
  const { sigma } = plan["compare"] as { sigma: Record<string, unknown> };
  assertEquals(Object.keys(sigma), ["keyBytes", "sentBytes", "exchanges"]);
  assertEquals(sigma["exchanges"], 3648);
});

Deno.test("sluice plan adds its gates and layers up to its totals", async () => {
  const plan = await runJson("plan", "--arch", "llama-tiny", "--seq", "16"),
    sum = (list: unknown, field: string, party: 0 | 1): number =>
      (list as Record<string, [number, number]>[]).reduce((total, item) => total + item[field]![party], 0);

  assertEquals([plan["compare"], plan["generate"], plan["promptTokens"]], [null, 0, 16]);
  for (const party of [0, 1] as const) {
    const sent = (plan["sentBytes"] as [number, number])[party],
      keys = (plan["keyBytes"] as [number, number])[party];
    assertEquals(sum(plan["perGate"], "sentBytes", party), sent);
    assertEquals(sum(plan["perLayer"], "sentBytes", party), sent);
    assertEquals(sum(plan["perLayer"], "keyBytes", party) + 48, keys); // 48: seed and salt
  }
});

Deno.test("sluice plan prints a table for people", async () => {
  const { code, stdout, stderr } = await run("plan", "--arch", "llama-tiny", "--seq", "16");

  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^llama-tiny, 2 layers, 16 positions \(blocks\)\n {2}keys +[\d.]+ MB and [\d.]+ MB\n/);
});
