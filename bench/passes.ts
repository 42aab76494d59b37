/**
 * Whole passes: `e2e` of one shape after the other, as a table of medians.
 *
 * `deno run --allow-read --allow-run bench/passes.ts [--runs=N] [--seq=N] [--json] [SHAPE[:LAYERS] ...] [-- FLAGS OF E2E]`; by default the shapes of the table
 * in `bench/README.md`, three runs each of 128 tokens, with either rounding. On a GPU: `bench/passes.ts bert-tiny gpt2 llama2-7b:1 -- --engine webgpu`.
 *
 * It stops at the first pass that fails or whose result is not the oracle's.
 */

import { parseArgs } from "node:util";

/** One row. */
interface Pass {
  readonly arch: string;
  readonly layers: number;
  readonly rounding: string;
  readonly engine: string;
  /** Names of the GPU adapters, null on the CPU. */
  readonly adapter: readonly [string | null, string | null];
  /** Online times of all runs, shortest first. */
  readonly onlineMs: readonly number[];
  /** Of the run with the median online time, both parties. */
  readonly deviceMs: readonly [number, number];
  readonly waitMs: readonly [number, number];
  /** Largest of all runs: dealer, party 0, party 1. */
  readonly peakRssBytes: readonly [number, number, number];
}

/** What `e2e --json` prints, as far as it is read here. */
type Result = Omit<Pass, "onlineMs"> & { readonly onlineMs: number };

const SHAPES = ["bert-tiny:2", "gpt2:1", "gpt2:2", "gpt2:12", "llama-tiny:2", "llama2-7b:1"];

/** Runs `e2e` once. */
async function runOnce(flags: readonly string[]): Promise<Result> {
  const args = ["task", "-q", "e2e", ...flags, "--json"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
  if (!success) {
    console.error(new TextDecoder().decode(stderr));
    throw new Error(`The pass sluice e2e ${flags.join(" ")} failed: ${new TextDecoder().decode(stdout)}`);
  }
  return JSON.parse(new TextDecoder().decode(stdout)) as Result;
}

/** The pass of several runs. */
function summary(results: readonly Result[]): Pass {
  const sorted = results.toSorted((a, b) => a.onlineMs - b.onlineMs), median = sorted[sorted.length >> 1]!;
  const { arch, layers, rounding, engine, adapter, deviceMs, waitMs } = median;
  const largest = (i: 0 | 1 | 2): number => Math.max(...results.map(({ peakRssBytes }) => peakRssBytes[i]));
  return {
    arch,
    layers,
    rounding,
    engine,
    adapter,
    onlineMs: sorted.map(({ onlineMs }) => onlineMs),
    deviceMs,
    waitMs,
    peakRssBytes: [largest(0), largest(1), largest(2)],
  };
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** The pass as a row of a table. */
function row({ arch, layers, rounding, onlineMs, deviceMs, waitMs, peakRssBytes }: Pass): string {
  const [first, last] = [onlineMs[0]!, onlineMs.at(-1)!], median = onlineMs[onlineMs.length >> 1]!;
  return `| ${
    [
      `\`${arch}\`, ${layers}`,
      rounding,
      seconds(median),
      first === last ? "" : `${seconds(first)} – ${seconds(last)}`,
      deviceMs.map(seconds).join(", "),
      waitMs.map(seconds).join(", "),
      `${peakRssBytes.map((bytes) => (bytes / 1e9).toFixed(2)).join(", ")} GB`,
    ].join(" | ")
  } |`;
}

const { values: options, positionals, tokens } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    seq: { type: "string", default: "128" },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
  tokens: true,
});
const terminator = tokens.find(({ kind }) => kind === "option-terminator"),
  flags = terminator === undefined ? [] : Deno.args.slice(terminator.index + 1),
  named = positionals.slice(0, positionals.length - flags.length),
  shapes = named.length > 0 ? named : SHAPES;

if (!options.json) {
  console.log("| shape | rounding | online | all runs | waiting for the device | for the other party | memory |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
}
const places = new Set<string>();
for (const shape of shapes) {
  const [arch, layers] = shape.split(":") as [string, string | undefined],
    size = layers === undefined ? [] : ["--layers", layers];
  for (const rounding of flags.includes("--rounding") ? [[]] : [[], ["--rounding", "dither"]]) {
    const results: Result[] = [];
    for (let run = 0; run < Number(options.runs); run++) {
      results.push(await runOnce(["--arch", arch, ...size, "--seq", options.seq, ...rounding, ...flags]));
    }
    const pass = summary(results);
    console.log(options.json ? JSON.stringify(pass) : row(pass));
    places.add([pass.engine, ...new Set(pass.adapter.filter((name) => name !== null))].join(", "));
  }
}
if (!options.json) console.log(`\n${[...places].join("; ")}; ${options.seq} tokens; medians of ${options.runs}`);
