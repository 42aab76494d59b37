/**
 * `sluice plan`: the exact cost of a session, from public numbers alone.
 *
 * @module
 */

import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { planTotals } from "../roles/costs.ts";
import { type SessionLengths, sessionPlan } from "../roles/lengths.ts";
import { readConfig, readPrepared } from "../roles/model_folder.ts";
import type { Command, Options } from "./args.ts";
import { diskFiles } from "./disk.ts";
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
import { sigmaCost } from "./sigma.ts";
import { amount, type Ui, UsageError } from "./ui.ts";

/** The command. */
export const PLAN: Command = {
  name: "plan",
  summary: "show what a session costs: keys, traffic, exchanges",
  flags: [
    { name: "arch", value: "NAME", help: "a named shape: its transformer blocks alone, as SIGMA counts" },
    { name: "layers", value: "L", help: "fewer or more layers than the shape has" },
    { name: "seq", value: "N", help: "tokens of the forward pass (with --arch)" },
    RESIDUAL_FLAG,
    { name: "model", value: "DIR", help: "a prepared model folder: embedding, final norm and head too" },
    { name: "prompt-tokens", value: "N", help: "prompt tokens (with --model)" },
    { name: "generate", value: "M", help: "tokens to generate (with --model; default 0)" },
    { name: "requests", value: "R", help: "requests in one session (default 1)" },
    BUCKET_FLAG,
    { name: "chunk", value: "N", help: "prompt tokens that go through a layer together (default 128)" },
    ROUNDING_FLAG,
  ],
  example: "sluice plan --arch llama2-7b --seq 128",
};

/** Runs the command. */
export async function plan(options: Options, ui: Ui): Promise<void> {
  const arch = options.text("arch"),
    folder = options.text("model"),
    chunkTokens = options.count("chunk", 128, 1),
    bucket = bucketOf(options),
    rounding = roundingOf(options);
  if ((arch === undefined) === (folder === undefined)) {
    throw new UsageError("Cannot plan without a model: give --arch or --model");
  }
  let planned: SessionPlan, tokenizerBytes = 0;
  if (arch !== undefined) {
    const layers = layersOf(options);
    if (options.text("seq") === undefined) throw new UsageError("Cannot plan --arch without --seq");
    const seq = options.count("seq", 0, 1), residualBits = residualBitsOf(options);
    planned = archPlan(arch, { layers, seq, rounding, bucket, residualBits });
  } else {
    const files = diskFiles(folder!), { config } = await readConfig(files), prepared = await readPrepared(files);
    const lengths: SessionLengths = {
      promptTokens: options.count("prompt-tokens", 0, 0),
      generate: options.count("generate", 0),
      requests: options.count("requests", 1, 1),
      rounding,
      bucket,
    };
    if (lengths.promptTokens < 1) throw new UsageError("Cannot plan --model without --prompt-tokens");
    if (options.text("residual-bits") !== undefined) {
      throw new UsageError("Cannot plan --model with --residual-bits as the model was prepared with a ring of its own");
    }
    planned = sessionPlan(config, prepared, lengths);
    if (await files.has("tokenizer.json")) tokenizerBytes = await files.sizeBytes("tokenizer.json");
  }
  const totals = planTotals(planned, chunkTokens),
    { config, scope, scales: { residualBits } } = planned.model,
    { promptTokens, generate } = planned.shape;
  const compare = arch === undefined ? null : sigmaCost(arch, config.layers, promptTokens);
  const result = {
    arch: arch ?? config.architecture,
    layers: config.layers,
    seq: planned.positions,
    promptTokens,
    generate,
    scope,
    rounding,
    residualBits,
    keyBytes: totals.keyBytes,
    sentBytes: totals.sentBytes,
    exchanges: totals.exchanges,
    exchangesPerLayer: totals.exchangesPerLayer,
    // The tokenizer and the client's 32-byte seed travel before the first lane.
    setupBytes: [tokenizerBytes + 32, 0],
    perGate: totals.perGate,
    perLayer: totals.perLayer,
    compare: compare === null ? null : { sigma: compare },
  };
  ui.result(result, () => {
    const lines = [
      `${result.arch}, ${config.layers} layers, ${planned.positions} positions (${scope})${
        rounding === "dither" ? ", dithered" : ""
      }`,
      `  keys       ${amount(totals.keyBytes[0])} and ${amount(totals.keyBytes[1])}`,
      `  sent       ${amount(totals.sentBytes[0])} and ${amount(totals.sentBytes[1])}`,
      `  exchanges  ${totals.exchanges}, ${totals.exchangesPerLayer} in one lane of a layer`,
    ];
    if (compare !== null) {
      lines.push(
        `  SIGMA      keys ${amount(compare.keyBytes[0])} each, sent ${
          amount(compare.sentBytes[0])
        } each, ${compare.exchanges} exchanges`,
      );
    }
    lines.push(
      "",
      "  gate                                  keys      sent 0    sent 1    exchanges (one layer's lanes added up)",
    );
    for (const gate of totals.perGate) {
      lines.push(
        `  ${gate.gate.padEnd(36)}  ${amount(gate.keyBytes).padEnd(8)}  ${amount(gate.sentBytes[0]).padEnd(8)}  ${
          amount(gate.sentBytes[1]).padEnd(8)
        }  ${gate.exchanges}`,
      );
    }
    return lines.join("\n");
  });
}
