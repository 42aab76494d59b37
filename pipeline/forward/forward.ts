/**
 * The forward pass of a transformer, written once. Under the clear interpreter it is the oracle, under the plan its
 * cost, under the dealer its keys, under a party the inference.
 *
 * Shapes: T tokens of the lane, C hidden width, H query heads, H_kv key and value heads, D head width, F feed-forward
 * width, V vocabulary. A causal model has one block per token, a bidirectional one a single block of all its tokens.
 *
 * @module
 */

import { attention, type AttentionCache, type Positions, type Sight } from "../../core/protocols/layers/attention.ts";
import { activationOf } from "../../core/protocols/activations.ts";
import { type Gate, par } from "../../core/protocols/opening.ts";
import type { Context } from "../../core/protocols/primitive.ts";
import type { Cache, Extent, Share, View, Wire } from "../../core/protocols/tensor.ts";
import { addConstants, addShares, affine, embed, input } from "../../core/protocols/linear/gate.ts";
import { add, columns, firstRow, lastBlock, narrow } from "../../core/protocols/local/gate.ts";
import { mlp } from "../../core/protocols/layers/mlp.ts";
import { rmsNorm } from "../../core/protocols/layers/norm.ts";
import { openShare, reveal } from "../../core/protocols/open/gate.ts";
import { roundings } from "../../core/protocols/layers/rounding.ts";
import { splice } from "../../core/protocols/splice/gate.ts";
import { normalisesEmbedding, normalisesParts, readsStream } from "../../models/matrices.ts";
import {
  answersEvery,
  attentionParams,
  downParams,
  mlpParams,
  type ModelSpec,
  normParams,
  outerParams,
  outParams,
  residualBits,
  streamScale,
} from "./model_spec.ts";
import { type NormName, normNumber } from "./norm_places.ts";

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
  const { config } = model, first = !answersEvery(model) && !config.causal;
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
  if (!config.causal) return { tokens: count, cols: [count], starts: [0] };
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
    return config.normPlacement === "post" ? x : asResidual(ctx, model, x);
  }
  const { weights, weightScale } = outerParams(model, "embed"), { residualBits: ringBits } = scales;
  const extent = tokenRows(model, positions, weights.inputs);
  let raw = yield* ctx.gate("embed", embed, { extent, ringBits, scale: 0, weights, weightScale });
  if (config.positions === "learned") {
    const width = weights.outputs,
      constants = { name: "positions", from: positions.from * width, count: positions.count * width };
    raw = yield* ctx.gate("positions", addConstants, { constants }, raw);
  }
  const opened = yield* ctx.gate("open", openShare, {}, raw);
  if (config.normPlacement === "post" && !config.embeddingNorm) return opened;
  const x = asResidual(ctx, model, opened);
  return normalisesEmbedding(config) ? yield* normalise(ctx, model, ["norm", null], x) : x;
}

/** A norm of the model. Exchanges: those of {@linkcode rmsNorm}. */
function normalise<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  [name, layer]: readonly [NormName, number | null],
  x: Wire<V>,
  scaled: Wire<V> | null = null,
): Gate<Wire<V>> {
  const norm = normNumber(model.config, name, layer);
  return rmsNorm(ctx.within(name).as({ norm }), normParams(model, norm), x, scaled);
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

/**
 * One transformer layer. Appends the lane's keys and values to the cache.
 *
 * Pre-norm: x is the residual stream, and x + attention(norm(x)), then x + mlp(norm(x)), are added to it; where both read the same stream they run side by side,
 * and one truncation serves both. Post-norm: x is normalised, and the reading matrices' last C columns compute the residual that is added:
 * norm(residual + attention(x)). Where norms follow the parts, norm(attention(x)) is added.
 */
export function* layerStage<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  layer: number,
  { x: input, cache, positions }: LayerInput<V>,
): Gate<Wire<V>> {
  const { config } = model, post = config.normPlacement === "post", C = config.hiddenWidth;
  // Who receives all bits of the attention's result alternates where that evens out what both parties send.
  const alternate = config.gated ? 0 : (layer % 2) as 0 | 1;
  // What the first block reads may have a column more than the stream.
  const x = input.extent.cols[0] === C || post ? input : ctx.local(columns, { from: 0, to: C }, input);
  const attend = function* (read: Wire<V>): Gate<Written<V>> {
    const params = attentionParams(model, layer), place = { cache, positions, sight: sightOf(model, layer, positions) };
    const { mixed, rest } = yield* attention(ctx.within("attention"), params, read, place);
    return { share: yield* affine(ctx, "out", outParams(model, layer), mixed), rest };
  };
  const feedForward = function* (read: Wire<V>): Gate<Written<V>> {
    const { hidden, rest } = yield* mlp(ctx.within("mlp"), mlpParams(model, layer), read);
    return { share: yield* affine(ctx, "down", downParams(model, layer), hidden), rest };
  };
  const before = (name: "norm1" | "norm2", stream: Wire<V>): Gate<Wire<V>> =>
    normalise(ctx, model, [name, layer], stream);

  const read1 = post || readsStream(config, layer) ? input : yield* before("norm1", x);
  if (config.branches !== "serial") {
    const shared = config.branches === "shared";
    const [attended, fed] = yield* par(
      attend(read1),
      (function* () {
        return yield* feedForward(shared ? read1 : yield* before("norm2", x));
      })(),
    );
    // Both at the scale of the hidden values' products: attention's matrix is as much larger.
    const scale = fed.share.scale, out = { ...attended.share, scale };
    const written = yield* ctx.gate("branches", addShares, {}, out, fed.share);
    return yield* addResidual(ctx, model, { name: "down_truncate", written, residual: x, full: 0 });
  }
  const first = { name: "out_truncate", norm: "part1", layer, full: alternate } as const;
  const attended = yield* addPart(ctx, model, first, yield* attend(read1), x);
  const read2 = config.normPlacement === "parts" ? attended : yield* before("norm2", attended);
  const second = { name: "down_truncate", norm: "part2", layer, full: 0 } as const;
  const written = yield* addPart(ctx, model, second, yield* feedForward(read2), attended);
  return post ? yield* normalise(ctx, model, ["norm3", layer], written) : written;
}

