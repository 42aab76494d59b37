/**
 * `sluice plan`: the exact cost of a session, from public numbers alone.
 *
 * @module
 */

import { recordBits } from "../core/protocols/key.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { knownShapes, namedShape } from "../models/shapes.ts";
import { stageCount } from "../pipeline/forward/forward.ts";
import type { ModelSpec } from "../pipeline/forward/model_spec.ts";
import type { GateCost } from "../pipeline/interpreters/plan.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import { filledUp, positionCount, SessionPlan, type SessionShape } from "../pipeline/session/session_plan.ts";
import type { Command, Options } from "./args.ts";
import { assertBucket, BUCKET_FLAG, bucketOf } from "./bucket.ts";
import { diskFiles, modelSpec, readConfig, readPrepared } from "./model_folder.ts";
import { ROUNDING_FLAG, roundingOf } from "./rounding.ts";
import { sigmaCost } from "./sigma.ts";
import { amount, type Ui, UsageError } from "./ui.ts";

/** The flag that widens the residual stream. */
export const RESIDUAL_FLAG = {
  name: "residual-bits",
  value: "N",
  help: "ring of the residual stream, 32 to 64 bits (with --arch; default 32)",
} as const;

/** Its value. */
export function residualBitsOf(options: Options): number {
  const bits = options.count("residual-bits", 32, 32);
  if (bits > 64) throw new UsageError(`Cannot use --residual-bits ${bits} as a ring has at most 64 bits`);
  return bits;
}

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

/** Totals of a session. */
export interface PlanTotals {
  readonly keyBytes: [number, number];
  readonly sentBytes: [number, number];
  readonly exchanges: number;
  /** Exchanges of one lane: the largest over layers. */
  readonly exchangesPerLayer: number;
}

/** Cost of one gate, over all lanes. */
interface GateTotal {
  gate: string;
  primitive: string;
  keyBytes: number;
  sentBytes: [number, number];
  exchanges: number;
}

/** Adds up a session. */
export function planTotals(
  plan: SessionPlan,
  chunkTokens: number,
): PlanTotals & { perGate: GateTotal[]; perLayer: Record<string, unknown>[] } {
  const last = stageCount(plan.model) - 1,
    sentBytes: [number, number] = [0, 0],
    gates = new Map<string, GateTotal>(),
    perLayer: Record<string, unknown>[] = [];
  let exchanges = 0, exchangesPerLayer = 0;
  const chunks = plan.chunks(plan.shape, chunkTokens), { requests } = plan.shape;
  for (let index = 0; index <= last; index++) {
    const layer = { sentBytes: [0, 0] as [number, number], exchanges: 0, keyBytes: [0, 0] as [number, number] };
    for (const chunk of chunks) {
      if (index === last && !plan.emits(chunk, plan.shape.promptTokens)) continue;
      const cost = plan.lane(index, index === last ? plan.outputPositions(chunk) : chunk);
      layer.exchanges += cost.exchanges;
      for (const p of [0, 1] as const) layer.sentBytes[p] += cost.sentBytes[p];
      if (index > 0 && index < last) exchangesPerLayer = Math.max(exchangesPerLayer, cost.exchanges);
      addGates(gates, cost.gates);
    }
    for (let position = 0; position < plan.blocks; position++) {
      const { explicitBytes } = plan.layout(index, position);
      for (const p of [0, 1] as const) layer.keyBytes[p] += explicitBytes[p];
    }
    exchanges += requests * layer.exchanges;
    for (const p of [0, 1] as const) sentBytes[p] += requests * layer.sentBytes[p];
    perLayer.push({ stage: index === 0 ? "input" : index === last ? "output" : `layer ${index - 1}`, ...layer });
  }
  return { keyBytes: plan.keyBytes, sentBytes, exchanges, exchangesPerLayer, perGate: [...gates.values()], perLayer };
}

function addGates(gates: Map<string, GateTotal>, costs: readonly GateCost[]): void {
  for (const cost of costs) {
    let total = gates.get(cost.path);
    if (total === undefined) {
      gates.set(
        cost.path,
        total = { gate: cost.path, primitive: cost.primitive, keyBytes: 0, sentBytes: [0, 0], exchanges: 0 },
      );
    }
    for (const { kind, fields, counts } of cost.records) {
      const streams = kind === "free" || kind === "own1" ? 0 : kind === "common" ? 2 : 1, bits = recordBits(fields);
      // As the blocks store it: every record of a block begins at a multiple of four bytes.
      for (const count of counts) total.keyBytes += streams * 4 * Math.ceil(count * bits / 32);
    }
    for (const p of [0, 1] as const) total.sentBytes[p] += cost.sentBytes[p];
    total.exchanges += cost.opens.length;
  }
}

/** Plan of a named shape's blocks. */
export function archPlan(
  arch: string,
  layers: number | undefined,
  seq: number,
  rounding: Rounding,
  bucket?: number,
  residualBits: number = 32,
): SessionPlan {
  const config = shapeOf(arch, layers), promptTokens = filledUp(seq, bucket);
  assertBucket(bucket, config, { paddedPositions: Infinity }, promptTokens);
  const blocks = { scope: "blocks", scales: defaultScales(config, residualBits) } as const,
    model: ModelSpec = modelSpec(config, blocks, promptTokens, rounding, bucket);
  return new SessionPlan(model, { promptTokens, generate: 0, requests: 1 });
}

/**
 * A named shape.
 *
 * @throws {UsageError} If the name is unknown; the message lists the known ones.
 */
export function shapeOf(arch: string, layers: number | undefined): ModelConfig {
  if (!knownShapes().includes(arch)) {
    throw new UsageError(`Cannot use --arch ${arch} as it must be one of: ${knownShapes().join(", ")}`);
  }
  return namedShape(arch, { layers });
}

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
    const layers = options.text("layers") === undefined ? undefined : options.count("layers", 0, 1);
    if (options.text("seq") === undefined) throw new UsageError("Cannot plan --arch without --seq");
    planned = archPlan(arch, layers, options.count("seq", 0, 1), rounding, bucket, residualBitsOf(options));
  } else {
    const { config } = await readConfig(folder!), prepared = await readPrepared(folder!), files = diskFiles(folder!);
    const shape: SessionShape = {
      promptTokens: filledUp(options.count("prompt-tokens", 0, 0), bucket),
      generate: options.count("generate", 0),
      requests: options.count("requests", 1, 1),
    };
    if (shape.promptTokens < 1) throw new UsageError("Cannot plan --model without --prompt-tokens");
    if (options.text("residual-bits") !== undefined) {
      throw new UsageError("Cannot plan --model with --residual-bits as the model was prepared with a ring of its own");
    }
    assertBucket(bucket, config, prepared, shape.promptTokens);
    planned = new SessionPlan(modelSpec(config, prepared, positionCount(shape), rounding, bucket), shape);
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
