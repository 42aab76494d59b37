/**
 * The forward pass of a transformer, written once. Under the clear interpreter it is the oracle, under the plan its
 * cost, under the dealer its keys, under a party the inference.
 *
 * Shapes: T tokens of the lane, C hidden width, H query heads, H_kv key and value heads, D head width, F feed-forward
 * width, V vocabulary. A causal model has one block per token, a bidirectional one a single block of all its tokens.
 *
 * @module
 */

import { ModelError } from "../../core/errors.ts";
import { attention, type AttentionCache, type Positions, type Sight } from "../../core/protocols/layers/attention.ts";
import type { Gate } from "../../core/protocols/opening.ts";
import type { Context } from "../../core/protocols/primitive.ts";
import type { Cache, Extent, Share, View, Wire } from "../../core/protocols/tensor.ts";
import { addConstants, addShares, affine, embed, input } from "../../core/protocols/linear/gate.ts";
import { add, firstRow, lastBlock, narrow } from "../../core/protocols/local/gate.ts";
import { mlp } from "../../core/protocols/layers/mlp.ts";
import { rmsNorm } from "../../core/protocols/layers/norm.ts";
import { openShare, reveal } from "../../core/protocols/open/gate.ts";
import { roundings } from "../../core/protocols/layers/rounding.ts";
import { splice } from "../../core/protocols/splice/gate.ts";
import {
  attentionParams,
  downParams,
  headParams,
  mlpParams,
  type ModelSpec,
  normParams,
  outerRefs,
  outParams,
  poolerParams,
  residualBits,
  streamScale,
  TANH_DIGITS,
} from "./model.ts";

/** Count of stages: input, layers, output. */
export function stageCount(model: ModelSpec): number {
  return model.config.layers + 2;
}

/** The blocks of a lane: a causal model's tokens, or the one block of a bidirectional one. */
export function blocksOf(model: ModelSpec, positions: Positions): Positions {
  return model.config.causal ? positions : { from: 0, count: 1 };
}

/** Rows of `cols` values for every token of a lane. */
export function tokenRows(model: ModelSpec, { count }: Positions, cols: number): Extent {
  return model.config.causal
    ? { rows: 1, cols: Array.from({ length: count }, () => cols) }
    : { rows: count, cols: [cols] };
}

/** Rows that the output stage reads: those of {@linkcode wanted}. */
export function outputRows(model: ModelSpec, positions: Positions, cols: number): Extent {
  const { config, scope } = model, first = scope === "model" && !config.causal && config.head !== "hidden";
  return first ? { rows: 1, cols: [cols] } : tokenRows(model, positions, cols);
}

/**
 * The keys and values of a layer in one view.
 *
 * @param tokens Tokens that it holds.
 * @param data Makes what one of the two holds.
 */
export function layerCache<V extends View>(
  { config, scales }: ModelSpec,
  view: V,
  tokens: number,
  data: (width: number) => Cache<V>["data"],
): AttentionCache<V> {
  const width = config.kvHeads * config.headWidth;
  const make = (): Cache<V> => ({
    kind: "cache",
    view,
    ringBits: 32,
    scale: scales.activation,
    width,
    tokens,
    data: data(width),
  });
  return { keys: make(), values: make() };
}

/** What every block attends to: all tokens, or those up to itself, as far back as the layer's window reaches. */
function sightOf({ config }: ModelSpec, layer: number, { from, count }: Positions): Sight {
  if (!config.causal) {
    if ((config.windows[layer] ?? null) !== null) {
      throw new ModelError(`Cannot run layer ${layer} as a bidirectional model has no local windows`);
    }
    return { tokens: count, cols: [count], starts: [0] };
  }
  const ends = Array.from({ length: count }, (_, i) => from + i + 1), window = config.windows[layer] ?? Infinity;
  const cols = ends.map((end) => Math.min(end, window));
  return { tokens: 1, cols, starts: ends.map((end, block) => end - cols[block]!) };
}

/**
 * The client's tokens as one-hot rows times the embedding plus learned positions, or its hidden states: (T, C).
 *
 * A post-norm model normalises here: its stream between stages is the normalised value. Exchanges: 2 or 1, and 6 where
 * it normalises.
 */
