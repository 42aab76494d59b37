/**
 * Compositions whose received values the uniformity tests look at.
 *
 * @module
 */

import { extend } from "../core/protocols/extend/gate.ts";
import type { Gate } from "../core/protocols/opening.ts";
import type { Context } from "../core/protocols/primitive.ts";
import { elementCount, type Extent, type View, type Wire } from "../core/protocols/tensor.ts";
import { addShares, embed, linear, shareColumns } from "../core/protocols/linear/gate.ts";
import { openShare, reveal } from "../core/protocols/open/gate.ts";
import { hidePadding, type PaddingParams } from "../core/protocols/padding/gate.ts";
import { hold, mix, multiply, scores } from "../core/protocols/products/gate.ts";
import { squares } from "../core/protocols/squares/gate.ts";
import { truncate, type TruncateParams } from "../core/protocols/truncate/gate.ts";
import { type Composition, type LawInput, randomWords } from "./law.ts";
import type { UniformityCase } from "./uniformity_workbench.ts";

/** One element, and two in a row. */
export const one: Extent = { rows: 1, cols: [1] }, two: Extent = { rows: 1, cols: [2] };

/** A wire of given integers. */
export function tensor(ringBits: number, scale: number, extent: Extent, data: readonly number[]): LawInput<"wire"> {
  return { kind: "wire", ringBits, scale, extent, data: Float64Array.from(data) };
}

/** A wire of random signed integers with |x| < 2^bits. */
export function random(ringBits: number, scale: number, extent: Extent, bits: number): LawInput<"wire"> {
  const words = randomWords(elementCount(extent), bits + 1);
  return tensor(ringBits, scale, extent, Array.from(words, (word) => word - 2 ** bits));
}

/** A wire, truncated. */
export function truncateWire(params: TruncateParams): Composition<["wire"]> {
  return (ctx, [x]) => ctx.gate("gate", truncate, params, x);
}

/** x·y, truncated from the share. */
export function truncateProduct(params: TruncateParams): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    const left = yield* ctx.gate("x", hold, {}, x), right = yield* ctx.gate("y", hold, {}, y);
    return yield* ctx.gate(
      "gate",
      truncate,
      params,
      yield* ctx.gate("product", multiply, { broadcast: false }, left, right),
    );
  };
}

/** A product whose columns beyond the client's real tokens are lowered, opened. */
export function paddedProduct(params: PaddingParams): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    const left = yield* ctx.gate("x", hold, {}, x), right = yield* ctx.gate("y", hold, {}, y);
    const z = yield* ctx.gate("product", multiply, { broadcast: true }, left, right);
    return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("gate", hidePadding, params, z));
  };
}

/** A broadcast product, opened. */
export const product: Composition<["wire", "wire"]> = function* (ctx, [x, y]) {
  const left = yield* ctx.gate("x", hold, {}, x), right = yield* ctx.gate("y", hold, {}, y);
  return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("gate", multiply, { broadcast: true }, left, right));
};

/** Sums of squares, and with a second input the product with the operand that comes with them. */
export function sumOfSquares(outBits: number): Composition<["wire", ..."wire"[]]> {
  return function* (ctx, [x, y]) {
    const { operand, sum } = yield* ctx.gate("gate", squares, { outBits, operandBits: x.ringBits }, x);
    if (y === undefined) return sum;
    // The standing share that comes with the sum serves a product as well.
    const right = yield* ctx.gate("y", hold, {}, y);
    return yield* ctx.gate(
      "open",
      openShare,
      {},
      yield* ctx.gate("product", multiply, { broadcast: false }, operand, right),
    );
  };
}

function* squared<V extends View>(ctx: Context<V>, x: Wire<V>): Gate<Wire<V>> {
  const left = yield* ctx.gate("left", hold, {}, x), right = yield* ctx.gate("right", hold, {}, x);
  return yield* ctx.gate(
    "open",
    openShare,
    {},
    yield* ctx.gate("square", multiply, { broadcast: false }, left, right),
  );
}

/** x and its extension share the low bits of their mask: squares of both are opened. */
export const extendBetweenProducts: Composition<["wire"]> = function* (ctx, [x]) {
  yield* squared(ctx.within("before"), x);
  return yield* squared(ctx.within("after"), yield* ctx.gate("gate", extend, { to: 5, knownTo: "both" }, x));
};

/** Scores and a mixture, each opened. */
export function attend(
  width: number,
  cols: readonly number[],
  ringBits: number,
): Composition<["wire", "wire", "wire", "wire"]> {
  const step = { tokens: 1, heads: 2, kvHeads: 1, width, cols, starts: cols.map(() => 0) };
  return function* (ctx, [q, k, v, p], cache) {
    const keys = cache(width, ringBits), values = cache(width, ringBits);
    ctx.store(keys, yield* ctx.gate("k", hold, {}, k));
    ctx.store(values, yield* ctx.gate("v", hold, {}, v));
    const query = yield* ctx.gate("q", hold, {}, q);
    yield* ctx.gate("open_scores", openShare, {}, yield* ctx.gate("scores", scores, step, query, keys));
    const weights = yield* ctx.gate("p", hold, {}, p);
    return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("mix", mix, step, weights, values));
  };
}

/** The matrix of {@linkcode linearOpened}. */
export const ref = { name: "w", inputs: 2, outputs: 1 };

/** A linear layer, opened to both parties. */
export const linearOpened: Composition<["wire"]> = function* (ctx, [x]) {
  const z = yield* ctx.gate("gate", linear, { weights: ref, weightScale: 0 }, x);
  return yield* ctx.gate("open", openShare, {}, z);
};

/** A linear layer, revealed to the client. */
export const linearRevealed: Composition<["wire"]> = function* (ctx, [x]) {
  const z = yield* ctx.gate("gate", linear, { weights: ref, weightScale: 0 }, x);
  return yield* ctx.gate("reveal", reveal, {}, z);
};

/** The matrix of {@linkcode cutAndAdded}. */
export const wide = { name: "w", inputs: 2, outputs: 3 };

/** Post-norm models open some columns of a product, and add others to a share before they open it. */
export const cutAndAdded: Composition<["wire"]> = function* (ctx, [x]) {
  const params = { weights: wide, weightScale: 0 }, cut = (from: number, to: number) => ({ from, to, moreScale: 0 });
  const z = yield* ctx.gate("gate", linear, params, x),
    other = yield* ctx.gate("other", linear, params, x);
  yield* ctx.gate("open_left", openShare, {}, yield* ctx.gate("left", shareColumns, cut(0, 2), z));
  const sum = yield* ctx.gate(
    "sum",
    addShares,
    {},
    yield* ctx.gate("right", shareColumns, cut(2, 3), z),
    yield* ctx.gate("first", shareColumns, cut(0, 1), other),
  );
  return yield* ctx.gate("open", openShare, {}, sum);
};

/** Weights of {@linkcode wide}. */
export function wideWeights(...data: number[]): NonNullable<UniformityCase["weights"]> {
  return { w: { ref: wide, data: Int32Array.from(data) } };
}

/** An embedding, opened. */
export function embedOpened(ringBits: number): Composition<[]> {
  return function* (ctx) {
    const z = yield* ctx.gate("gate", embed, { extent: two, ringBits, scale: 0, weights: ref, weightScale: 0 });
    return yield* ctx.gate("open", openShare, {}, z);
  };
}

/** Weights of {@linkcode ref}. */
export function weights(...data: number[]): NonNullable<UniformityCase["weights"]> {
  return { w: { ref, data: Int32Array.from(data) } };
}
