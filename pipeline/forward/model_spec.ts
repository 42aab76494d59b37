/**
 * Everything public about a model that the forward pass depends on, and the parameters of its parts.
 *
 * @module
 */

import { ModelError } from "../../core/errors.ts";
import type { AttentionParams } from "../../core/protocols/layers/attention.ts";
import type { ConstantRef, WeightRef } from "../../core/protocols/key.ts";
import type { AffineParams } from "../../core/protocols/linear/gate.ts";
import type { MlpParams } from "../../core/protocols/layers/mlp.ts";
import type { NormParams } from "../../core/protocols/layers/norm.ts";
import { type Rounding, roundings } from "../../core/protocols/layers/rounding.ts";
import { wordsPerElement } from "../../core/ring/words.ts";
import { activationOf } from "../../core/protocols/activations.ts";
import {
  embeddingShape,
  type FoldedHead,
  type FoldedLayer,
  isBiased,
  normalisesParts,
  readsStream,
} from "../../models/matrices.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import { normNumber, normPlaces } from "./norm_places.ts";
import type { Scales } from "./scales.ts";

/** What is computed: a whole model from tokens to its head, or its blocks alone from hidden states to hidden states. */
export type ModelScope = "model" | "blocks";

/** A model as the forward pass sees it. */
export interface ModelSpec {
  /** What is computed. */
  readonly scope: ModelScope;
  /** The model's shape. */
  readonly config: ModelConfig;
  /** Its fixed-point numbers. */
  readonly scales: Scales;
  /** Positions that keys are dealt for: the longest row of scores. */
  readonly maxPositions: number;
  /** How its truncations round. */
  readonly rounding: Rounding;
  /**
   * Texts are filled up to a multiple of this many tokens, and the client alone knows how many are real; absent where
   * lengths are exact.
   */
  readonly bucket?: number;
}

/**
 * Throws unless the model can hide how many tokens of a text are real.
 *
 * @throws {ModelError} If it is causal, or its scores spread so wide that lowered ones would not fit the ring (SPEC
 * §5.14).
 */
export function assertHidesLengths(model: ModelSpec): void {
  const { config, scales } = model, most = 31 - 2 * scales.activation + scales.score;
  if (config.causal) throw new ModelError("Cannot hide the lengths of texts as the model must be bidirectional");
  if (scales.scoreBits > most) {
    throw new ModelError(
      `Cannot hide the lengths of texts as the model's scores must have at most ${most} bits: received ${scales.scoreBits}`,
    );
  }
}

/** A weight matrix of a model. */
export interface MatrixRef extends WeightRef {
  /**
   * What its products become part of: the residual stream, in whose ring they are made, or values of 32 bits of their
   * own.
   */
  readonly writes: "stream" | "own";
  /** What it reads: one-hot rows, the stream, normalised values or mixtures, hidden values, or what the head's dense layer gives. */
  readonly reads: "tokens" | "stream" | "activation" | "hidden" | "dense";
  /** Whether party 0 adds a bias to its products. */
  readonly biased: boolean;
}

/** The matrices of a layer, in the order of the forward pass. */
export function layerRefs(config: ModelConfig, layer: number): Record<"qkv" | "out" | "gateUp" | "down", MatrixRef> {
  const { hiddenWidth: C, heads: H, kvHeads, headWidth: D, ffnWidth: F, gated, normPlacement, queryNorm } = config;
  // The matrices that read a post-norm model's normalised values write the residual too.
  const post = normPlacement === "post", rest = post ? C : 0, written = normalisesParts(config) ? 2 * C : C;
  const normed = queryNorm === "none" ? 0 : (H + kvHeads) * D, [, embedded] = embeddingShape(config);
  const readOf = (stream: boolean): Pick<MatrixRef, "reads" | "writes"> => ({
    reads: stream && !post ? "stream" : "activation",
    writes: post || stream ? "stream" : "own",
  });
  const ref = (part: keyof FoldedLayer, inputs: number, outputs: number, io: Pick<MatrixRef, "reads" | "writes">) => ({
    name: `layers.${layer}.${part}`,
    inputs,
    outputs,
    ...io,
    biased: isBiased(config, part),
  });
  return {
    qkv: ref(
      "qkv",
      layer === 0 ? embedded : C,
      (H + 2 * kvHeads) * D + normed + rest,
      readOf(readsStream(config, layer)),
    ),
    out: ref("out", H * D, written, { reads: "activation", writes: "stream" }),
    gateUp: ref("gateUp", C, (gated ? 2 : 1) * F + rest, readOf(normPlacement === "parts")),
    down: ref("down", F, written, { reads: "hidden", writes: "stream" }),
  };
}

