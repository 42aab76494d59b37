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
import type { Rounding } from "../../core/protocols/layers/rounding.ts";
import { wordsPerElement } from "../../core/ring/words.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import type { Scales } from "./scales.ts";

/** Window of the pooler's tanh: 2048 steps of 1/256 over ±4; it runs once per sentence. */
export const TANH_DIGITS = [2, 11, 7] as const;

/**
 * Ring of the activation's opened table values, in bits: their spare bit makes them 32 for some bits of key. Where rounding is dithered keys are so small that
 * a few more bits on the wire are cheaper.
 */
const ACTIVATION_VALUE_BITS: Readonly<Record<Rounding, number>> = { nearest: 16, dither: 26 };

/** Low bits that the activation's digits leave out where rounding is dithered: the smaller its low digit, the smaller the key. */
const ACTIVATION_SKIP = { silu: 2, gelu: 3, gelu_tanh: 3 } as const;

/** What is computed: a whole model from tokens to its head, or its blocks alone from hidden states to hidden states. */
export type Scope = "model" | "blocks";

/** A model as the forward pass sees it. */
export interface ModelSpec {
  /** What is computed. */
  readonly scope: Scope;
  /** The model's shape. */
  readonly config: ModelConfig;
  /** Its fixed-point numbers. */
  readonly scales: Scales;
  /** Positions that keys are dealt for: the longest row of scores. */
  readonly maxPositions: number;
  /** How its truncations round. */
  readonly rounding: Rounding;
  /** Texts are filled up to a multiple of this many tokens, and the client alone knows how many are real; absent where lengths are exact. */
  readonly bucket?: number;
}

/**
 * Throws unless the model can hide how many tokens of a text are real.
 *
 * @throws {ModelError} If it is causal, or its scores spread so wide that lowered ones would not fit the ring (SPEC §5.14).
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

/** Whether linear layers have biases: the LayerNorm families do, at the latest since their norms' β is folded in. */
function biased(config: ModelConfig): boolean {
  return config.norm === "layer";
}

/** Columns that a reading matrix of a post-norm model has beyond its own, for the residual. */
function residualColumns(config: ModelConfig): number {
  return config.normPlacement === "post" ? config.hiddenWidth : 0;
}

/** Shapes of a layer's matrices, by name. */
function layerShapes(config: ModelConfig): readonly (readonly [name: string, inputs: number, outputs: number])[] {
  const { hiddenWidth: C, heads: H, kvHeads, headWidth: D, ffnWidth: F, gated } = config,
    rest = residualColumns(config);
  return [["qkv", C, (H + 2 * kvHeads) * D + rest], ["out", H * D, C], ["gateUp", C, (gated ? 2 : 1) * F + rest], [
    "down",
    F,
    C,
  ]];
}

/** All weight matrices of a model, in the order of the forward pass. */
export function weightRefs({ scope, config }: Pick<ModelSpec, "scope" | "config">): WeightRef[] {
  const { hiddenWidth: C, vocabCount: V, head } = config, whole = scope === "model", refs: WeightRef[] = [];
  if (whole) refs.push({ name: "embed", inputs: V, outputs: C });
  for (let layer = 0; layer < config.layers; layer++) {
    for (const [name, inputs, outputs] of layerShapes(config)) {
      refs.push({ name: `layers.${layer}.${name}`, inputs, outputs });
    }
  }
  if (whole && (head === "classes" || head === "pooled")) refs.push({ name: "pooler", inputs: C, outputs: C });
  if (whole && head !== "pooled") refs.push({ name: "head", inputs: C, outputs: outputWidth(config) });
  return refs;
}

/**
 * The ring in which a matrix multiplies, in bits. What writes the residual stream works in the stream's ring: the embedding and the projections `out` and `down`;
 * of a post-norm model, whose reading matrices write the residual too, every matrix but a classifier's head.
 */
export function matrixBits({ config, scales }: Pick<ModelSpec, "config" | "scales">, { name }: WeightRef): number {
  const part = name.slice(name.lastIndexOf(".") + 1),
    writes = config.normPlacement === "post"
      ? !(part === "head" && config.head === "classes")
      : part === "embed" || part === "out" || part === "down";
  return writes ? scales.residualBits : 32;
}

/** Words of an entry of a matrix, in engines and in the masks of the weights. */
export function matrixWords(model: Pick<ModelSpec, "config" | "scales">, ref: WeightRef): 1 | 2 {
  return wordsPerElement(matrixBits(model, ref));
}

/** Width of a model's output rows. */
export function outputWidth(config: ModelConfig): number {
  return config.head === "tokens"
    ? config.vocabCount
    : config.head === "classes"
    ? config.classCount
    : config.hiddenWidth;
}

/** Fractional bits of the wire between stages: the residual stream, or a post-norm model's normalised values. */
export function streamScale({ config, scales }: Pick<ModelSpec, "config" | "scales">): number {
  return config.normPlacement === "pre" ? scales.residual : scales.activation;
}

/**
 * Ring of the residual stream, in bits: where it fits 32 and rounding is dithered what its truncations leave for nothing, if calibration found that the values
 * fit there.
 */
export function residualBits({ scales, rounding }: Pick<ModelSpec, "scales" | "rounding">): number {
  return rounding === "dither" && scales.residualBits === 32 ? scales.ditheredResidualBits : scales.residualBits;
}

/** Ring of the wire between stages, in bits. */
export function streamBits(model: Pick<ModelSpec, "config" | "scales" | "rounding">): number {
  return model.config.normPlacement === "pre" ? residualBits(model) : model.scales.residualBits;
}

