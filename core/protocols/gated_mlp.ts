/**
 * The gated feed-forward layer of Llama: SiLU(x·W_gate) ⊙ (x·W_up), before the down projection.
 *
 * @module
 */

import { type Context, type Gate, type View, type WeightRef, type Wire } from "./gate.ts";
import { linear } from "./linear.ts";
import { columns } from "./local.ts";
import { hold, multiply } from "./products.ts";
import { splice } from "./splice.ts";
import { truncate } from "./truncate.ts";

/** Public numbers of one gated feed-forward layer. */
export interface GatedMlpParams {
  /** Hidden width F. */
  readonly width: number;
  /** Fractional bits of the integer weights. */
  readonly weightScale: number;
  /** Fractional bits of gate, up and result. */
  readonly scale: number;
  /** Digits of the activation's window. */
  readonly digits: readonly [low: number, index: number, top: number];
  /** (C × 2F): gate columns, then up columns. */
  readonly gateUp: WeightRef;
}

/** SiLU(gate) ⊙ up, shape (T, F), opened to party 0 alone. Exchanges: 3 + 3 + 3. */
export function* gatedMlp<V extends View>(ctx: Context<V>, p: GatedMlpParams, x: Wire<V>): Gate<Wire<V>> {
  const raw = yield* ctx.gate("gate_up", linear, { weights: p.gateUp, weightScale: p.weightScale }, x);
  // Party 1 holds all of ẑ here: of the other linear layers party 0 does, and both then send about as much.
  const by = raw.scale - p.scale;
  const both = yield* ctx.gate("gate_up_truncate", truncate, {
    by,
    to: 32,
    rounding: "nearest",
    full: 1,
    knownTo: "both",
  }, raw);
  const gate = ctx.local(columns, { from: 0, to: p.width }, both),
    up = ctx.local(columns, { from: p.width, to: 2 * p.width }, both);
  const active = yield* ctx.gate("silu", splice, { function: "silu", digits: p.digits }, gate);
  const left = yield* ctx.gate("hold_silu", hold, {}, active), right = yield* ctx.gate("hold_up", hold, {}, up);
  const product = yield* ctx.gate("gate_times_up", multiply, { broadcast: false }, left, right);
  return yield* ctx.gate(
    "truncate",
    truncate,
    { by: p.scale, to: 32, rounding: "nearest", full: 1, knownTo: "party0" },
    product,
  );
}
