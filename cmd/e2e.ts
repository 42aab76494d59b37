/**
 * `sluice e2e`: one forward pass of a named shape in three processes on loopback, checked against the oracle.
 *
 * @module
 */

import { streamScale } from "../pipeline/forward/model.ts";
import { syntheticInput } from "../models/synthetic.ts";
import { planTotals } from "../roles/costs.ts";
import { type Synthetic, SYNTHETIC_FILE } from "../roles/model_folder.ts";
import type { Command, Options, Values } from "./args.ts";
import { ENGINE_FLAGS, engineValues } from "./engine.ts";
import { isSame, runLocal } from "./local_run.ts";
import {
  archPlan,
  BUCKET_FLAG,
  bucketOf,
  layersOf,
  RESIDUAL_FLAG,
  residualBitsOf,
  ROUNDING_FLAG,
  roundingOf,
} from "./plan_flags.ts";
import { HOST_FLAG, hostOf } from "./sockets.ts";
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
    chunk = options.count("chunk", 128, 1),
    [seq, rounding, bucket] = [options.count("seq", 0, 1), roundingOf(options), bucketOf(options)],
    residualBits = residualBitsOf(options),
    planned = archPlan(arch, { layers: layersOf(options), seq, rounding, bucket, residualBits }),
    { layers, hiddenWidth } = planned.model.config,
    { keyBytes, sentBytes, exchanges, exchangesPerLayer } = planTotals(planned, chunk),
    threads = options.count("threads", Math.max(1, navigator.hardwareConcurrency >> 1), 1);
  const engine = (name?: string): Values => ({ ...engineValues(options, threads, name), host: hostOf(options) }),
    synthetic: Synthetic = { arch, layers, seed: WEIGHT_SEED };
  const { party0, party1, dealt, oracle, plan: { model, positions }, output } = await runLocal({
    files: { [SYNTHETIC_FILE]: new TextEncoder().encode(JSON.stringify(synthetic)) },
    config: SYNTHETIC_FILE,
    prepare: { "residual-bits": residualBits },
    lengths: { promptTokens: seq, rounding, bucket },
    threads,
    engines: [engine(), engine(options.text("engine1"))],
    client: { "input-seed": INPUT_SEED, "input-tokens": seq, bucket, chunk },
    says: ["party 0 makes and prepares the weights", "the dealer deals the keys", "both parties run"],
  }, ui);
  ui.note("the oracle runs");
  const states = syntheticInput(positions, hiddenWidth, INPUT_SEED),
    integers = Float64Array.from(states, (value) => Math.round(value * 2 ** streamScale(model))),
    expected = oracle.hidden(integers, seq).subarray(0, seq * hiddenWidth),
    equal = isSame(
      residualBits > 32 ? Array.from(new BigInt64Array(output), Number) : new Int32Array(output),
      expected,
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
