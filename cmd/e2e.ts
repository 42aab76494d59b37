/**
 * `sluice e2e`: one forward pass of a named shape in three processes on loopback, checked against the oracle.
 *
 * @module
 */

import { streamScale } from "../pipeline/forward/model_spec.ts";
import { syntheticInput } from "../models/synthetic.ts";
import { planTotals } from "../roles/costs.ts";
import type { SessionLengths } from "../roles/lengths.ts";
import { SYNTHETIC_FILE } from "../roles/model_folder.ts";
import type { Command, Options, Values } from "./args.ts";
import { ENGINE_FLAGS, engineValues } from "./engine.ts";
import { readOracle } from "./oracle.ts";
import {
  type ArchOptions,
  archPlan,
  BUCKET_FLAG,
  bucketOf,
  layersOf,
  RESIDUAL_FLAG,
  residualBitsOf,
  ROUNDING_FLAG,
  roundingOf,
} from "./plan_flags.ts";
import { type PartyResults, runParties, spawn } from "./process.ts";
import { HOST_FLAG, hostOf } from "./sockets.ts";
import { withTempFolder } from "./temp.ts";
import { amount, type Ui } from "./ui.ts";

/** The command. */
export const E2E: Command = {
  name: "e2e",
  summary: "one forward pass of a named shape in three processes, checked against the oracle",
  flags: [
    { name: "arch", value: "NAME", help: "the shape; its weights and input come from a fixed seed", required: true },
    { name: "layers", value: "L", help: "fewer or more layers than the shape has" },
    { name: "seq", value: "N", help: "tokens", required: true },
    { ...RESIDUAL_FLAG, help: "ring of the residual stream, 32 to 64 bits (default 32)" },
    BUCKET_FLAG,
    {
      name: "chunk",
      value: "N",
      help: "tokens that go through a layer together (default 128); more chunks overlap more",
    },
    { name: "engine1", value: "NAME", help: "the client's engine, where it is another one than party 0's" },
    ROUNDING_FLAG,
    ...ENGINE_FLAGS,
    HOST_FLAG,
  ],
  example: "sluice e2e --arch llama-tiny --layers 2 --seq 128",
};

/** The fixed seeds of weights and input. */
const WEIGHT_SEED = 1, INPUT_SEED = "input";

/** What a run came to. */
interface Run extends PartyResults {
  readonly dealt: Record<string, unknown>;
  readonly equal: boolean;
}

/** Runs the command; the exit code says whether the secure output equals the oracle's. */
export async function e2e(options: Options, ui: Ui): Promise<number> {
  const arch = options.required("arch"),
    chunkTokens = options.count("chunk", 128, 1),
    shape = {
      layers: layersOf(options),
      seq: options.count("seq", 0, 1),
      rounding: roundingOf(options),
      bucket: bucketOf(options),
      residualBits: residualBitsOf(options),
    },
    { seq, rounding, residualBits } = shape;
  const plan = archPlan(arch, shape),
    { layers } = plan.model.config,
    { keyBytes, sentBytes, exchanges, exchangesPerLayer } = planTotals(plan, chunkTokens),
    threads = options.count("threads", Math.max(1, navigator.hardwareConcurrency >> 1), 1);
  const engine = (name?: string): Values => ({ ...engineValues(options, threads, name), host: hostOf(options) }),
    engines = [engine(), engine(options.text("engine1"))] as const;
  const { party0, party1, dealt, equal } = await withTempFolder((folder) =>
    runAll({ arch, shape: { ...shape, layers }, chunkTokens, threads, engines, folder, ui })
  );
  const pair = (field: string): [unknown, unknown] => [party0[field], party1[field]],
    most = (field: string): number => Math.max(Number(party0[field]), Number(party1[field]));
  const result = {
    arch,
    layers,
    seq,
    rounding,
    residualBits,
    engine: party0["engine"] === party1["engine"] ? party0["engine"] : `${party0["engine"]}+${party1["engine"]}`,
    adapter: pair("adapter"),
    threads,
    equal,
    onlineMs: party1["onlineMs"],
    dealMs: dealt["dealMs"],
    setupMs: most("setupMs"),
    prepareMs: party1["prepareMs"],
    keyBytes: pair("keyBytes"),
    sentBytes: pair("sentBytes"),
    exchanges: party1["exchanges"],
    exchangesPerLayer,
    frames: pair("frames"),
    wireBytes: pair("wireBytes"),
    peakRssBytes: [dealt["peakRssBytes"], ...pair("peakRssBytes")],
    readbackMs: most("readbackMs"),
    deviceMs: pair("deviceMs"),
    waitMs: pair("waitMs"),
    plan: { keyBytes, sentBytes, exchanges },
  };
  ui.result(result, () => {
    const seconds = (ms: unknown, digits: number): string => (Number(ms) / 1000).toFixed(digits),
      amounts = (bytes: readonly unknown[]): string[] => bytes.map((value) => amount(Number(value))),
      verdict = equal ? "equal to the oracle, bit for bit" : "NOT EQUAL to the oracle",
      on = `${result.engine} on ${threads} thread${threads === 1 ? "" : "s"} per party`;
    return [
      `${arch}, ${layers} layers, ${seq} tokens, ${on}: ${verdict}`,
      `  online     ${seconds(result.onlineMs, 3)} s (waiting ${
        result.waitMs.map((ms) => seconds(ms, 3)).join(" and ")
      } s)`,
      `  dealt in   ${seconds(result.dealMs, 1)} s, set up in ${seconds(result.setupMs, 1)} s, prepared in ${
        seconds(result.prepareMs, 2)
      } s`,
      `  keys       ${amounts(result.keyBytes).join(" and ")}`,
      `  sent       ${amounts(result.sentBytes).join(" and ")} in ${result.exchanges} exchanges`,
      `  memory     ${amounts(result.peakRssBytes).join(", ")} (dealer, party 0, party 1)`,
    ].join("\n");
  });
  return equal ? 0 : 1;
}

