/**
 * Multi-head attention with a secret-shared cache: grouped queries, rotary positions, causal or bidirectional.
 *
 * @module
 */

import type { Gate } from "../opening.ts";
import type { Context } from "../primitive.ts";
import type { Cache, Share, View, Wire } from "../tensor.ts";
import { affine, type AffineParams, shareColumns } from "../linear/gate.ts";
import { columns, rotaryAngles, rotate } from "../local/gate.ts";
import { hidePadding, type PaddingParams } from "../padding/gate.ts";
import { hold, mix, scores } from "../products/gate.ts";
import { roundings } from "./rounding.ts";
import { softmax, type SoftmaxParams } from "./softmax.ts";

/** Public numbers of one attention layer. */
export interface AttentionParams {
  /** Query heads H. */
  readonly heads: number;
  /** Heads H_kv of keys and values; divides H. */
  readonly kvHeads: number;
  /** Head width D. */
  readonly width: number;
  /** Rotary positions, or null where positions come in with the embedding. */
  readonly rotary: { readonly theta: number; readonly angleScale: number } | null;
  /** Fractional bits of q, k and v. */
  readonly scale: number;
  /** Ring of the mixture, in which the output projection works, in bits. */
  readonly mixtureBits: number;
  /** The softmax of the scores. */
  readonly softmax: SoftmaxParams;
  /** How columns of padding are hidden, or null where all tokens are real. */
  readonly padding: PaddingParams | null;
  /**
   * (C × (H + 2·H_kv)·D): queries, keys, values, 1/√D folded into the queries; columns that follow are handed back as
   * `rest`.
   */
  readonly qkv: AffineParams;
  /** The party that receives all bits of q, k and v: whoever then sends less. */
  readonly full: 0 | 1;
}

/** Keys and values of the tokens so far. */
export interface AttentionCache<V extends View> {
  /** Keys, after rotation. */
  readonly keys: Cache<V>;
  /** Values. */
  readonly values: Cache<V>;
}

/** Where a lane's tokens stand. */
export interface Positions {
  /** Position of the first token. */
  readonly from: number;
  /** Count of tokens. */
  readonly count: number;
}

/**
 * What each block of a lane attends to: a block is one token that sees itself and those before, or all tokens at once.
 */
export interface Sight {
  /** Tokens of each block. */
  readonly tokens: number;
  /** Columns (cached tokens) that each block sees. */
  readonly cols: readonly number[];
  /** The first of them. */
  readonly starts: readonly number[];
}

/** Where a lane stands in the text. */
export interface AttentionPlace<V extends View> {
  /** Keys and values of the tokens before; the lane's own are appended. */
  readonly cache: AttentionCache<V>;
  /** The lane's tokens. */
  readonly positions: Positions;
  /** What they attend to. */
  readonly sight: Sight;
}

/**
 * Mixed values of every head, shape (T, H·D), before the output projection. Appends the lane's keys and values to the
 * cache.
 *
 * Exchanges: 3 for queries, keys and values, 2 for the rotation, the softmax's, 3 for the mixture; where rounding is
 * dithered one less for each.
 *
 * @param x Normalised tokens, shape (T, C).
 * @returns The mixture, known to party 0 alone, and the share of the columns of x·W + b beyond queries, keys and
 * values.
 */
export function* attention<V extends View>(
  ctx: Context<V>,
  p: AttentionParams,
  x: Wire<V>,
  { cache, positions, sight }: AttentionPlace<V>,
): Gate<{ mixed: Wire<V>; rest: Share<V> | null }> {
  const { heads, kvHeads, width } = p, own = (heads + 2 * kvHeads) * width, total = p.qkv.weights.outputs;

  // Queries, keys and values of every token: (T, (H + 2·H_kv)·D).
  const raw = yield* affine(ctx, "qkv", p.qkv, x);
  const qkvRaw = total === own
    ? raw
    : yield* ctx.gate("qkv_own", shareColumns, { from: 0, to: own, moreScale: 0 }, raw);
  const rest = total === own
    ? null
    : yield* ctx.gate("qkv_rest", shareColumns, { from: own, to: total, moreScale: 0 }, raw);
  const { rescale } = roundings[p.softmax.rounding];
  const qkv = yield* rescale(ctx, "qkv_truncate", { scale: p.scale, full: p.full }, qkvRaw);
  const rotated = (heads + kvHeads) * width, values = ctx.local(columns, { from: rotated, to: own }, qkv);
  const qk = yield* turn(ctx, p, ctx.local(columns, { from: 0, to: rotated }, qkv), positions);
  const q = yield* ctx.gate("q", hold, {}, ctx.local(columns, { from: 0, to: heads * width }, qk));
  ctx.store(cache.keys, yield* ctx.gate("k", hold, {}, ctx.local(columns, { from: heads * width, to: rotated }, qk)));
  ctx.store(cache.values, yield* ctx.gate("v", hold, {}, values));

  // (H, columns) scores of every token, their softmax, and the mixture of the values.
  const step = { ...sight, heads, kvHeads, width };
  const products = yield* ctx.gate("scores", scores, step, q, cache.keys);
  const s = p.padding === null
    ? products
    : yield* ctx.as({ reads: "unpadded" }).gate("padding", hidePadding, p.padding, products);
  const probabilities = yield* ctx.gate("hold_p", hold, {}, yield* softmax(ctx.within("softmax"), p.softmax, s));
  const mixture = yield* ctx.gate("mix", mix, step, probabilities, cache.values);
  const wanted = { scale: p.scale, ringBits: p.mixtureBits, full: 1, knownTo: "party0" } as const;
  return { mixed: yield* rescale(ctx, "mix_truncate", wanted, mixture), rest };
}

/** Queries and keys turned by their positions, or as they are. */
function* turn<V extends View>(ctx: Context<V>, p: AttentionParams, qk: Wire<V>, positions: Positions): Gate<Wire<V>> {
  if (p.rotary === null) return qk;
  const { theta, angleScale } = p.rotary, at = Array.from({ length: positions.count }, (_, b) => positions.from + b);
  const angles = rotaryAngles(at, p.width, theta, angleScale);
  const turned = ctx.local(rotate, { angles, angleScale, heads: p.heads + p.kvHeads, width: p.width }, qk);
  return yield* roundings[p.softmax.rounding].rescale(ctx, "rope", { scale: qk.scale }, turned);
}
