/**
 * The forward pass of a Llama-family model, written once. Under the clear interpreter it is the oracle, under the plan its cost, under the dealer its keys,
 * under a party the inference.
 *
 * Shapes: T tokens of the lane (one block each), C hidden width, H query heads, H_kv key and value heads, D head width, F feed-forward width, V vocabulary.
 *
 * @module
 */

import { attention, type AttentionCache, type AttentionParams, type Positions } from "../core/protocols/attention.ts";
import { gatedMlp } from "../core/protocols/gated_mlp.ts";
import type { Context, Extent, Gate, View, WeightRef, Wire } from "../core/protocols/gate.ts";
import { embed, input, linear } from "../core/protocols/linear.ts";
import { add, lastBlock } from "../core/protocols/local.ts";
import { type NormParams, rmsNorm } from "../core/protocols/norm.ts";
import { openShare, reveal } from "../core/protocols/open.ts";
import { truncate } from "../core/protocols/truncate.ts";
import type { ModelConfig } from "../models/config.ts";
import type { Scales } from "./scales.ts";

/** What is computed: a whole model from tokens to logits, or its blocks alone from hidden states to hidden states. */
export type Scope = "model" | "blocks";

/** Everything public about a model that the forward pass depends on. */
export interface ModelSpec {
  /** What is computed. */
  readonly scope: Scope;
  /** Architecture and sizes. */
  readonly config: ModelConfig;
  /** Fractional bits, rings and windows of every wire. */
  readonly scales: Scales;
  /** Positions that keys are dealt for: the longest row of scores. */
  readonly maxPositions: number;
}

/** Count of stages: input, layers, output. */
export function stageCount(model: ModelSpec): number {
  return model.config.layers + 2;
}

/** A weight matrix of a layer. */
function layerWeight(layer: number, name: string, inputs: number, outputs: number): WeightRef {
  return { name: `layers.${layer}.${name}`, inputs, outputs };
}

/** All weight matrices of a model, in the order of the forward pass. */
export function weightRefs(model: Pick<ModelSpec, "scope" | "config">): WeightRef[] {
  const { config, scope } = model,
    { hiddenWidth: C, heads: H, kvHeads, headWidth: D, ffnWidth: F, vocabCount: V } = config,
    refs: WeightRef[] = [];
  if (scope === "model") refs.push({ name: "embed", inputs: V, outputs: C });
  for (let layer = 0; layer < config.layers; layer++) {
    refs.push(layerWeight(layer, "qkv", C, (H + 2 * kvHeads) * D), layerWeight(layer, "out", H * D, C));
    refs.push(layerWeight(layer, "gateUp", C, 2 * F), layerWeight(layer, "down", F, C));
  }
  if (scope === "model") refs.push({ name: "head", inputs: C, outputs: V });
  return refs;
}

function normParams(model: ModelSpec, norm: number): NormParams {
  const { scales, config } = model, { sumBits, lo, hi, inverse } = scales.norms[norm]!;
  return { sumBits, lo, hi, inverseScale: inverse, scale: scales.activation, epsilon: config.normEps };
}

function attentionParams(model: ModelSpec, layer: number): AttentionParams {
  const { config, scales, maxPositions } = model, { heads, kvHeads, headWidth: width } = config;
  return {
    heads,
    kvHeads,
    width,
    ropeTheta: config.ropeTheta,
    angleScale: scales.angle,
    weightScale: scales.weight,
    scale: scales.activation,
    qkv: layerWeight(layer, "qkv", config.hiddenWidth, (heads + 2 * kvHeads) * width),
    softmax: {
      scoreBits: scales.scoreBits,
      scoreScale: scales.score,
      digits: scales.expDigits,
      tableScale: scales.expTable,
      expScale: scales.exp,
      inverseScale: scales.inverse,
      scale: scales.probability,
      maxColumns: maxPositions,
    },
  };
}

/** A linear layer that writes the residual stream: product, opening and truncation to the residual's scale. Exchanges: 3. */
function* intoResidual<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  name: string,
  weights: WeightRef,
  x: Wire<V>,
): Gate<Wire<V>> {
  const raw = yield* ctx.gate(name, linear, { weights, weightScale: model.scales.weight }, x),
    by = raw.scale - model.scales.residual;
  return yield* ctx.gate(
    `${name}_truncate`,
    truncate,
    { by, to: 32, rounding: "nearest", full: 0, knownTo: "both" },
    raw,
  );
}