/** The matrices before and after the layers; a model that runs whole has the embedding and those that its head asks for. */
export function outerRefs(config: ModelConfig): Record<"embed" | keyof FoldedHead, MatrixRef> {
  const { hiddenWidth: C, head } = config, [rows, columns] = embeddingShape(config);
  const writes = config.normPlacement === "post" ? "stream" : "own", own = { inputs: C, outputs: C, writes } as const;
  const afterDense = head.norm ? "activation" : "dense", isLast = head.dense === null;
  return {
    embed: { name: "embed", inputs: rows, outputs: columns, reads: "tokens", writes: "stream", biased: false },
    dense: { ...own, name: "dense", reads: "activation", biased: isBiased(config, "dense") },
    centre: { ...own, name: "centre", reads: "dense", writes: "own", biased: false },
    head: {
      ...own,
      name: "head",
      outputs: head.outputs,
      reads: isLast ? "activation" : afterDense,
      writes: isLast ? writes : "own",
      biased: isBiased(config, "head"),
    },
  };
}

/** All weight matrices of a model, in the order of the forward pass. */
export function weightRefs({ scope, config }: Pick<ModelSpec, "scope" | "config">): MatrixRef[] {
  const layers = Array.from({ length: config.layers }, (_, layer) => Object.values(layerRefs(config, layer))).flat();
  if (scope === "blocks") return layers;
  const { embed, dense, centre, head } = outerRefs(config), { head: { dense: activation, norm, outputs } } = config;
  return [
    embed,
    ...layers,
    ...(activation === null ? [] : [dense]),
    ...(norm && config.norm === "layer" ? [centre] : []),
    ...(outputs === 0 ? [] : [head]),
  ];
}

/** Fractional bits of what a matrix multiplies, and of its own integers: what is embedded is the stream itself. */
export function matrixScales(
  { config, scales }: Pick<ModelSpec, "config" | "scales">,
  { reads }: Pick<MatrixRef, "reads">,
): { input: number; weight: number } {
  const { residual, weight, activation, hidden } = scales;
  switch (reads) {
    case "tokens":
      return { input: 0, weight: streamScaleOf({ config, scales }) };
    case "stream":
      return { input: residual, weight };
    case "hidden":
      return { input: hidden, weight };
    case "dense":
      return { input: activationOf(config.head.dense!).scale, weight };
    case "activation":
      return { input: activation, weight };
  }
}

/** Fractional bits of the embedding: those of the stream, or of a post-norm model that does not normalise it of what its matrices read. */
function streamScaleOf({ config, scales }: Pick<ModelSpec, "config" | "scales">): number {
  return config.normPlacement === "post" && !config.embeddingNorm ? scales.activation : scales.residual;
}

/** The ring in which a matrix multiplies, in bits. */
export function matrixBits({ scales }: Pick<ModelSpec, "scales">, { writes }: Pick<MatrixRef, "writes">): number {
  return writes === "stream" ? scales.residualBits : 32;
}

/** Words of an entry of a matrix, in engines and in the masks of the weights. */
export function matrixWords(model: Pick<ModelSpec, "scales">, ref: Pick<MatrixRef, "writes">): 1 | 2 {
  return wordsPerElement(matrixBits(model, ref));
}

/** Whether matrices of blocks read the residual stream: it then has the ring of their products. */
function streamIsRead(config: ModelConfig): boolean {
  return config.normPlacement !== "post" && (config.normPlacement === "parts" || !config.firstNorm);
}

