/** The commands that start the others. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { run, runJson } from "../tests/cli.ts";

const E2E_FIELDS = [
  "arch",
  "layers",
  "seq",
  "engine",
  "adapter",
  "threads",
  "equal",
  "onlineMs",
  "dealMs",
  "setupMs",
  "prepareMs",
  "keyBytes",
  "sentBytes",
  "exchanges",
  "exchangesPerLayer",
  "frames",
  "wireBytes",
  "peakRssBytes",
  "readbackMs",
  "plan",
];

const DEMO_FIELDS = [
  "equal",
  "prompt",
  "text",
  "promptTokens",
  "generatedTokens",
  "tokensPerSecond",
  "firstTokenMs",
  "onlineMs",
  "keyBytes",
  "keyBytesPerToken",
  "keyBytesFreshPass",
  "sentBytes",
  "exchanges",
  "engine",
];

/** Whether a value is `count` integers. */
function isCounts(value: unknown, count: number): boolean {
  return Array.isArray(value) && value.length === count &&
    value.every((each) => Number.isSafeInteger(each) && each > 0);
}

Deno.test("sluice e2e equals the oracle with a residual stream of 40 bits, and its measured cost the plan", async () => {
  const flags = ["--arch", "llama-tiny", "--layers", "1", "--seq", "8", "--residual-bits", "40"];
  const result = await runJson("e2e", ...flags, "--threads", "1"), plan = await runJson("plan", ...flags);

  assertEquals(result["equal"], true);
  for (const field of ["keyBytes", "sentBytes", "exchanges", "exchangesPerLayer"]) {
    assertEquals(result[field], plan[field], field);
  }
});

Deno.test("sluice e2e equals the oracle, and its measured cost the plan", async () => {
  const result = await runJson("e2e", "--arch", "llama-tiny", "--layers", "2", "--seq", "16", "--threads", "1"),
    plan = await runJson("plan", "--arch", "llama-tiny", "--layers", "2", "--seq", "16");

  for (const field of E2E_FIELDS) assert(field in result, field);
  assertEquals([result["equal"], result["layers"], result["seq"]], [true, 2, 16]);
  const planned = { keyBytes: plan["keyBytes"], sentBytes: plan["sentBytes"], exchanges: plan["exchanges"] };
  assertEquals(result["plan"], planned);
  for (const field of ["keyBytes", "sentBytes", "exchanges", "exchangesPerLayer"]) {
    assertEquals(result[field], plan[field], field);
  }
  for (const field of ["frames", "wireBytes"]) assert(isCounts(result[field], 2), field);
  assert(isCounts(result["peakRssBytes"], 3));
  for (const field of ["onlineMs", "dealMs", "setupMs", "prepareMs", "readbackMs"]) {
    assert(Number(result[field]) >= 0, field);
  }
});

Deno.test("sluice e2e and demo with dithered rounding equal the oracle that has the coins of the run", async () => {
  const shape = ["--arch", "bert-tiny", "--layers", "1", "--seq", "9", "--rounding", "dither"],
    result = await runJson("e2e", ...shape, "--threads", "1"),
    plan = await runJson("plan", ...shape),
    nearest = await runJson("plan", ...shape.slice(0, -1), "nearest"),
    told = await runJson("demo", "--generate", "4", "--rounding", "dither");

  assertEquals([result["equal"], result["rounding"], told["equal"]], [true, "dither", true]);
  for (const field of ["keyBytes", "sentBytes", "exchanges", "exchangesPerLayer"]) {
    assertEquals(result[field], plan[field], field);
  }
  assert(Number(plan["exchangesPerLayer"]) < Number(nearest["exchangesPerLayer"]));
});

Deno.test("sluice plan refuses a rounding that is none", async () => {
  const { code, stderr } = await run("plan", "--arch", "gpt2", "--seq", "4", "--rounding", "up");

  assertEquals(code, 2);
  assertMatch(stderr, /must be nearest or dither/);
});

Deno.test("sluice demo generates what the oracle generates, on two threads, and tells its cost", async () => {
  const result = await runJson("demo", "--prompt", "To be, or", "--generate", "8", "--threads", "2");

  for (const field of DEMO_FIELDS) assert(field in result, field);
  assertEquals([result["equal"], result["prompt"], result["generatedTokens"]], [true, "To be, or", 8]);
  assert(String(result["text"]).length > 0 && !String(result["text"]).startsWith("To be, or"));
  for (const field of ["keyBytes", "sentBytes"]) assert(isCounts(result[field], 2), field);
  assert(Number(result["keyBytesPerToken"]) < Number(result["keyBytesFreshPass"]) / 8);
});

Deno.test("sluice demo prints the text as it comes, then the proof, for people", async () => {
  const { code, stdout, stderr } = await run("demo", "--prompt", "KING:\n", "--generate", "4", "--engine", "reference");

  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^KING:\n[^]+\nthe secure output equals the clear oracle, bit for bit/);
  assertMatch(stdout, /4 tokens at [\d.]+ tokens\/s.*on reference\n/);
});