/** Fractional bits of the revealed output. */
export function outputScale({ scope, config, scales }: ModelSpec): number {
  if (scope === "blocks") return streamScale({ config, scales });
  return config.head === "pooled" ? scales.activation : scales.activation + scales.weight;
}

/** Ring of the revealed output, in bits: of hidden states and of blocks alone the stream's. */
export function outputBits({ scope, config, scales }: ModelSpec): number {
  return scope === "blocks" || config.head === "hidden" ? scales.residualBits : 32;
}

function affineParams(model: ModelSpec, weights: WeightRef): AffineParams {
  const bias: ConstantRef | null = biased(model.config)
    ? { name: `${weights.name}.bias`, from: 0, count: weights.outputs }
    : null;
  return { weights, weightScale: model.scales.weight, bias };
}

function layerParams(model: ModelSpec, layer: number, name: string): AffineParams {
  const [, inputs, outputs] = layerShapes(model.config).find(([candidate]) => candidate === name)!;
  return affineParams(model, { name: `layers.${layer}.${name}`, inputs, outputs });
}

/** The token embedding. */
export function embedWeights({ config }: ModelSpec): WeightRef {
  return { name: "embed", inputs: config.vocabCount, outputs: config.hiddenWidth };
}

/** Norm `norm` in the order of {@linkcode Scales.norms}. */
export function normParams(model: ModelSpec, norm: number): NormParams {
  const { scales, config, scope } = model, { sumBits, sumShift, lo, hi, inverse } = scales.norms[norm]!;
  // The last norm of a post-norm model is its output where blocks run alone.
  const last = config.normPlacement === "post" && scope === "blocks" && norm === 2 * config.layers;
  return {
    sumBits,
    sumShift,
    lo,
    hi,
    inverseScale: inverse,
    scale: scales.activation,
    ringBits: config.normPlacement === "post" ? scales.residualBits : 32,
    epsilon: config.normEps,
    knownTo: last ? "both" : "party0",
    rounding: model.rounding,
  };
}

/** Where each norm stands: its stage and its scope there, in the order of {@linkcode Scales.norms}. */
export function normPlaces(
  { config }: Pick<ModelSpec, "config">,
): { readonly stage: number; readonly scope: string }[] {
  const places: { stage: number; scope: string }[] = [], post = config.normPlacement === "post";
  if (post) places.push({ stage: 0, scope: "norm" });
  for (let layer = 0; layer < config.layers; layer++) {
    for (const scope of post ? ["norm2", "norm3"] : ["norm1", "norm2"]) places.push({ stage: layer + 1, scope });
  }
  if (!post) places.push({ stage: config.layers + 1, scope: "norm" });
  return places;
}

/** The norms of a layer: two layers with equal ones have the same plan. */
export function layerNorms(model: ModelSpec, layer: number): NormParams[] {
  return normPlaces(model).flatMap(({ stage }, norm) => stage === layer + 1 ? [normParams(model, norm)] : []);
}

/** Fractional bits of the exponential's tables: fewer where a row is so long that its sum would not fit 31 bits. */
export function expTableScale({ scales, maxPositions }: Pick<ModelSpec, "scales" | "maxPositions">): number {
  return Math.min(scales.expTable, Math.floor((31 - Math.ceil(Math.log2(maxPositions))) / 2));
}

/** Attention of a layer. Where padding is hidden, scores have one bit more, and padded ones are lowered by half the range of the others. */
export function attentionParams(model: ModelSpec, layer: number): AttentionParams {
  const { config, scales, maxPositions, bucket } = model, [low, high, top] = scales.expDigits;
  const more = bucket === undefined ? 0 : 1;
  return {
    heads: config.heads,
    kvHeads: config.kvHeads,
    width: config.headWidth,
    rotary: config.positions === "rotary" ? { theta: config.ropeTheta, angleScale: scales.angle } : null,
    scale: scales.activation,
    mixtureBits: scales.residualBits,
    qkv: layerParams(model, layer, "qkv"),
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
    padding: bucket === undefined
      ? null
      : { below: 2 ** (scales.scoreBits - scales.score - 1), clip: 2 ** (low + high - scales.score) },
  };
}

/** Output projection of a layer's attention. */
export function outParams(model: ModelSpec, layer: number): AffineParams {
  return layerParams(model, layer, "out");
}

/** Feed-forward layer. */
export function mlpParams(model: ModelSpec, layer: number): MlpParams {
  const { config, scales } = model;
  return {
    width: config.ffnWidth,
    scale: scales.hidden,
    hiddenBits: scales.residualBits,
    activation: config.activation,
    digits: scales.hiddenDigits,
    gated: config.gated,
    restScale: scales.hidden - scales.activation,
    up: layerParams(model, layer, "gateUp"),
    rounding: model.rounding,
    skip: ACTIVATION_SKIP[config.activation],
    valueBits: ACTIVATION_VALUE_BITS[model.rounding],
  };
}

/** Down projection of a layer. */
export function downParams(model: ModelSpec, layer: number): AffineParams {
  return layerParams(model, layer, "down");
}

/** BERT's pooler. */
export function poolerParams(model: ModelSpec): AffineParams {
  return affineParams(model, { name: "pooler", inputs: model.config.hiddenWidth, outputs: model.config.hiddenWidth });
}

/** The head. */
export function headParams(model: ModelSpec): AffineParams {
  return affineParams(model, { name: "head", inputs: model.config.hiddenWidth, outputs: outputWidth(model.config) });
}
