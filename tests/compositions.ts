/**
 * Small compositions that both the law and uniformity are tested on.
 *
 * @module
 */

import type { WeightRef } from "../core/protocols/key.ts";
import { embed, type InputParams, linear, type LinearParams } from "../core/protocols/linear/gate.ts";
import { openShare } from "../core/protocols/open/gate.ts";
import type { Gate } from "../core/protocols/opening.ts";
import type { Context, Primitive } from "../core/protocols/primitive.ts";
import { hold, multiply } from "../core/protocols/products/gate.ts";
import { squares } from "../core/protocols/squares/gate.ts";
import type { Share, View, Wire } from "../core/protocols/tensor.ts";
import type { Composition } from "./law.ts";

/** A share, opened to both parties. */
export function* opened<V extends View>(ctx: Context<V>, z: Share<V>): Gate<Wire<V>> {
  return yield* ctx.gate("open", openShare, {}, z);
}

/** x·y as a share; with `broadcast` y has one column. */
export function* times<V extends View>(
  ctx: Context<V>,
  x: Wire<V>,
  y: Wire<V>,
  broadcast: boolean = false,
): Gate<Share<V>> {
  const left = yield* ctx.gate("x", hold, {}, x), right = yield* ctx.gate("y", hold, {}, y);
  return yield* ctx.gate("product", multiply, { broadcast }, left, right);
}

/** x·y, opened. */
export function product(broadcast: boolean): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    return yield* opened(ctx, yield* times(ctx, x, y, broadcast));
  };
}

/** A gate on the share x·y. */
export function ofProduct<P>(primitive: Primitive<P, ["share"], "wire">, params: P): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    return yield* ctx.gate("gate", primitive, params, yield* times(ctx, x, y));
  };
}

/** A gate on a share, which is opened afterwards. */
export function onShare<P>(primitive: Primitive<P, ["share"], "share">, params: P): Composition<["share"]> {
  return function* (ctx, [z]) {
    return yield* opened(ctx, yield* ctx.gate("gate", primitive, params, z));
  };
}

/** Σ x². */
export function sumOfSquares(outBits: number): Composition<["wire"]> {
  return function* (ctx, [x]) {
    return (yield* ctx.gate("gate", squares, { outBits, operandBits: x.ringBits }, x)).sum;
  };
}

/** x·y with the standing share of x that comes with Σ x², opened. */
export function squaredProduct(
  params: { readonly outBits: number; readonly operandBits: number; readonly broadcast: boolean },
): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    const { operand } = yield* ctx.gate("gate", squares, params, x), right = yield* ctx.gate("y", hold, {}, y);
    return yield* opened(ctx, yield* ctx.gate("product", multiply, params, operand, right));
  };
}

/** x·W, opened. */
export function linearOpened(weights: WeightRef, weightScale: number): Composition<["wire"]> {
  return function* (ctx, [x]) {
    return yield* opened(ctx, yield* ctx.gate("gate", linear, { weights, weightScale }, x));
  };
}

/** The client's input times W, opened. */
export function embedOpened(params: InputParams & LinearParams): Composition<[]> {
  return function* (ctx) {
    return yield* opened(ctx, yield* ctx.gate("gate", embed, params));
  };
}
