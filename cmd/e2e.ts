/**
 * `sluice e2e`: one forward pass of a named shape in three processes on loopback, checked against the oracle.
 *
 * @module
 */

import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { streamScale } from "../pipeline/forward/model_spec.ts";
import { filledUp } from "../pipeline/session/session_plan.ts";
import { syntheticInput } from "../models/synthetic.ts";
import type { Command, Options } from "./args.ts";
import { BUCKET_FLAG, bucketOf } from "./bucket.ts";
import { ENGINE_FLAGS, engineArgs } from "./engine.ts";
import { readOracle, SYNTHETIC_FILE } from "./model_folder.ts";
import { keptCoins, ROUNDING_FLAG, roundingOf } from "./rounding.ts";
import { runParties, spawn } from "./process.ts";
import { HOST_FLAG, hostArgs } from "./sockets.ts";
import { withTempFolder } from "./temp.ts";
import { archPlan, planTotals, RESIDUAL_FLAG, residualBitsOf, shapeOf } from "./plan.ts";
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

/** Runs the command; the exit code says whether the secure output equals the oracle's. */
export async function e2e(options: Options, ui: Ui): Promise<number> {
  const arch = options.required("arch"),
    layers = options.text("layers") === undefined ? undefined : options.count("layers", 0, 1),
    seq = options.count("seq", 0, 1),
    chunkTokens = options.count("chunk", 128, 1),
    residualBits = residualBitsOf(options),
    rounding = roundingOf(options),
    bucket = bucketOf(options),
    hidden = bucket === undefined ? [] : ["--bucket", String(bucket)];
  const config = shapeOf(arch, layers),
    planned = planTotals(archPlan(arch, config.layers, seq, rounding, bucket, residualBits), chunkTokens),
    threads = options.count("threads", Math.max(1, navigator.hardwareConcurrency >> 1), 1);
  return await withTempFolder(async (folder) => {
    const model = `${folder}/model`,
      keys = `${folder}/keys`,
      engineFlags = (name?: string): string[] => [...engineArgs(options, threads, name), ...hostArgs(options)],
      engines: [string[], string[]] = [engineFlags(), engineFlags(options.text("engine1"))];
    await Deno.mkdir(model);
    await Deno.writeTextFile(
      `${model}/${SYNTHETIC_FILE}`,
      JSON.stringify({ arch, layers: config.layers, seed: WEIGHT_SEED }),
    );
    ui.note("party 0 makes and prepares the weights");
    await spawn(["prepare", "--model", model, "--residual-bits", String(residualBits)]).result;
    ui.note("the dealer deals the keys");
    const dealt = await spawn([
      "keygen",
      "--model",
      model,
      "--prompt-tokens",
      String(seq),
      ...hidden,
      "--rounding",
      rounding,
      "--out",
      keys,
      "--threads",
      String(threads),
    ])
      .result;
    ui.note("both parties run");
    const output = `${folder}/output`,
      coins = `${folder}/coins`,
      { party0, party1 } = await runParties(model, keys, engines, [
        "--input-seed",
        INPUT_SEED,
        "--input-tokens",
        String(seq),
        ...hidden,
        "--chunk",
        String(chunkTokens),
        "--output",
        output,
        ...(rounding === "dither" ? ["--coins", coins] : []),
        "--cache",
        `${folder}/cache`,
      ]);
    ui.note("the oracle runs");
    const { buffer } = await Deno.readFile(output),
      secure = residualBits > 32 ? Array.from(new BigInt64Array(buffer), Number) : [...new Int32Array(buffer)],
      expected = await oracleOutput(model, seq, bucket, rounding, coins),
      equal = secure.length === expected.length && secure.every((value, i) => value === expected[i]);
    const pair = (field: string): [unknown, unknown] => [party0[field], party1[field]];
    const result = {
      arch,
      layers: config.layers,
      seq,
      rounding,
      residualBits,
      engine: party0["engine"] === party1["engine"] ? party0["engine"] : `${party0["engine"]}+${party1["engine"]}`,
      adapter: pair("adapter"),
      threads,
      equal,
      onlineMs: party1["onlineMs"],
      dealMs: dealt["dealMs"],
      setupMs: Math.max(Number(party0["setupMs"]), Number(party1["setupMs"])),
      prepareMs: party1["prepareMs"],
      keyBytes: pair("keyBytes"),
      sentBytes: pair("sentBytes"),
      exchanges: party1["exchanges"],
      exchangesPerLayer: planned.exchangesPerLayer,
      frames: pair("frames"),
      wireBytes: pair("wireBytes"),
      peakRssBytes: [dealt["peakRssBytes"], party0["peakRssBytes"], party1["peakRssBytes"]],
      readbackMs: Math.max(Number(party0["readbackMs"]), Number(party1["readbackMs"])),
      deviceMs: pair("deviceMs"),
      waitMs: pair("waitMs"),
      plan: { keyBytes: planned.keyBytes, sentBytes: planned.sentBytes, exchanges: planned.exchanges },
    };
    ui.result(result, () =>
      [
        `${arch}, ${config.layers} layers, ${seq} tokens, ${result.engine} on ${threads} thread${
          threads === 1 ? "" : "s"
        } per party: ${equal ? "equal to the oracle, bit for bit" : "NOT EQUAL to the oracle"}`,
        `  online     ${(Number(result.onlineMs) / 1000).toFixed(3)} s (waiting ${
          result.waitMs.map((ms) => (Number(ms) / 1000).toFixed(3)).join(" and ")
        } s)`,
        `  dealt in   ${(Number(result.dealMs) / 1000).toFixed(1)} s, set up in ${
          (result.setupMs / 1000).toFixed(1)
        } s, prepared in ${(Number(result.prepareMs) / 1000).toFixed(2)} s`,
        `  keys       ${result.keyBytes.map((bytes) => amount(Number(bytes))).join(" and ")}`,
        `  sent       ${
          result.sentBytes.map((bytes) => amount(Number(bytes))).join(" and ")
        } in ${result.exchanges} exchanges`,
        `  memory     ${
          result.peakRssBytes.map((bytes) => amount(Number(bytes))).join(", ")
        } (dealer, party 0, party 1)`,
      ].join("\n"));
    return equal ? 0 : 1;
  });
}

/** The blocks' output of the real tokens in the clear. */
async function oracleOutput(
  folder: string,
  seq: number,
  bucket: number | undefined,
  rounding: Rounding,
  coins: string,
): Promise<Float64Array> {
  const filled = filledUp(seq, bucket),
    { model, oracle } = await readOracle(folder, filled, rounding, { ...await keptCoins(rounding, coins), bucket }),
    width = model.config.hiddenWidth;
  const states = Float64Array.from(
    syntheticInput(filled, width, INPUT_SEED),
    (value) => Math.round(value * 2 ** streamScale(model)),
  );
  return oracle.hidden(states, seq).subarray(0, seq * width);
}
