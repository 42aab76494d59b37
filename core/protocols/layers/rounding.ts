/**
 * How a plan's truncations round: to nearest, exactly, or by public coins, for fewer bytes and exchanges.
 *
 * @module
 */

import { dither } from "../dither/gate.ts";
import type { Gate } from "../opening.ts";
import type { Context } from "../primitive.ts";
import type { Share, View, Wire } from "../tensor.ts";
import { truncate, type TruncateParams } from "../truncate/gate.ts";

/** A plan's choice, one for the whole model. */
export type Rounding = "nearest" | "dither";

/** Truncates a wire or a share as the plan says. Exchanges: those of {@linkcode truncate} or {@linkcode dither}; `full` is of no use to the latter. */
export function* rescale<V extends View>(
  ctx: Context<V>,
  name: string,
  rounding: Rounding,
  p: Omit<TruncateParams, "rounding">,
  z: Wire<V> | Share<V>,
): Gate<Wire<V>> {
  if (rounding === "nearest") return yield* ctx.gate(name, truncate, { ...p, rounding }, z);
  return yield* ctx.gate(name, dither, { by: p.by, to: p.to, knownTo: p.knownTo }, z);
}
