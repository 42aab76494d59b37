/**
 * Grouped-query causal attention with rotary positions and a secret-shared cache.
 *
 * @module
 */

import { type Cache, type Context, type Gate, type View, type WeightRef, type Wire } from "./gate.ts";
import { linear } from "./linear.ts";
import { columns, rotaryAngles, rotate } from "./local.ts";
import { hold, mix, scores } from "./products.ts";
import { softmax, type SoftmaxParams } from "./softmax.ts";
import { truncate } from "./truncate.ts";

/** Public numbers of one attention layer. */
export interface AttentionParams {
  /** Query heads H. */
  readonly heads: number;
  /** Key and value heads H_kv; divides H. */
  readonly kvHeads: number;
  /** Head width D. */
  readonly width: number;
  /** Base of the rotary angles. */
  readonly ropeTheta: number;
  /** Fractional bits of cosines and sines. */
  readonly angleScale: number;
  /** Fractional bits of the integer weights. */
  readonly weightScale: number;
  /** Fractional bits of q, k and v. */
  readonly scale: number;
  /** Numbers of the softmax. */
  readonly softmax: SoftmaxParams;
  /** (C × (H + 2·H_kv)·D): queries, keys, values; 1/√D folded into the queries. */
  readonly qkv: WeightRef;
}

/** Keys and values of the tokens so far. */
export interface AttentionCache<V extends View> {
  /** Rotated keys, H_kv·D values per token. */
  readonly keys: Cache<V>;
  /** Values, H_kv·D per token. */
  readonly values: Cache<V>;
}

/** Where a lane's tokens stand: block b is the token at `from + b`, and it sees all tokens up to itself. */
export interface Positions {
  /** First position. */
  readonly from: number;
  /** Count of tokens. */
  readonly count: number;
}

/**
 * Mixed values of every head, shape (T, H·D), before the output projection. Appends the lane's keys and values to the cache.
 *
 * @param x Normalised tokens, shape (T, C).
 */
export function* attention<V extends View>(
  ctx: Context<V>,
  p: AttentionParams,
  x: Wire<V>,
  cache: AttentionCache<V>,
  positions: Positions,
): Gate<Wire<V>> {
  const { heads, kvHeads, width } = p, rotated = (heads + kvHeads) * width;
  const at = Array.from({ length: positions.count }, (_, b) => positions.from + b);

  // Queries, keys and values of every token: (T, (H + 2·H_kv)·D).
  const raw = yield* ctx.gate("qkv", linear, { weights: p.qkv, weightScale: p.weightScale }, x);
  const by = raw.scale - p.scale;
  const qkv = yield* ctx.gate(
    "qkv_truncate",
    truncate,
    { by, to: 32, rounding: "nearest", full: 0, knownTo: "both" },
    raw,
  );
  const values = ctx.local(columns, { from: rotated, to: rotated + kvHeads * width }, qkv);

  // Rotary positions turn queries and keys.
  const turned = ctx.local(
    rotate,
    {
      angles: rotaryAngles(at, width, p.ropeTheta, p.angleScale),
      angleScale: p.angleScale,
      heads: heads + kvHeads,
      width,
    },
    ctx.local(columns, { from: 0, to: rotated }, qkv),
  );
  const qk = yield* ctx.gate("rope", truncate, {
    by: p.angleScale,
    to: 32,
    rounding: "nearest",
    full: 0,
    knownTo: "both",
  }, turned);
  const q = yield* ctx.gate("q", hold, {}, ctx.local(columns, { from: 0, to: heads * width }, qk));
  ctx.store(cache.keys, yield* ctx.gate("k", hold, {}, ctx.local(columns, { from: heads * width, to: rotated }, qk)));
  ctx.store(cache.values, yield* ctx.gate("v", hold, {}, values));

  // Token t sees t + 1 columns: (H, t + 1) scores, their softmax, and the mixture of the values.
  const step = { tokens: 1, heads, kvHeads, width, cols: at.map((position) => position + 1) };
  const s = yield* ctx.gate("scores", scores, step, q, cache.keys);
  const probabilities = yield* ctx.gate("hold_p", hold, {}, yield* softmax(ctx.scope("softmax"), p.softmax, s));
  const mixed = yield* ctx.gate("mix", mix, step, probabilities, cache.values);
  const mixBy = mixed.scale - p.scale;
  return yield* ctx.gate("mix_truncate", truncate, {
    by: mixBy,
    to: 32,
    rounding: "nearest",
    full: 1,
    knownTo: "party0",
  }, mixed);
}
