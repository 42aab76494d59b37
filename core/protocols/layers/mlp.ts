/**
 * The feed-forward layers, before the down projection: f(x·W + b), or gated f(x·W_gate) ⊙ (x·W_up).
 *
 * @module
 */

import type { ActivationName } from "../activations.ts";
import { extend } from "../extend/gate.ts";
import { type Gate, par } from "../opening.ts";
import type { Context } from "../primitive.ts";
import type { Operand, Share, View, Wire } from "../tensor.ts";
import { affine, type AffineParams, shareColumns } from "../linear/gate.ts";
import { hold, multiply } from "../products/gate.ts";
import { type Rounding, roundings } from "./rounding.ts";
import { splice } from "../splice/gate.ts";

/** Public numbers of one feed-forward layer. */
export interface MlpParams {
  /** Hidden width F. */
  readonly width: number;
  /** Fractional bits of the hidden values. */
  readonly scale: number;
  /** Ring of the hidden values, in which the down projection works, in bits. */
  readonly hiddenBits: number;
  /** The activation and its window. */
  readonly activation: ActivationName;
  /** Whether what the activation gives is squared; never in a gated layer. */
  readonly squared: boolean;
  /** Digits of the activation's window. */
  readonly digits: readonly [low: number, index: number, top: number];
  /**
   * Whether the matrix is (C × 2F), gate columns then up columns, or (C × F); columns that follow are handed back as
   * `rest`.
   */
  readonly gated: boolean;
  /**
   * Fractional bits that the columns of `rest` have beyond those of the others, so that they can be added to what the
   * down projection gives.
   */
  readonly restScale: number;
  /** The matrix and its bias. */
  readonly up: AffineParams;
  /** How truncations round. */
  readonly rounding: Rounding;
  /** Low bits that the activation's digits leave out. */
  readonly skip: number;
  /** Ring of the activation's opened table values, in bits. */
  readonly valueBits: number;
}

/**
 * Hidden values, shape (T, F), for the down projection.
 *
 * Exchanges: 3 + 3, and 3 where gated or squared; where rounding is dithered 1 + 3, and 2; one more where hidden values have more than 32 bits.
 *
 * @returns The hidden values, and the share of the columns of x·W + b beyond them.
 */
export function* mlp<V extends View>(
  ctx: Context<V>,
  p: MlpParams,
  x: Wire<V>,
): Gate<{ hidden: Wire<V>; rest: Share<V> | null }> {
  const { width } = p, own = p.gated ? 2 * width : width, total = p.up.weights.outputs;
  const raw = yield* affine(ctx, "up", p.up, x);
  const part = (name: string, from: number, to: number, moreScale = 0): Gate<Share<V>> =>
    ctx.gate(name, shareColumns, { from, to, moreScale }, raw);
  const rest = total === own ? null : yield* part("up_rest", own, total, p.restScale);
  if (!p.gated) {
    const only = total === own ? raw : yield* part("up_own", 0, own);
    if (!p.squared) return { hidden: yield* activated(ctx, p, only, "party0"), rest };
    const left = yield* ctx.gate("hold_gate", hold, {}, yield* activated(ctx, p, only, "both"));
    return { hidden: yield* product(ctx, p, left, left), rest };
  }

  const gateRaw = yield* part("gate_own", 0, width), upRaw = yield* part("up_own", width, own);
  const { rescale } = roundings[p.rounding], wanted = { scale: p.scale, ringBits: p.hiddenBits, full: 1 } as const;
  const [gate, up] = yield* par(
    activated(ctx, p, gateRaw, "both"),
    rescale(ctx, "up_truncate", wanted, upRaw),
  );
  const left = yield* ctx.gate("hold_gate", hold, {}, gate), right = yield* ctx.gate("hold_up", hold, {}, up);
  return { hidden: yield* product(ctx, p, left, right), rest };
}

/** The product of two hidden values, at their scale. */
function* product<V extends View>(ctx: Context<V>, p: MlpParams, left: Operand<V>, right: Operand<V>): Gate<Wire<V>> {
  const raw = yield* ctx.gate("gate_times_up", multiply, { broadcast: false }, left, right);
  const wanted = { scale: p.scale, ringBits: p.hiddenBits, full: 1, knownTo: "party0" } as const;
  return yield* roundings[p.rounding].rescale(ctx, "truncate", wanted, raw);
}

/**
 * f of a share, in the ring of the hidden values. The activation reads no more bits than it must.
 * Exchanges: 3 + 3, or 1 + 3; one more where the result is extended, which both parties then know before.
 */
function* activated<V extends View>(
  ctx: Context<V>,
  p: MlpParams,
  raw: Share<V>,
  knownTo: "both" | "party0",
): Gate<Wire<V>> {
  const { rescale, ringBits } = roundings[p.rounding], isWide = p.hiddenBits > 32;
  // Party 1 holds all of ẑ here: of the other linear layers party 0 does, and both then send about as much; or party 0,
  // where it opens the activation's result to party 1 before that is extended.
  const full = p.gated || !isWide ? 1 : 0;
  const narrow = { scale: p.scale, ringBits: ringBits(raw.ringBits - (raw.scale - p.scale)), full } as const;
  const x = yield* rescale(ctx, "activation_truncate", narrow, raw);
  const hidden = yield* ctx.as({ reads: "hidden" }).gate("activation", splice, {
    function: p.activation,
    digits: p.digits,
    skip: p.skip,
    valueBits: p.valueBits,
    ringBits: 32,
    knownTo: isWide ? "both" : knownTo,
  }, x);
  return isWide ? yield* ctx.gate("activation_extend", extend, { to: p.hiddenBits, knownTo }, hidden) : hidden;
}