/** Width of a model's output rows. */
export function outputWidth({ head, hiddenWidth }: ModelConfig): number {
  return head.outputs === 0 ? hiddenWidth : head.outputs;
}

/** Whether every token is answered, and not the first or the last alone. */
export function answersEvery({ scope, config }: Pick<ModelSpec, "scope" | "config">): boolean {
  return scope === "blocks" || config.head.rows === "every";
}

/** Columns of the wire that a stage reads. */
export function streamWidth({ scope, config }: Pick<ModelSpec, "scope" | "config">, stage: number): number {
  return scope === "model" && stage === 1 ? embeddingShape(config)[1] : config.hiddenWidth;
}

/** Fractional bits of the wire between stages: the residual stream, or a post-norm model's normalised values. */
export function streamScale({ config, scales }: Pick<ModelSpec, "config" | "scales">): number {
  return config.normPlacement === "post" ? scales.activation : scales.residual;
}

/**
 * Ring of the residual stream, in bits: where it fits 32 and rounding is dithered what its truncations leave for nothing, if calibration found that the values
 * fit there and no matrix reads it.
 */
export function residualBits({ config, scales, rounding }: Pick<ModelSpec, "config" | "scales" | "rounding">): number {
  if (scales.residualBits > 32 || streamIsRead(config)) return scales.residualBits;
  return roundings[rounding].ringBits(scales.ditheredResidualBits);
}

/** Ring of the wire between stages, in bits. */
export function streamBits(model: Pick<ModelSpec, "config" | "scales" | "rounding">): number {
  return model.config.normPlacement === "post" ? model.scales.residualBits : residualBits(model);
}

/** Fractional bits of the revealed output. */
export function outputScale(model: Pick<ModelSpec, "scope" | "config" | "scales">): number {
  const { scope, config } = model;
  if (scope === "blocks") return streamScale(model);
  if (config.head.outputs === 0) return activationOf(config.head.dense!).scale;
  const { input, weight } = matrixScales(model, outerRefs(config).head);
  return input + weight;
}

/** Ring of the revealed output, in bits: of blocks alone the stream's, else the last matrix's. */
export function outputBits(model: Pick<ModelSpec, "scope" | "config" | "scales">): number {
  if (model.scope === "blocks") return model.scales.residualBits;
  return model.config.head.outputs === 0 ? 32 : matrixBits(model, outerRefs(model.config).head);
}

function affineParams(model: ModelSpec, ref: MatrixRef): AffineParams {
  const { name, inputs, outputs, biased } = ref;
  const bias: ConstantRef | null = biased ? { name: `${name}.bias`, from: 0, count: outputs } : null;
  return { weights: { name, inputs, outputs }, weightScale: matrixScales(model, ref).weight, bias };
}

/** Norm `norm` in the order of {@linkcode normPlaces}. */
export function normParams(model: ModelSpec, norm: number): NormParams {
  const { scales, config, scope } = model, { sumBits, sumShift, lo, hi, inverse } = scales.norms[norm]!;
  const places = normPlaces(config), { name, reads } = places[norm]!, post = config.normPlacement === "post";
  // The last norm of a post-norm model is its output where blocks run alone; what queries, keys and parts become is read by more than linear layers.
  const last = post && scope === "blocks" && norm === places.length - 1, part = reads === "part";
  return {
    sumBits,
    sumShift,
    lo,
    hi,
    inverseScale: inverse,
    scale: part ? scales.residual : scales.activation,
    ringBits: part ? residualBits(model) : post && name !== "head" ? scales.residualBits : 32,
    epsilon: config.normEps,
    knownTo: last || part || name === "query" || name === "key" ? "both" : "party0",
    rounding: model.rounding,
  };
}

/** What tells the plans of two layers apart: their norms, how far they see, whether they turn queries and keys. */
export function layerNumbers(model: ModelSpec, layer: number): unknown {
  const { config } = model;
  return [
    normPlaces(config).flatMap((place, norm) => place.layer === layer ? [normParams(model, norm)] : []),
    config.windows[layer] ?? null,
    (config.rotaryKinds[layer] ?? -1) < 0,
    layerRefs(config, layer).qkv.inputs,
  ];
}