/** The client's tokens as one-hot rows times the embedding, or its hidden states: the residual stream (T, C). Exchanges: 2 or 1. */
export function* inputStage<V extends View>(ctx: Context<V>, model: ModelSpec, positions: Positions): Gate<Wire<V>> {
  const { config, scales, scope } = model,
    rows = (cols: number): Extent => ({ rows: 1, cols: Array.from({ length: positions.count }, () => cols) });
  if (scope === "blocks") {
    return yield* ctx.gate("input", input, { extent: rows(config.hiddenWidth), ringBits: 32, scale: scales.residual });
  }
  const weights = { name: "embed", inputs: config.vocabCount, outputs: config.hiddenWidth };
  const embedded = yield* ctx.gate("embed", embed, {
    extent: rows(config.vocabCount),
    ringBits: 32,
    scale: 0,
    weights,
    weightScale: scales.residual,
  });
  return yield* ctx.gate("open", openShare, {}, embedded);
}

/** One transformer layer: x + attention(norm(x)), then x + mlp(norm(x)). Appends the lane's keys and values to the cache. */
export function* layerStage<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  layer: number,
  x: Wire<V>,
  cache: AttentionCache<V>,
  positions: Positions,
): Gate<Wire<V>> {
  const { config, scales } = model, { hiddenWidth: C, heads, headWidth, ffnWidth: F } = config, none = {};

  const readable = yield* rmsNorm(ctx.scope("norm1"), normParams(model, 2 * layer), x);
  const mixed = yield* attention(ctx.scope("attention"), attentionParams(model, layer), readable, cache, positions);
  const attended = ctx.local(
    add,
    none,
    x,
    yield* intoResidual(ctx, model, "out", layerWeight(layer, "out", heads * headWidth, C), mixed),
  );

  const readableAgain = yield* rmsNorm(ctx.scope("norm2"), normParams(model, 2 * layer + 1), attended);
  const gateUp = layerWeight(layer, "gateUp", C, 2 * F), digits = scales.activationDigits;
  const hidden = yield* gatedMlp(ctx.scope("mlp"), {
    width: F,
    weightScale: scales.weight,
    scale: scales.activation,
    digits,
    gateUp,
  }, readableAgain);
  return ctx.local(
    add,
    none,
    attended,
    yield* intoResidual(ctx, model, "down", layerWeight(layer, "down", F, C), hidden),
  );
}

/** The final norm and the head: logits (T, V) at scale activation + weight for the client alone; or the hidden states. Exchanges: 7 or 0. */
export function* outputStage<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Gate<Wire<V>> {
  const { config, scales, scope } = model;
  if (scope === "blocks") return yield* ctx.gate("reveal", reveal, {}, x);
  const readable = yield* rmsNorm(ctx.scope("norm"), normParams(model, 2 * config.layers), x);
  const weights = { name: "head", inputs: config.hiddenWidth, outputs: config.vocabCount };
  return yield* ctx.gate(
    "reveal",
    reveal,
    {},
    yield* ctx.gate("head", linear, { weights, weightScale: scales.weight }, readable),
  );
}

/** The tokens whose output is wanted: the last one of a model's chunk, all of them where blocks run alone. */
export function wanted<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Wire<V> {
  return model.scope === "model" ? ctx.local(lastBlock, {}, x) : x;
}

/** One stage of the forward pass: 0 is the input, 1..L the layers, L+1 the output of whatever x holds. */
export function* stage<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  index: number,
  x: Wire<V> | null,
  cache: AttentionCache<V> | null,
  positions: Positions,
): Gate<Wire<V>> {
  if (x === null) return yield* inputStage(ctx, model, positions);
  if (cache === null || index === stageCount(model) - 1) return yield* outputStage(ctx, model, x);
  return yield* layerStage(ctx, model, index - 1, x, cache, positions);
}

/**
 * The whole forward pass over one chunk, as the oracle and the dealer run it; the parties run its stages as a stream.
 *
 * @param context The context of a stage.
 * @param caches One per layer; they grow by the chunk.
 * @param all Whether the output is wanted at every position (the dealer, whose keys must serve any split) or only at the last.
 */
export function* forward<V extends View>(
  context: (stage: number) => Context<V>,
  model: ModelSpec,
  caches: readonly AttentionCache<V>[],
  positions: Positions,
  all: boolean = false,
): Gate<Wire<V>> {
  let x = yield* inputStage(context(0), model, positions);
  for (let layer = 0; layer < model.config.layers; layer++) {
    x = yield* layerStage(context(layer + 1), model, layer, x, caches[layer]!, positions);
  }
  const last = context(model.config.layers + 1);
  return yield* outputStage(last, model, all ? x : wanted(last, model, x));
}
