/**
 * The feed-forward layers, before the down projection: f(x·W + b), or gated f(x·W_gate) ⊙ (x·W_up).
 *
 * @module
 */

import { type Context, type Gate, type Share, type View, type Wire } from "./gate.ts";
import { affine, type AffineParams, shareColumns } from "./linear.ts";
import { columns } from "./local.ts";
import { hold, multiply } from "./products.ts";
import { splice } from "./splice.ts";
import type { SpliceFunction } from "./tables.ts";
import { truncate } from "./truncate.ts";

/** Public numbers of one feed-forward layer. */
export interface MlpParams {
  /** Hidden width F. */
  readonly width: number;
  /** Fractional bits of the hidden values. */
  readonly scale: number;
  /** The activation and its window. */
  readonly activation: SpliceFunction;
  /** Digits of the activation's window. */
  readonly digits: readonly [low: number, index: number, top: number];
  /** Whether the matrix is (C × 2F), gate columns then up columns, or (C × F); columns that follow are handed back as `rest`. */
  readonly gated: boolean;
  /** Fractional bits that the columns of `rest` have beyond those of the others, so that they can be added to what the down projection gives. */
  readonly restScale: number;
  /** The matrix and its bias. */
  readonly up: AffineParams;
}

/**
 * Hidden values, shape (T, F), for the down projection.
 *
 * Exchanges: 3 + 3, and 3 where gated.
 *
 * @returns The hidden values, and the share of the columns of x·W + b beyond them.
 */
export function* mlp<V extends View>(
  ctx: Context<V>,
  p: MlpParams,
  x: Wire<V>,
): Gate<{ hidden: Wire<V>; rest: Share<V> | null }> {
  const own = p.gated ? 2 * p.width : p.width, total = p.up.weights.outputs;
  const raw = yield* affine(ctx, "up", p.up, x);
  const ownRaw = total === own ? raw : yield* ctx.gate("up_own", shareColumns, { from: 0, to: own, moreScale: 0 }, raw);
  const rest = total === own
    ? null
    : yield* ctx.gate("up_rest", shareColumns, { from: own, to: total, moreScale: p.restScale }, raw);
  const by = raw.scale - p.scale;
  // Party 1 holds all of ẑ here: of the other linear layers party 0 does, and both then send about as much.
  const up = yield* ctx.gate(
    "up_truncate",
    truncate,
    { by, to: 32, rounding: "nearest", full: 1, knownTo: "both" },
    ownRaw,
  );
  const params = { function: p.activation, digits: p.digits, knownTo: p.gated ? "both" as const : "party0" as const };
  if (!p.gated) return { hidden: yield* ctx.gate("activation", splice, params, up), rest };

  const gate = ctx.local(columns, { from: 0, to: p.width }, up),
    factor = ctx.local(columns, { from: p.width, to: own }, up);
  const left = yield* ctx.gate("hold_gate", hold, {}, yield* ctx.gate("activation", splice, params, gate));
  const right = yield* ctx.gate("hold_up", hold, {}, factor);
  const product = yield* ctx.gate("gate_times_up", multiply, { broadcast: false }, left, right);
  const hidden = yield* ctx.gate(
    "truncate",
    truncate,
    { by: p.scale, to: 32, rounding: "nearest", full: 1, knownTo: "party0" },
    product,
  );
  return { hidden, rest };
}