/** Fractional bits of the exponential's tables: fewer where a row is so long that its sum would not fit 31 bits. */
export function expTableScale({ scales, maxPositions }: Pick<ModelSpec, "scales" | "maxPositions">): number {
  return Math.min(scales.expTable, Math.floor((31 - Math.ceil(Math.log2(maxPositions))) / 2));
}

/** How near a token of a bidirectional model must be to be seen by a layer; null where all are. */
function nearness({ config, maxPositions }: ModelSpec, layer: number): number | null {
  const window = config.windows[layer] ?? null;
  return config.causal || window === null || window >= maxPositions ? null : window;
}

/** Attention of a layer. Where columns are hidden, scores have one bit more, and hidden ones are lowered by half the range of the others. */
export function attentionParams(model: ModelSpec, layer: number): AttentionParams {
  const { config, scales, maxPositions, bucket } = model, [low, high, top] = scales.expDigits;
  const hides = bucket !== undefined || config.windows.some((_, other) => nearness(model, other) !== null);
  const more = hides ? 1 : 0, window = nearness(model, layer), kind = config.rotaryKinds[layer] ?? -1;
  const layerPlaces = config.queryNorm === "none" ? null : {
    query: normParams(model, normNumber(config, "query", layer)),
    queryNumber: normNumber(config, "query", layer),
    key: normParams(model, normNumber(config, "key", layer)),
    keyNumber: normNumber(config, "key", layer),
    whole: config.queryNorm === "all",
  };
  const reach = 2 * config.maxPositions - 1;
  return {
    heads: config.heads,
    kvHeads: config.kvHeads,
    width: config.headWidth,
    rotary: kind < 0 ? null : { frequencies: config.frequencies[kind]!, angleScale: scales.angle },
    norms: layerPlaces,
    bias: config.scoreBias === null ? null : {
      table: { name: "scoreBias", from: 0, count: config.heads * reach },
      heads: config.heads,
      reach: config.maxPositions,
    },
    scale: scales.activation,
    mixtureBits: scales.residualBits,
    qkv: affineParams(model, layerRefs(config, layer).qkv),
    // A gated layer's wide product sends more from party 0 already; without one party 0 takes the larger part here.
    full: config.gated ? 0 : 1,
    softmax: {
      scoreBits: scales.scoreBits + more,
      scoreScale: scales.score,
      digits: [low, high, top + more],
      tableScale: expTableScale(model),
      expScale: scales.exp,
      inverseScale: scales.inverse,
      scale: scales.probability,
      maxColumns: maxPositions,
      rounding: model.rounding,
    },
    padding: bucket === undefined && window === null ? null : {
      below: 2 ** (scales.scoreBits - scales.score - 1),
      clip: 2 ** (low + high - scales.score),
      ...(window === null ? {} : { near: { heads: config.heads, window } }),
    },
  };
}

/** Output projection of a layer's attention. */
export function outParams(model: ModelSpec, layer: number): AffineParams {
  return affineParams(model, layerRefs(model.config, layer).out);
}

/** Feed-forward layer. */
export function mlpParams(model: ModelSpec, layer: number): MlpParams {
  const { config, scales } = model, { valueBits, skips } = roundings[model.rounding].activation;
  return {
    width: config.ffnWidth,
    scale: scales.hidden,
    hiddenBits: scales.residualBits,
    activation: config.activation,
    digits: scales.hiddenDigits,
    gated: config.gated,
    restScale: scales.hidden - scales.activation,
    up: affineParams(model, layerRefs(config, layer).gateUp),
    rounding: model.rounding,
    skip: skips ? activationOf(config.activation).skip : 0,
    squared: activationOf(config.activation).squared === true,
    valueBits,
  };
}

/** Down projection of a layer. */
export function downParams(model: ModelSpec, layer: number): AffineParams {
  return affineParams(model, layerRefs(model.config, layer).down);
}

/** A matrix before or after the layers. */
export function outerParams(model: ModelSpec, part: keyof ReturnType<typeof outerRefs>): AffineParams {
  return affineParams(model, outerRefs(model.config)[part]);
}