/** Owner, dealer and both parties as processes, then the oracle. */
async function runAll({ arch, shape, chunkTokens, threads, engines, folder, ui }: {
  readonly arch: string;
  readonly shape: Required<ArchOptions>;
  readonly chunkTokens: number;
  readonly threads: number;
  readonly engines: readonly [Values, Values];
  readonly folder: string;
  readonly ui: Ui;
}): Promise<Run> {
  const { layers, seq, rounding, bucket, residualBits } = shape,
    [model, keys, output, coins, cache] = ["model", "keys", "output", "coins", "cache"].map((name) =>
      `${folder}/${name}`
    ) as [string, string, string, string, string];
  await Deno.mkdir(model);
  await Deno.writeTextFile(`${model}/${SYNTHETIC_FILE}`, JSON.stringify({ arch, layers, seed: WEIGHT_SEED }));
  ui.note("party 0 makes and prepares the weights");
  await spawn("prepare", { model, "residual-bits": residualBits }).result;
  ui.note("the dealer deals the keys");
  const dealt = await spawn("keygen", { model, "prompt-tokens": seq, bucket, rounding, out: keys, threads }).result;
  ui.note("both parties run");
  const client = {
    "input-seed": INPUT_SEED,
    "input-tokens": seq,
    bucket,
    chunk: chunkTokens,
    output,
    coins: rounding === "dither" ? coins : undefined,
    cache,
  };
  const results = await runParties({ model, keys, engines, client });
  ui.note("the oracle runs");
  const { buffer } = await Deno.readFile(output),
    secure = residualBits > 32 ? Array.from(new BigInt64Array(buffer), Number) : [...new Int32Array(buffer)],
    expected = await oracleOutput(model, { promptTokens: seq, rounding, bucket }, coins),
    equal = secure.length === expected.length && secure.every((value, i) => value === expected[i]);
  return { ...results, dealt, equal };
}

/** The blocks' output of the real tokens in the clear. */
async function oracleOutput(folder: string, lengths: SessionLengths, coins: string): Promise<Float64Array> {
  const { plan: { model, positions }, oracle } = await readOracle(folder, lengths, coins),
    width = model.config.hiddenWidth,
    one = 2 ** streamScale(model);
  const states = Float64Array.from(syntheticInput(positions, width, INPUT_SEED), (value) => Math.round(value * one));
  return oracle.hidden(states, lengths.promptTokens).subarray(0, lengths.promptTokens * width);
}
