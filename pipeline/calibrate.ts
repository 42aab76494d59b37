/**
 * Calibration: runs the oracle on sample text, records the magnitude of every wire, and chooses windows with headroom.
 *
 * It starts from the default scales and changes only what the values demand, so that a model of ordinary values has the plan of its shape.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { type ModelSpec, normPlaces } from "./model_spec.ts";
import { type IntegerWeights, Oracle } from "./oracle.ts";
import {
  MAX_LAST_GROUP_BIT,
  NORM_GROUP_OCTAVES,
  NORM_INVERSE_BITS,
  type NormScales,
  residualRoom,
  type Scales,
  sumBits,
} from "./scales.ts";

/** Sample input: token ids of a model, or integer hidden states of its blocks. Of a model that hides padding, the first `realTokens` are real. */
export type Sample = ({ readonly tokens: readonly number[] } | { readonly hidden: Float64Array }) & {
  readonly realTokens?: number;
};

/** Magnitudes of what one gate read. */
interface Magnitude {
  min: number;
  max: number;
}

/** What calibration found. */
export interface Calibration {
  /** Scales that fit the sample with headroom. */
  readonly scales: Scales;
  /** Largest |x| of every wire in real units, by stage and path: public only to the owner of the model. */
  readonly magnitudes: ReadonlyMap<string, number>;
}

/** Values may grow by this factor beyond the sample: two bits. */
const HEADROOM = 4;

/** Differences of scores may grow by this factor. */
const SCORE_HEADROOM = 2;

/**
 * Chooses the scales of a model.
 *
 * A model that does not fit into 32 bits gets a wider residual stream: as wide as its values need, with headroom.
 *
 * @param model The model at its default scales; `scales.residualBits` is the least that the residual stream gets.
 * @param weights The integers of the model at the default weight scale.
 * @throws {ModelError} If a wire cannot be represented with headroom; the message names it.
 *
 * @example The windows of the norms follow a sample of small values
 * ```ts
 * import { calibrate, defaultScales, type ModelSpec, namedShape, weightRefs } from "sluice/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = namedShape("llama-tiny", { layers: 1 }), first = defaultScales(config);
 * const model: ModelSpec = { scope: "blocks", config, scales: first, maxPositions: 2, rounding: "nearest" };
 * const zeros = new Map(weightRefs(model).map((ref) => [ref.name, new Int32Array(ref.inputs * ref.outputs)]));
 * const sample = (value: number) => ({ hidden: new Float64Array(2 * config.hiddenWidth).fill(value * 2 ** first.residual) });
 *
 * const ordinary = calibrate(model, (name) => zeros.get(name)!, sample(1)).scales;
 * const small = calibrate(model, (name) => zeros.get(name)!, sample(1 / 64)).scales;
 *
 * assertEquals(ordinary, first);
 * assertEquals([first.norms[0]!.lo, small.norms[0]!.lo], [22, 18]);
 * ```
 */
export function calibrate(model: ModelSpec, weights: IntegerWeights, sample: Sample): Calibration {
  if (model.scales.residualBits > 32) return settle(model, weights, sample);
  try {
    return settle(model, weights, sample);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    // A wire that cannot be widened fails again, by name.
    return settle({ ...model, scales: { ...model.scales, residualBits: 33 } }, weights, sample);
  }
}

/** The scales of a model whose residual stream has 32 bits, or more and then as many as the values need. */
function settle(model: ModelSpec, weights: IntegerWeights, sample: Sample): Calibration {
  let spec = model, last: ModelError | null = null;
  // Every failure moves one norm's window; more failures than norms, and a few rounds for what follows, mean that no window fits.
  for (let attempt = 0; attempt <= spec.scales.norms.length + 4; attempt++) {
    const seen = new Map<string, Magnitude>(), scaleOf = new Map<string, number>();
    const observe = (stage: number, path: string, data: Float64Array, scale: number): void => {
      const name = path.includes(": ") ? path.slice(path.indexOf(": ") + 2) : path, key = `${stage}:${name}`;
      const magnitude = seen.get(key) ?? { min: Infinity, max: -Infinity };
      for (const value of data) {
        if (value < magnitude.min) magnitude.min = value;
        if (value > magnitude.max) magnitude.max = value;
      }
      seen.set(key, magnitude);
      scaleOf.set(key, scale);
    };
    let failure: ModelError | null = null;
    try {
      const oracle = new Oracle(withRoom(spec), weights, { observe });
      if ("tokens" in sample) oracle.tokens(sample.tokens, sample.realTokens);
      else oracle.hidden(sample.hidden, sample.realTokens);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      last = failure = error;
    }
    const scales = adjust(spec, seen, model.scales.residualBits),
      changed = JSON.stringify(scales) !== JSON.stringify(spec.scales);
    if (!changed && failure !== null) throw failure;
    if (!changed) {
      assertHeadroom(seen, spec);
      const magnitudes = new Map(
        [...seen].map(([key, { min, max }]) => [key, Math.max(-min, max) / 2 ** scaleOf.get(key)!]),
      );
      return { scales, magnitudes };
    }
    spec = { ...spec, scales };
  }
  throw last ?? new ModelError("Cannot calibrate the model as its norms do not settle");
}

