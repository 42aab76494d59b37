/**
 * The fixed-point numbers of one model: fractional bits, rings and windows of every wire. Public; `prepare` writes them
 * to `sluice.json`.
 *
 * @module
 */

import { activationOf } from "../../core/protocols/activations.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import { normPlaces } from "./norm_places.ts";

/** Numbers of one norm. */
export interface NormScales {
  /** Ring of Σx², in bits. */
  readonly sumBits: number;
  /** Bits that are dropped of Σx² before 1/√ is looked up, so that large sums fit the lookup's window. */
  readonly sumShift: number;
  /** Σx², without these bits, lies in [2^lo, 2^hi). */
  readonly lo: number;
  /** End of that range, in bits. */
  readonly hi: number;
  /** Fractional bits of 1/√. */
  readonly inverse: number;
}

/** All fractional bits and windows of a model. */
export interface Scales {
  /**
   * Ring of the residual stream and of everything that is added to it, in bits: 32, or up to 64 where values need more.
   */
  readonly residualBits: number;
  /** Fractional bits of the residual stream, of the embedding's integers and of learned positions. */
  readonly residual: number;
  /**
   * Ring of the residual stream where rounding is dithered, in bits: 32, or as many as its truncations leave for
   * nothing if its values fit there.
   */
  readonly ditheredResidualBits: number;
  /** Fractional bits of normalised values, queries, keys, values and their mixtures, and of the pooler. */
  readonly activation: number;
  /** Fractional bits of the integer weights. */
  readonly weight: number;
  /** Fractional bits of cosines and sines. */
  readonly angle: number;
  /** Norms in the order of `normPlaces`. */
  readonly norms: readonly NormScales[];
  /** Ring of the scores, in bits. */
  readonly scoreBits: number;
  /** Fractional bits of the scores. */
  readonly score: number;
  /** Digits of the exponential's argument; their sum is `scoreBits`. */
  readonly expDigits: readonly [low: number, high: number, top: number];
  /** Fractional bits of each exponential table. */
  readonly expTable: number;
  /** Fractional bits of the exponentials that are multiplied. */
  readonly exp: number;
  /** Fractional bits of the reciprocal of their sum. */
  readonly inverse: number;
  /** Fractional bits of probabilities. */
  readonly probability: number;
  /** Fractional bits of the feed-forward layer's hidden values, before and after its activation. */
  readonly hidden: number;
  /** Digits of the activation function's window. */
  readonly hiddenDigits: readonly [low: number, index: number, top: number];
  /** Digits of the window of the head's dense layer; those of a tanh where it has none. */
  readonly denseDigits: readonly [low: number, index: number, top: number];
}

/** Octaves of the mean square that a norm covers unless calibration says otherwise: from 2^-10 on. */
const MEAN_SQUARE_FROM = -10, MEAN_SQUARE_OCTAVES = 20;

/** Octaves of one group of a norm's row function. */
export const NORM_GROUP_OCTAVES = 4;

/** Fractional bits of 1/√ for ordinary mean squares. */
export const NORM_INVERSE_BITS = 11;

/** Highest bit at which a norm's last octave group may begin: its carry is a comparison of at most 32 bits. */
export const MAX_LAST_GROUP_BIT = 39;

/** The ring of sums of squares below 2^(hi + sumShift). */
export function sumBits(hi: number, sumShift: number): number {
  return Math.max(34, hi + sumShift + 1);
}

/** Numbers of a norm over `width` values of ordinary mean squares at `residual` fractional bits. */
function normScales(width: number, residual: number): NormScales {
  const lo = Math.floor(2 * residual + Math.log2(width) + MEAN_SQUARE_FROM), hi = lo + MEAN_SQUARE_OCTAVES;
  return { sumBits: sumBits(hi, 0), sumShift: 0, lo, hi, inverse: NORM_INVERSE_BITS };
}

/** Most fractional bits of the residual stream, up to 12, with which the norms over `width` values can be indexed. */
function residualScale(width: number): number {
  let residual = 12;
  while (normScales(width, residual).hi - NORM_GROUP_OCTAVES > MAX_LAST_GROUP_BIT) residual--;
  return residual;
}

/** Bits that the truncations of what writes the residual stream leave of 32. */
export function residualRoom(scales: Pick<Scales, "residual" | "activation" | "hidden" | "weight">): number {
  return 32 - (Math.max(scales.activation, scales.hidden) + scales.weight - scales.residual);
}

/**
 * The scales that every model starts from; named shapes use them as they are, so that their plan needs no calibration.
 *
 * @param residualBits Ring of the residual stream, 32 to 64 bits.
 */
export function defaultScales(config: ModelConfig, residualBits: number = 32): Scales {
  const residual = residualScale(config.hiddenWidth),
    weight = 10,
    activation = 10,
    { scale, digits } = activationOf(config.activation),
    hidden = { hidden: scale, hiddenDigits: digits };
  return {
    residualBits,
    residual,
    ditheredResidualBits: residualRoom({ residual, activation, weight, ...hidden }),
    activation,
    weight,
    angle: 10,
    norms: normPlaces(config).map(({ width, reads }) =>
      normScales(width, reads === "activation" ? activation : residual)
    ),
    scoreBits: 20,
    score: 10,
    expDigits: [8, 6, 6],
    expTable: 11,
    exp: 12,
    inverse: 14,
    probability: 12,
    ...hidden,
    denseDigits: activationOf(config.head.dense ?? "tanh_plus_1").digits,
  };
}
