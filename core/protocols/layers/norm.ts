/**
 * Root-mean-square normalisation: x̃ = x / √(Σx²/d + ε), with γ folded into the matrices that read x̃. A LayerNorm is
 * the same once the mean is folded out of what writes the residual stream, and β into the biases of what reads x̃.
 *
 * @module
 */

import { extend } from "../extend/gate.ts";
import type { Gate } from "../opening.ts";
import type { Context } from "../primitive.ts";
import type { Operand, View, Wire } from "../tensor.ts";
import { hold, multiply } from "../products/gate.ts";
import { type Rounding, roundings } from "./rounding.ts";
import { rowFunction } from "../row_function/gate.ts";
import { squares } from "../squares/gate.ts";

/** Public numbers of one norm. */
export interface NormParams {
  /** Ring of Σx², in bits. */
  readonly sumBits: number;
  /** Bits that are dropped of Σx² before 1/√ is looked up; 0 where the lookup's window holds it. */
  readonly sumShift: number;
  /** Σx², without these bits, lies in [2^lo, 2^hi). */
  readonly lo: number;
  /** End of that range, in bits. */
  readonly hi: number;
  /** Fractional bits of 1/√. */
  readonly inverseScale: number;
  /** Fractional bits of the result. */
  readonly scale: number;
  /** Ring of the result, in bits. */
  readonly ringBits: number;
  /** The ε of the formula. */
  readonly epsilon: number;
  /** Who learns the result: party 0 alone where only linear layers read it. */
  readonly knownTo: "both" | "party0";
  /** How the result is rounded. */
  readonly rounding: Rounding;
}

/**
 * x̃ of every row; x may be in a narrower ring. Exchanges: 6, or 5 where rounding is dithered; one more where x has more than 32 bits, and two more where bits
 * of Σx² are dropped to nearest.
 *
 * @param scaled What is divided by the root instead of x, row by row: γ·x, where γ cannot wait for the matrix that reads x̃.
 */
export function* rmsNorm<V extends View>(
  ctx: Context<V>,
  p: NormParams,
  x: Wire<V>,
  scaled: Wire<V> | null = null,
): Gate<Wire<V>> {
  return yield* divided(ctx, p, yield* inverseRoot(ctx, p, x), scaled);
}

/** x as an operand, and 1/√(Σx²/d + ε) of every row in its ring. */
export interface Root<V extends View> {
  /** What the squares were taken of. */
  readonly operand: Operand<V>;
  /** One over the root. */
  readonly factor: Operand<V>;
}

/** The first half of {@linkcode rmsNorm}: all but the product. Exchanges: 3, and those of more than 32 bits. */
export function* inverseRoot<V extends View>(ctx: Context<V>, p: NormParams, x: Wire<V>): Gate<Root<V>> {
  const { coarse } = roundings[p.rounding];
  const { sum, operand } = yield* ctx.as({ reads: "stream" }).gate("squares", squares, {
    outBits: p.sumBits,
    operandBits: Math.max(32, x.ringBits),
  }, x);
  // Without its lowest bits a large sum fits the window of the lookup.
  const lower = { scale: sum.scale - p.sumShift, ringBits: p.sumBits - p.sumShift };
  const inverse = yield* ctx.as({ reads: "squares" }).gate("rsqrt", rowFunction, {
    function: "rsqrt",
    scale: p.inverseScale,
    ringBits: 32,
    lo: p.lo,
    hi: p.hi,
    mantissaBits: 7,
    octaves: 4,
    divisor: x.extent.cols[0]!,
    offset: p.epsilon,
  }, p.sumShift === 0 ? sum : yield* coarse(ctx, "lower", lower, sum));
  // Both factors of the product live in one ring.
  const wide = x.ringBits > inverse.ringBits
    ? yield* ctx.as({ reads: "root" }).gate("extend", extend, { to: x.ringBits, knownTo: "both" }, inverse)
    : inverse;
  return { operand, factor: yield* ctx.gate("hold", hold, {}, wide) };
}

/** The second half of {@linkcode rmsNorm}: the product with the root, or that of another wire, and its truncation. */
export function* divided<V extends View>(
  ctx: Context<V>,
  p: NormParams,
  { operand, factor }: Root<V>,
  scaled: Wire<V> | null,
): Gate<Wire<V>> {
  const x = scaled === null ? operand : yield* ctx.gate("hold_scaled", hold, {}, scaled);
  const product = yield* ctx.gate("scale", multiply, { broadcast: true }, x, factor);
  const wanted = { scale: p.scale, ringBits: p.ringBits, full: 1, knownTo: p.knownTo } as const;
  return yield* roundings[p.rounding].rescale(ctx.as({ reads: "product" }), "truncate", wanted, product);
}
