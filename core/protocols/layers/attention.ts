/**
 * Multi-head attention with a secret-shared cache: grouped queries, rotary positions, causal or bidirectional.
 *
 * @module
 */

import { type Gate, par } from "../opening.ts";
import type { Context } from "../primitive.ts";
import type { Cache, Share, View, Wire } from "../tensor.ts";
import { affine, type AffineParams, shareColumns } from "../linear/gate.ts";
import { columns, rotaryAngles, rotate } from "../local/gate.ts";
import { hidePadding, type PaddingParams } from "../padding/gate.ts";
import { hold, mix, scores } from "../products/gate.ts";
import { addScoreBias, type ScoreBiasParams } from "../score_bias/gate.ts";
import { divided, inverseRoot, type NormParams } from "./norm.ts";
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
  /** Angles per position of a head's pairs, or null where positions come in with the embedding or the scores. */
  readonly rotary: { readonly frequencies: readonly number[]; readonly angleScale: number } | null;
  /** Norms of queries and of keys: of every head, or of all of a token together; null for none. */
  readonly norms: QueryNorms | null;
  /** What is added to the scores, or null. */
  readonly bias: ScoreBiasParams | null;
  /** Fractional bits of q, k and v. */
  readonly scale: number;
  /** Ring of the mixture, in which the output projection works, in bits. */
  readonly mixtureBits: number;
  /** The softmax of the scores. */
  readonly softmax: SoftmaxParams;
  /** How columns of padding, or too far away, are hidden; null where all are seen. */
  readonly padding: PaddingParams | null;
  /**
   * (C × (H + 2·H_kv)·D): queries, keys, values, 1/√D folded into the queries; with norms then (H + H_kv)·D columns of what they look at, the first ones being
   * times γ; columns that follow are handed back as `rest`.
   */
  readonly qkv: AffineParams;
  /** The party that receives all bits of q, k and v: whoever then sends less. */
  readonly full: 0 | 1;
}

/** The norms of queries and keys. */
export interface QueryNorms {
  /** The norm of queries. */
  readonly query: NormParams;
  /** Its number among the model's norms. */
  readonly queryNumber: number;
  /** The norm of keys. */
  readonly key: NormParams;
  /** Its number among the model's norms. */
  readonly keyNumber: number;
  /** Whether all heads of a token are one row, and not each. */
  readonly whole: boolean;
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
  const { heads, kvHeads, width } = p, rotated = (heads + kvHeads) * width, end = rotated + kvHeads * width;
  const own = p.norms === null ? end : end + rotated, total = p.qkv.weights.outputs;

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
  const values = ctx.local(columns, { from: rotated, to: end }, qkv), between = heads * width;
  const turned = turn(ctx, p, ctx.local(columns, { from: 0, to: rotated }, qkv), positions);
  const [queries, keys] = p.norms === null
    ? split(ctx, yield* turned, between)
    : yield* normalised(ctx, p, p.norms, turned, ctx.local(columns, { from: end, to: own }, qkv));
  const q = yield* ctx.gate("q", hold, {}, queries);
  ctx.store(cache.keys, yield* ctx.gate("k", hold, {}, keys));
  ctx.store(cache.values, yield* ctx.gate("v", hold, {}, values));

  // (H, columns) scores of every token, their softmax, and the mixture of the values.
  const step = { ...sight, heads, kvHeads, width };
  const products = yield* ctx.gate("scores", scores, step, q, cache.keys);
  const { from } = positions, { tokens, starts } = sight;
  const biased = p.bias === null
    ? products
    : yield* ctx.gate("score_bias", addScoreBias, { ...p.bias, from, tokens, starts }, products);
  const s = p.padding === null
    ? biased
    : yield* ctx.as({ reads: "unpadded" }).gate("padding", hidePadding, p.padding, biased);
  const probabilities = yield* ctx.gate("hold_p", hold, {}, yield* softmax(ctx.within("softmax"), p.softmax, s));
  const mixture = yield* ctx.gate("mix", mix, step, probabilities, cache.values);
  const wanted = { scale: p.scale, ringBits: p.mixtureBits, full: 1, knownTo: "party0" } as const;
  return { mixed: yield* rescale(ctx, "mix_truncate", wanted, mixture), rest };
}

/** Columns before and from a place on. */
function split<V extends View>(ctx: Context<V>, x: Wire<V>, at: number): [Wire<V>, Wire<V>] {
  return [
    ctx.local(columns, { from: 0, to: at }, x),
    ctx.local(columns, { from: at, to: x.extent.cols[0]! }, x),
  ];
}

/**
 * Queries and keys divided by the roots of their norms: turning does not change a length, so both go on side by side. Exchanges: 3 beside those of
 * {@linkcode turn}, and 3; where rounding is dithered 2.
 *
 * @param turned Makes queries and keys times γ, turned.
 * @param raw What the norms look at.
 */
function* normalised<V extends View>(
  ctx: Context<V>,
  p: AttentionParams,
  norms: QueryNorms,
  turned: Gate<Wire<V>>,
  raw: Wire<V>,
): Gate<[Wire<V>, Wire<V>]> {
  const between = p.heads * p.width, query = ctx.within("query").as({ norm: norms.queryNumber });
  const key = ctx.within("key").as({ norm: norms.keyNumber }), parts = split(ctx, raw, between);
  const [rows, roots] = [norms.whole ? [1, 1] : [p.heads, p.kvHeads], [norms.query, norms.key]] as const;
  const [both, queryRoot, keyRoot] = yield* par(
    turned,
    inverseRoot(query, roots[0], asRows(parts[0], rows[0]!)),
    inverseRoot(key, roots[1], asRows(parts[1], rows[1]!)),
  );
  const [q, k] = split(ctx, both, between);
  const [queries, keys] = yield* par(
    divided(query, roots[0], queryRoot, asRows(q, rows[0]!)),
    divided(key, roots[1], keyRoot, asRows(k, rows[1]!)),
  );
  return [{ ...queries, extent: q.extent }, { ...keys, extent: k.extent }];
}

/** The same values with `count` rows in the place of each. */
function asRows<V extends View>(x: Wire<V>, count: number): Wire<V> {
  const { rows, cols } = x.extent;
  return { ...x, extent: { rows: rows * count, cols: cols.map((width) => width / count) } };
}

/** Queries and keys turned by their positions, or as they are. */
function* turn<V extends View>(ctx: Context<V>, p: AttentionParams, qk: Wire<V>, positions: Positions): Gate<Wire<V>> {
  if (p.rotary === null) return qk;
  const { frequencies, angleScale } = p.rotary,
    at = Array.from({ length: positions.count }, (_, b) => positions.from + b);
  const angles = rotaryAngles(at, frequencies, angleScale);
  const turned = ctx.local(rotate, { angles, angleScale, heads: p.heads + p.kvHeads, width: p.width }, qk);
  return yield* roundings[p.softmax.rounding].rescale(ctx, "rope", { scale: qk.scale }, turned);
}