/**
 * The model with sums of squares in a ring that holds any of them: one beyond its norm's window must be seen for the window to move there. The same for a
 * residual stream of more than 32 bits.
 */
function withRoom(model: ModelSpec): ModelSpec {
  const { scales } = model, norms = scales.norms.map((norm) => ({ ...norm, sumBits: 64 }));
  return { ...model, scales: { ...scales, norms, residualBits: scales.residualBits > 32 ? 64 : 32 } };
}

/** Whether a gate reads values in the ring of the residual stream, and its domain ends two bits below. */
function isResidual(path: string, { normPlacement }: ModelSpec["config"]): boolean {
  if (/(^(out|down)_truncate|^mlp\/truncate|(^|\/)squares)$/.test(path)) return true;
  return normPlacement === "post" && /(qkv_truncate|mlp\/(up|activation)_truncate|^pooler_truncate)$/.test(path);
}

/** Bits of the residual stream: as many as its values and the norms' products need with headroom, and no fewer than `least`. */
function residualBitsFor(model: ModelSpec, seen: ReadonlyMap<string, Magnitude>, least: number): number {
  let bits = least;
  for (const [key, magnitude] of seen) {
    if (isResidual(key.slice(key.indexOf(":") + 1), model.config)) bits = Math.max(bits, ringOf(largestOf(magnitude)));
  }
  normPlaces(model).forEach(({ stage, scope }, index) => {
    const product = seen.get(`${stage}:${scope}/truncate`),
      more = wantedInverse(model, seen, index) - model.scales.norms[index]!.inverse;
    if (product !== undefined) bits = Math.max(bits, ringOf(largestOf(product) * 2 ** more));
  });
  if (bits > 64) throw new ModelError("Cannot represent the residual stream as its values must fit a ring of 64 bits");
  return bits;
}

function largestOf({ min, max }: Magnitude): number {
  return Math.max(-min, max, 1);
}

/** The ring of values up to `largest`: two bits of headroom, the spare bit and the sign. */
function ringOf(largest: number): number {
  return 2 + Math.ceil(Math.log2(largest * HEADROOM));
}

/** Fractional bits of 1/√ beside a wide stream, whose ring makes room for its product: a large mean square must leave its root enough of them. */
function wantedInverse(model: ModelSpec, seen: ReadonlyMap<string, Magnitude>, index: number): number {
  const { scales, config } = model,
    { stage, scope } = normPlaces(model)[index]!,
    { inverse, sumShift } = scales.norms[index]!;
  const sums = seen.get(`${stage}:${scope}/rsqrt`), roots = seen.get(`${stage}:${scope}/extend`);
  if (sums === undefined || roots === undefined) return inverse;
  const mean = sums.max * 2 ** (sumShift - 2 * scales.residual) / config.hiddenWidth,
    wanted = NORM_INVERSE_BITS + Math.max(0, Math.ceil(Math.log2(mean) / 2) - 3);
  return Math.min(wanted, inverse + Math.floor(30 - Math.log2(largestOf(roots) * HEADROOM)));
}

