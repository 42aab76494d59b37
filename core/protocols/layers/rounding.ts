/**
 * The two ways in which a plan rounds, each one object: to nearest, exactly, or by public coins, for fewer bytes and
 * exchanges. Layers ask it for their truncations, the exponential, and the rings and numbers that follow from them; a
 * third way is a third entry.
 *
 * @module
 */

import { dither } from "../dither/gate.ts";
import { exp } from "../exp/gate.ts";
import { expDithered } from "../exp_dithered/gate.ts";
import type { Gate } from "../opening.ts";
import type { Context } from "../primitive.ts";
import { expTables } from "../exp/tables.ts";
import { expDitheredTables } from "../exp_dithered/tables.ts";
import type { Share, View, Wire } from "../tensor.ts";
import { truncate } from "../truncate/gate.ts";

/** A plan's choice, one for the whole model. */
export type Rounding = "nearest" | "dither";

/** What a truncation shall give. */
export interface Rescale {
  /** Fractional bits of the result, fewer than those of what is truncated. */
  readonly scale: number;
  /** Ring of the result, in bits; 32 where absent. */
  readonly ringBits?: number;
  /** The party that receives all bits of a share, where the other one needs fewer; party 0 where absent. */
  readonly full?: 0 | 1;
  /** Who learns the result; both where absent. */
  readonly knownTo?: "both" | "party0";
}

/** Truncates a wire, or opens a share and truncates it. */
export type Rescaling = <V extends View>(
  ctx: Context<V>,
  name: string,
  p: Rescale,
  z: Wire<V> | Share<V>,
) => Gate<Wire<V>>;

/** Public numbers of a softmax' exponential. */
export interface ExponentialParams {
  /** Ring of the scores, in bits. */
  readonly scoreBits: number;
  /** Fractional bits of the scores. */
  readonly scoreScale: number;
  /** Digits of the exponential's argument where it is rounded to nearest, lowest first; as many bits as a score. */
  readonly digits: readonly [low: number, high: number, top: number];
  /** Fractional bits of each exponential table. */
  readonly tableScale: number;
}

/** A way of rounding. */
export interface RoundingGates {
  /**
   * Rounds to the wanted scale. Exchanges: 2, or 3 from a share; dithered 0 or 1, from a share 1 or 2 ({@linkcode
   * dither}).
   */
  readonly rescale: Rescaling;
  /**
   * Rounds where one unit more or less is of no account, down if that is all the same: coarse scores, sums of squares.
   * Exchanges: 2, dithered 0 or 1.
   */
  readonly coarse: Rescaling;
  /** e^(-t) at scale 2·tableScale, in 32 bits. Exchanges: 3, dithered 2. */
  readonly exp: <V extends View>(ctx: Context<V>, p: ExponentialParams, t: Wire<V>) => Gate<Wire<V>>;
  /** The tables that it reads. */
  readonly expTables: (p: ExponentialParams) => { readonly lowTable: Uint32Array; readonly highTable: Uint32Array };
  /**
   * The largest e^(-t) of a row is at least 2^leastExponent: t of the largest score is at most 1, or 2 by a hair where
   * a coarse score is rounded up.
   */
  readonly leastExponent: number;
  /**
   * Ring of a truncated value, in bits, that may stay in the `free` bits which a truncation leaves of its input's ring.
   */
  readonly ringBits: (free: number) => number;
  /**
   * Ring of an activation's opened table values, in bits, and whether its digits leave out low bits: the smaller its
   * low digit, the smaller the key. To nearest the values' spare bit makes them 32 for some bits of key; dithered keys
   * are so small that a few more bits on the wire are cheaper.
   */
  readonly activation: { readonly valueBits: number; readonly skips: boolean };
}

/** What both truncations ask for. */
function shift(z: Wire<View> | Share<View>, { scale, ringBits = 32, full = 0, knownTo = "both" }: Rescale) {
  return { by: z.scale - scale, to: ringBits, full, knownTo };
}

const ditherTo: Rescaling = (ctx, name, p, z) => ctx.gate(name, dither, shift(z, p), z);

/** Fractional bits of the argument that the dithered exponential reads, and its low digit: together a table over ±2. */
const DITHERED_SCALE = 7, DITHERED_LOW = 8;

/** Digits of the dithered exponential: the top bit of a score's ring is the sign of a difference, which t lacks. */
function ditheredDigits(
  { scoreBits, scoreScale }: ExponentialParams,
): { skip: number; digits: readonly [low: number, high: number] } {
  const skip = scoreScale - DITHERED_SCALE;
  return { skip, digits: [DITHERED_LOW, scoreBits - 1 - skip - DITHERED_LOW] };
}

/** The ways of rounding, by name. */
export const roundings: Readonly<Record<Rounding, RoundingGates>> = {
  nearest: {
    rescale: (ctx, name, p, z) => ctx.gate(name, truncate, { ...shift(z, p), rounding: "nearest" }, z),
    coarse: (ctx, name, p, z) => ctx.gate(name, truncate, { ...shift(z, p), rounding: "floor" }, z),
    exp: (ctx, { digits, tableScale }, t) => ctx.gate("exp", exp, { digits, tableScale, ringBits: 32 }, t),
    expTables: ({ digits, scoreScale, tableScale }) => expTables(digits, scoreScale, tableScale),
    leastExponent: -2,
    ringBits: () => 32,
    activation: { valueBits: 16, skips: false },
  },
  dither: {
    rescale: ditherTo,
    coarse: ditherTo,
    exp: (ctx, p, t) =>
      ctx.gate("exp", expDithered, { ...ditheredDigits(p), tableScale: p.tableScale, ringBits: 32 }, t),
    expTables(p) {
      const { skip, digits } = ditheredDigits(p);
      return expDitheredTables(digits, p.scoreScale - skip, p.tableScale);
    },
    leastExponent: -3,
    ringBits: (free) => Math.min(32, free),
    activation: { valueBits: 26, skips: true },
  },
};