export function* inputStage<V extends View>(ctx: Context<V>, model: ModelSpec, positions: Positions): Gate<Wire<V>> {
  const { config, scales, scope } = model;
  if (scope === "blocks") {
    const extent = tokenRows(model, positions, config.hiddenWidth);
    const x = yield* ctx.gate("input", input, { extent, ringBits: scales.residualBits, scale: streamScale(model) });
    return config.normPlacement === "pre" ? asResidual(ctx, model, x) : x;
  }
  const extent = tokenRows(model, positions, config.vocabCount), weights = outerRefs(config).embed;
  const { residual: weightScale, residualBits: ringBits } = scales;
  let raw = yield* ctx.gate("embed", embed, { extent, ringBits, scale: 0, weights, weightScale });
  if (config.positions === "learned") {
    const width = config.hiddenWidth,
      constants = { name: "positions", from: positions.from * width, count: positions.count * width };
    raw = yield* ctx.gate("positions", addConstants, { constants }, raw);
  }
  const x = asResidual(ctx, model, yield* ctx.gate("open", openShare, {}, raw));
  return config.normPlacement === "pre" ? x : yield* normalise(ctx.within("norm"), model, 0, x);
}

/** Norm number `norm` of the model. Exchanges: those of {@linkcode rmsNorm}. */
function normalise<V extends View>(ctx: Context<V>, model: ModelSpec, norm: number, x: Wire<V>): Gate<Wire<V>> {
  return rmsNorm(ctx.as({ norm }), normParams(model, norm), x);
}

/** A wire in the residual stream's ring: narrowing is free. */
function asResidual<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Wire<V> {
  const bits = residualBits(model);
  return bits === x.ringBits ? x : ctx.local(narrow, { bits }, x);
}

/** What a layer reads: the wire between stages, and the layer's keys and values of the tokens before `positions`. */
export interface LayerInput<V extends View> {
  /** Rows of the lane's tokens. */
  readonly x: Wire<V>;
  /** Keys and values; the lane's own are appended. */
  readonly cache: AttentionCache<V>;
  /** The lane's tokens. */
  readonly positions: Positions;
}

/** What any stage reads: the input stage no wire, and a layer alone a cache. */
export type StageInput<V extends View> =
  & { readonly [P in "x" | "cache"]: LayerInput<V>[P] | null }
  & Pick<LayerInput<V>, "positions">;

/** One transformer layer. Appends the lane's keys and values to the cache. */
export function* layerStage<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  layer: number,
  { x, cache, positions }: LayerInput<V>,
): Gate<Wire<V>> {
  const post = model.config.normPlacement === "post";
  // Who receives all bits of the attention's result alternates where that evens out what both parties send.
  const alternate = model.config.gated ? 0 : (layer % 2) as 0 | 1;
  // Pre-norm: x is the residual stream, and x + attention(norm(x)), then x + mlp(norm(x)), are added to it.
  // Post-norm: x is normalised, and the reading matrices' last C columns compute the residual that is added:
  // norm(residual + attention(x)).
  const read1 = post ? x : yield* normalise(ctx.within("norm1"), model, 2 * layer, x);
  const place = { cache, positions, sight: sightOf(model, layer, positions) };
  const { mixed, rest } = yield* attention(ctx.within("attention"), attentionParams(model, layer), read1, place);
  const out = yield* affine(ctx, "out", outParams(model, layer), mixed), residual = post ? rest! : x;
  const attended = yield* addResidual(ctx, model, { name: "out_truncate", written: out, residual, full: alternate });

  const read2 = yield* normalise(ctx.within("norm2"), model, 2 * layer + 1, attended);
  const { hidden, rest: rest2 } = yield* mlp(ctx.within("mlp"), mlpParams(model, layer), read2);
  const down = yield* affine(ctx, "down", downParams(model, layer), hidden);
  const after = yield* addResidual(ctx, model, {
    name: "down_truncate",
    written: down,
    residual: post ? rest2! : attended,
    full: 0,
  });
  return post ? yield* normalise(ctx.within("norm3"), model, 2 * layer + 2, after) : after;
}