/** What a part of a layer writes, and of a post-norm model the residual that it is added to. */
interface Written<V extends View> {
  readonly share: Share<V>;
  readonly rest: Share<V> | null;
}

/**
 * The stream and what a part writes: added as it is, or, where norms follow the parts, normalised: its columns are γ·y
 * and y.
 */
function* addPart<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  part: { readonly name: string; readonly norm: "part1" | "part2"; readonly layer: number; readonly full: 0 | 1 },
  { share, rest }: Written<V>,
  stream: Wire<V>,
): Gate<Wire<V>> {
  const C = model.config.hiddenWidth, { name, norm, layer, full } = part;
  if (!normalisesParts(model.config)) {
    return yield* addResidual(ctx, model, { name, written: share, residual: rest ?? stream, full });
  }
  // In the ring of the norm's product, which a narrower stream is not.
  const { residual: scale, residualBits: ringBits } = model.scales, { rescale } = roundings[model.rounding];
  const both = yield* rescale(ctx, name, { scale, ringBits, full }, share);
  const scaled = ctx.local(columns, { from: 0, to: C }, both), raw = ctx.local(columns, { from: C, to: 2 * C }, both);
  return ctx.local(add, {}, stream, yield* normalise(ctx, model, [norm, layer], raw, scaled));
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

/** The head: what it answers for the client alone, or what the blocks gave. */
export function* outputStage<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Gate<Wire<V>> {
  const { config, scope } = model, { head } = config;
  if (scope === "blocks") return yield* ctx.gate("reveal", reveal, {}, x);
  const read = config.normPlacement === "post" ? x : yield* normalise(ctx, model, ["norm", null], x);
  const last = head.dense === null ? read : yield* denseLayer(ctx, model, read);
  const answer = head.outputs === 0 ? last : yield* affine(ctx, "head", outerParams(model, "head"), last);
  return yield* ctx.gate("reveal", reveal, {}, answer);
}

/**
 * The head's dense layer, its activation and its norm. Of tanh + 1 the 1 is taken back by the next layer's bias, or by the
 * client.
 */
function* denseLayer<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Gate<Wire<V>> {
  const { head, norm } = model.config, name = head.dense!, { scale, digits } = activationOf(name);
  const { rescale } = roundings[model.rounding], isTanh = name === "tanh_plus_1";
  const raw = yield* affine(ctx, "dense", outerParams(model, "dense"), x);
  const flat = yield* rescale(ctx, "dense_truncate", { scale }, raw);
  const state = yield* ctx.as({ reads: isTanh ? "pooled" : "dense" }).gate("activation", splice, {
    function: name,
    digits: isTanh ? digits : model.scales.denseDigits,
    skip: 0,
    valueBits: 32,
    ringBits: 32,
    knownTo: head.outputs === 0 || head.norm ? "both" : "party0",
  }, flat);
  if (!head.norm) return state;
  if (norm !== "layer") return yield* normalise(ctx, model, ["head", null], state);
  const centred = yield* affine(ctx, "centre", outerParams(model, "centre"), state);
  const opened = yield* rescale(ctx, "centre_truncate", { scale: model.scales.activation }, centred);
  return yield* normalise(ctx, model, ["head", null], opened);
}

/** The tokens whose output is wanted: all of them, a causal model's last one, or a classifier's first. */
export function wanted<V extends View>(ctx: Context<V>, model: ModelSpec, x: Wire<V>): Wire<V> {
  if (answersEvery(model)) return x;
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
