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
import type { ModelConfig } from "../../models/model_config.ts";
import type { Scales } from "./scales.ts";

/** Window of the pooler's tanh: 2048 steps of 1/256 over ±4; it runs once per sentence. */
export const TANH_DIGITS = [2, 11, 7] as const;

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

/** Whether linear layers have biases: the LayerNorm families do, at the latest since their norms' β is folded in. */
function biased(config: ModelConfig): boolean {
  return config.norm === "layer";
}

/** A weight matrix of a model. */
export interface MatrixRef extends WeightRef {
  /**
   * What its products become part of: the residual stream, in whose ring they are made, or values of 32 bits of their
   * own.
   */
  readonly writes: "stream" | "own";
}

/** What the reading matrices write: a post-norm model's have columns for the residual. */
function readersWrite({ normPlacement }: ModelConfig): MatrixRef["writes"] {
  return normPlacement === "post" ? "stream" : "own";
}

/** The matrices of a layer, in the order of the forward pass. */
export function layerRefs(config: ModelConfig, layer: number): Record<"qkv" | "out" | "gateUp" | "down", MatrixRef> {
  const { hiddenWidth: C, heads: H, kvHeads, headWidth: D, ffnWidth: F, gated } = config,
    read = readersWrite(config),
    rest = read === "stream" ? C : 0;
  const ref = (part: string, inputs: number, outputs: number, writes: MatrixRef["writes"]): MatrixRef => ({
    name: `layers.${layer}.${part}`,
    inputs,
    outputs,
    writes,
  });
  return {
    qkv: ref("qkv", C, (H + 2 * kvHeads) * D + rest, read),
    out: ref("out", H * D, C, "stream"),
    gateUp: ref("gateUp", C, (gated ? 2 : 1) * F + rest, read),
    down: ref("down", F, C, "stream"),
  };
}

/**
 * The matrices before and after the layers; a model that runs whole has the embedding and those that its head asks for.
 */
export function outerRefs(config: ModelConfig): Record<"embed" | "pooler" | "head", MatrixRef> {
  const { hiddenWidth: C, vocabCount: V, head } = config, read = readersWrite(config);
  return {
    embed: { name: "embed", inputs: V, outputs: C, writes: "stream" },
    pooler: { name: "pooler", inputs: C, outputs: C, writes: read },
    head: { name: "head", inputs: C, outputs: outputWidth(config), writes: head === "classes" ? "own" : read },
  };
}

/** All weight matrices of a model, in the order of the forward pass. */
export function weightRefs({ scope, config }: Pick<ModelSpec, "scope" | "config">): MatrixRef[] {
  const layers = Array.from({ length: config.layers }, (_, layer) => Object.values(layerRefs(config, layer))).flat();
  if (scope === "blocks") return layers;
  const { embed, pooler, head } = outerRefs(config);
  const after = { tokens: [head], hidden: [head], classes: [pooler, head], pooled: [pooler] }[config.head];
  return [embed, ...layers, ...after];
}

/** The ring in which a matrix multiplies, in bits. */
export function matrixBits({ scales }: Pick<ModelSpec, "scales">, { writes }: Pick<MatrixRef, "writes">): number {
  return writes === "stream" ? scales.residualBits : 32;
}

/** Words of an entry of a matrix, in engines and in the masks of the weights. */
export function matrixWords(model: Pick<ModelSpec, "scales">, ref: Pick<MatrixRef, "writes">): 1 | 2 {
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
 * Ring of the residual stream, in bits: where it fits 32 and rounding is dithered what its truncations leave for
 * nothing, if calibration found that the values fit there.
 */
export function residualBits({ scales, rounding }: Pick<ModelSpec, "scales" | "rounding">): number {
  return scales.residualBits === 32 ? roundings[rounding].ringBits(scales.ditheredResidualBits) : scales.residualBits;
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

/** The norms of a layer: two layers with equal ones have the same plan. */
export function layerNorms(model: ModelSpec, layer: number): NormParams[] {
  const first = 2 * layer + (model.config.normPlacement === "post" ? 1 : 0);
  return [normParams(model, first), normParams(model, first + 1)];
}

/** Fractional bits of the exponential's tables: fewer where a row is so long that its sum would not fit 31 bits. */
export function expTableScale({ scales, maxPositions }: Pick<ModelSpec, "scales" | "maxPositions">): number {
  return Math.min(scales.expTable, Math.floor((31 - Math.ceil(Math.log2(maxPositions))) / 2));
}

/**
 * Attention of a layer. Where padding is hidden, scores have one bit more, and padded ones are lowered by half the
 * range of the others.
 */
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
    padding: bucket === undefined
      ? null
      : { below: 2 ** (scales.scoreBits - scales.score - 1), clip: 2 ** (low + high - scales.score) },
  };
}

/** Output projection of a layer's attention. */
export function outParams(model: ModelSpec, layer: number): AffineParams {
  return affineParams(model, layerRefs(model.config, layer).out);
}

/** Feed-forward layer. */
export function mlpParams(model: ModelSpec, layer: number): MlpParams {
  const { config, scales } = model, { valueBits, skip } = roundings[model.rounding].activation;
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
    skip: skip[config.activation] ?? 0,
    valueBits,
  };
}

/** Down projection of a layer. */
export function downParams(model: ModelSpec, layer: number): AffineParams {
  return affineParams(model, layerRefs(model.config, layer).down);
}

/** BERT's pooler. */
export function poolerParams(model: ModelSpec): AffineParams {
  return affineParams(model, outerRefs(model.config).pooler);
}

/** The head. */
export function headParams(model: ModelSpec): AffineParams {
  return affineParams(model, outerRefs(model.config).head);
}