/** What is added to the residual stream. */
interface Addend<V extends View> {
  /** Name of the truncation. */
  readonly name: string;
  /** What a matrix wrote. */
  readonly written: Share<V>;
  /** The stream, or a post-norm model's share of it. */
  readonly residual: Wire<V> | Share<V>;
  /** The party that receives all bits of the share. */
  readonly full: 0 | 1;
}

/**
 * residual + written, at the residual stream's scale and in its ring: a share is added before the truncation, a wire
 * after it. Exchanges: 3, or 1 or 2 where rounding is dithered.
 */
function* addResidual<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  { name, written, residual, full }: Addend<V>,
): Gate<Wire<V>> {
  const { rescale } = roundings[model.rounding];
  const result = { scale: model.scales.residual, ringBits: residualBits(model), full };
  if (residual.kind === "wire") return ctx.local(add, {}, residual, yield* rescale(ctx, name, result, written));
  return yield* rescale(ctx, name, result, yield* ctx.gate(`${name}_sum`, addShares, {}, residual, written));
}

/** The head: logits of tokens or classes for the client alone, pooled or hidden states; or what the blocks gave. */
export function* outputStage<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Gate<Wire<V>> {
  const { config, scope, scales } = model;
  if (scope === "blocks") return yield* ctx.gate("reveal", reveal, {}, x);
  if (config.head === "hidden") {
    return yield* ctx.gate("reveal", reveal, {}, yield* affine(ctx, "head", headParams(model), x));
  }
  if (config.head === "tokens") {
    const read = yield* normalise(ctx.within("norm"), model, 2 * config.layers, x);
    return yield* ctx.gate("reveal", reveal, {}, yield* affine(ctx, "head", headParams(model), read));
  }
  // tanh(x·W + b) + 1 of the first token; the 1 is taken back by the next layer's bias, or by the client.
  const { rescale } = roundings[model.rounding], raw = yield* affine(ctx, "pooler", poolerParams(model), x);
  const flat = yield* rescale(ctx, "pooler_truncate", { scale: scales.activation }, raw);
  const last = config.head === "pooled", knownTo = last ? "both" as const : "party0" as const;
  const pooled = yield* ctx.as({ reads: "pooled" }).gate(
    "tanh",
    splice,
    { function: "tanh_plus_1", digits: TANH_DIGITS, skip: 0, valueBits: 32, ringBits: 32, knownTo },
    flat,
  );
  return yield* ctx.gate("reveal", reveal, {}, last ? pooled : yield* affine(ctx, "head", headParams(model), pooled));
}

/**
 * The tokens whose output is wanted: a causal model's last one, a classifier's first, all of them where blocks run
 * alone.
 */
export function wanted<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Wire<V> {
  if (model.scope === "blocks" || model.config.head === "hidden") return x;
  return model.config.causal ? ctx.local(lastBlock, {}, x) : ctx.local(firstRow, {}, x);
}

/** One stage of the forward pass: 0 is the input, 1..L the layers, L+1 the output of whatever x holds. */
export function* stage<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  index: number,
  { x, cache, positions }: StageInput<V>,
): Gate<Wire<V>> {
  if (x === null) return yield* inputStage(ctx, model, positions);
  if (cache === null || index === stageCount(model) - 1) return yield* outputStage(ctx, model, x);
  return yield* layerStage(ctx, model, index - 1, { x, cache, positions });
}

/**
 * The whole forward pass over one chunk, as the oracle runs it; the parties and the dealer run its stages.
 *
 * @param context The context of a stage.
 * @param model The model's public numbers.
 * @param caches One per layer; they grow by the chunk.
 * @param positions The chunk.
 */
export function* forward<V extends View>(
  context: (stage: number) => Context<V>,
  model: ModelSpec,
  caches: readonly AttentionCache<V>[],
  positions: Positions,
): Gate<Wire<V>> {
  let x = yield* inputStage(context(0), model, positions);
  for (let layer = 0; layer < model.config.layers; layer++) {
    x = yield* layerStage(context(layer + 1), model, layer, { x, cache: caches[layer]!, positions });
  }
  const last = context(model.config.layers + 1);
  return yield* outputStage(last, model, wanted(last, model, x));
}