function adjust(model: ModelSpec, seen: ReadonlyMap<string, Magnitude>, least: number): Scales {
  const { scales } = model, places = normPlaces(model), isWide = least > 32;
  const residualBits = isWide ? residualBitsFor(model, seen, least) : 32;
  const norms = scales.norms.map((norm, index): NormScales => {
    const { stage, scope } = places[index]!;
    const sums = seen.get(`${stage}:${scope}/rsqrt`), products = seen.get(`${stage}:${scope}/truncate`);
    let { lo, hi, sumShift, inverse } = norm;
    if (sums !== undefined && (sums.min < 2 ** lo * HEADROOM || sums.max * HEADROOM > 2 ** hi)) {
      // Sums beyond the highest window lose their lowest bits.
      const top = MAX_LAST_GROUP_BIT + NORM_GROUP_OCTAVES,
        whole = Math.ceil(Math.log2(sums.max * HEADROOM)) + sumShift,
        wasShift = sumShift;
      sumShift = Math.max(0, whole - top);
      // Beside a stream of 32 bits 1/√ has too few fractional bits for such sums.
      if (sumShift > 0 && !isWide) {
        throw new ModelError(
          `Cannot represent the wire stage ${stage}: ${scope}/rsqrt in 32 bits as the sum of squares must lie below 2^${top}`,
        );
      }
      const needed = whole - sumShift;
      lo = Math.floor(Math.log2(Math.max(1, sums.min) * 2 ** (wasShift - sumShift) / HEADROOM));
      // Whole octave groups: as many as by default, fewer where the last one's carry would be compared in more than 32 bits, more where the values need them.
      const most = Math.floor((top - lo) / NORM_GROUP_OCTAVES),
        usual = (norm.hi - norm.lo) / NORM_GROUP_OCTAVES;
      const groups = Math.max(Math.min(usual, most), Math.ceil((needed - lo) / NORM_GROUP_OCTAVES));
      // One group too many: they begin lower, and the last one ends at the top.
      if (groups > most) lo = top - NORM_GROUP_OCTAVES * groups;
      hi = lo + groups * NORM_GROUP_OCTAVES;
    }
    if (isWide) inverse = wantedInverse(model, seen, index);
    else if (products !== undefined) {
      const largest = Math.max(-products.min, products.max) * HEADROOM;
      if (largest > 2 ** 30) inverse -= Math.ceil(Math.log2(largest / 2 ** 30));
    }
    return { sumBits: sumBits(hi, sumShift), sumShift, lo, hi, inverse };
  });
  // Scores as the softmax reads them; where padding is hidden, as they are before padded ones are lowered.
  const [read, scale] = model.bucket === undefined
    ? ["attention/softmax/coarse", scales.score]
    : ["attention/padding", 2 * scales.activation];
  let spread = 0;
  for (const [key, { min, max }] of seen) {
    if (key.endsWith(read)) spread = Math.max(spread, Math.max(max - min, max, -min) / 2 ** scale);
  }
  const coarseBits = Math.max(
    scales.scoreBits - scales.score,
    1 + Math.ceil(Math.log2(Math.max(1, spread * SCORE_HEADROOM))),
  );
  const scoreBits = scales.score + coarseBits, [low, high] = scales.expDigits;
  return {
    ...scales,
    residualBits,
    norms,
    scoreBits,
    expDigits: [low, high, scoreBits - low - high],
    hiddenDigits: hiddenDigits(scales, seen),
    ditheredResidualBits: ditheredResidualBits(model, seen),
  };
}

/** The room that dithered truncations leave for the residual stream, where its values have two bits of headroom beside the spare one. */
function ditheredResidualBits({ scales }: ModelSpec, seen: ReadonlyMap<string, Magnitude>): number {
  const room = residualRoom(scales);
  for (const [key, { min, max }] of seen) {
    if (key.endsWith("/squares") && Math.max(-min, max) * HEADROOM > 2 ** (room - 2)) return 32;
  }
  return room;
}

/** The window's digits, with as large a top digit as the hidden values need. */
function hiddenDigits(
  { hiddenDigits: [low, index, top] }: Scales,
  seen: ReadonlyMap<string, Magnitude>,
): Scales["hiddenDigits"] {
  let largest = 0;
  for (const [key, { min, max }] of seen) {
    if (key.endsWith(":mlp/activation")) largest = Math.max(largest, -min, max);
  }
  const bits = 1 + Math.ceil(Math.log2(Math.max(1, largest * HEADROOM)));
  return [low, index, Math.max(top, bits - low - index)];
}

/** What every truncation, extension and activation reads must leave two bits to the edge of its domain. */
function assertHeadroom(seen: ReadonlyMap<string, Magnitude>, model: ModelSpec): void {
  for (const [key, { min, max }] of seen) {
    const [stage, path] = key.split(":"), bits = domainBits(path!, model);
    if (bits !== null && Math.max(-min, max) * HEADROOM > 2 ** bits) {
      throw new ModelError(
        `Cannot represent the wire stage ${stage}: ${path} as its values need two bits of headroom below 2^${bits}`,
      );
    }
  }
}

/** Magnitude bits that a gate's input may have, or null where another rule holds. */
function domainBits(path: string, { scales, config }: ModelSpec): number | null {
  const { residualBits, hiddenDigits } = scales;
  if (/mlp\/activation$/.test(path)) return hiddenDigits.reduce((sum, bits) => sum + bits, 0) - 1;
  if (residualBits > 32 && (isResidual(path, config) || /norm\d?\/truncate$/.test(path))) return residualBits - 2;
  return /(truncate|rope|softmax\/p|extend)$/.test(path) ? 30 : null;
}
