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
import { MAX_LAST_GROUP_BIT, NORM_GROUP_OCTAVES, type NormScales, residualRoom, type Scales } from "./scales.ts";

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
  let spec = model;
  // Every failure moves one norm's window; more failures than norms mean that no window fits.
  for (let attempt = 0; attempt <= spec.scales.norms.length; attempt++) {
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
      const oracle = new Oracle(withWideSums(spec), weights, { observe });
      if ("tokens" in sample) oracle.tokens(sample.tokens, sample.realTokens);
      else oracle.hidden(sample.hidden, sample.realTokens);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      failure = error;
    }
    const scales = adjust(spec, seen), changed = JSON.stringify(scales) !== JSON.stringify(spec.scales);
    if (!changed && failure !== null) throw failure;
    if (!changed) {
      assertHeadroom(seen, scales);
      const magnitudes = new Map(
        [...seen].map(([key, { min, max }]) => [key, Math.max(-min, max) / 2 ** scaleOf.get(key)!]),
      );
      return { scales, magnitudes };
    }
    spec = { ...spec, scales };
  }
  throw new ModelError("Cannot calibrate the model as its norms do not settle");
}

/** The model with sums of squares in a ring that holds any of them: one beyond its norm's window must be seen for the window to move there. */
function withWideSums(model: ModelSpec): ModelSpec {
  const norms = model.scales.norms.map((norm) => ({ ...norm, sumBits: 64 }));
  return { ...model, scales: { ...model.scales, norms } };
}

function adjust(model: ModelSpec, seen: ReadonlyMap<string, Magnitude>): Scales {
  const { scales } = model, places = normPlaces(model);
  const norms = scales.norms.map((norm, index): NormScales => {
    const { stage, scope } = places[index]!;
    const sums = seen.get(`${stage}:${scope}/rsqrt`), products = seen.get(`${stage}:${scope}/truncate`);
    let { lo, hi, sumBits, inverse } = norm;
    if (sums !== undefined && (sums.min < 2 ** lo * HEADROOM || sums.max * HEADROOM > 2 ** hi)) {
      const needed = Math.ceil(Math.log2(sums.max * HEADROOM));
      lo = Math.floor(Math.log2(Math.max(1, sums.min) / HEADROOM));
      // Whole octave groups: as many as by default, fewer where the last one's carry would be compared in more than 32 bits, more where the values need them.
      const top = MAX_LAST_GROUP_BIT + NORM_GROUP_OCTAVES,
        most = Math.floor((top - lo) / NORM_GROUP_OCTAVES),
        usual = (norm.hi - norm.lo) / NORM_GROUP_OCTAVES;
      const groups = Math.max(Math.min(usual, most), Math.ceil((needed - lo) / NORM_GROUP_OCTAVES));
      if (needed > top) {
        throw new ModelError(
          `Cannot represent the wire stage ${stage}: ${scope}/rsqrt as the sum of squares must lie below 2^${top}`,
        );
      }
      // One group too many: they begin lower, and the last one ends at the top.
      if (groups > most) lo = top - NORM_GROUP_OCTAVES * groups;
      hi = lo + groups * NORM_GROUP_OCTAVES;
      sumBits = Math.max(34, hi + 1);
    }
    if (products !== undefined) {
      const largest = Math.max(-products.min, products.max) * HEADROOM;
      if (largest > 2 ** 30) inverse -= Math.ceil(Math.log2(largest / 2 ** 30));
    }
    return { sumBits, lo, hi, inverse };
  });
  // Scores as the softmax reads them; where padding is hidden, as they are before padded ones are lowered.
  const [read, scale] = model.bucket === undefined
    ? ["attention/softmax/coarse", scales.score]
    : ["attention/padding", 2 * scales.activation];
  let spread = 0;
  for (const [key, { min, max }] of seen) {
    if (key.endsWith(read)) spread = Math.max(spread, (max - min) / 2 ** scale);
  }
  const coarseBits = Math.max(
    scales.scoreBits - scales.score,
    1 + Math.ceil(Math.log2(Math.max(1, spread * SCORE_HEADROOM))),
  );
  const scoreBits = scales.score + coarseBits, [low, high] = scales.expDigits;
  return {
    ...scales,
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

/** What every truncation and every activation reads must leave two bits to the edge of its domain. */
function assertHeadroom(seen: ReadonlyMap<string, Magnitude>, scales: Scales): void {
  const windowBits = scales.hiddenDigits.reduce((sum, bits) => sum + bits, 0) - 1;
  for (const [key, { min, max }] of seen) {
    const [stage, path] = key.split(":"), bits = domainBits(path!, windowBits);
    if (bits !== null && Math.max(-min, max) * HEADROOM > 2 ** bits) {
      throw new ModelError(
        `Cannot represent the wire stage ${stage}: ${path} as its values need two bits of headroom below 2^${bits}`,
      );
    }
  }
}

/** Magnitude bits that a gate's input may have, or null where another rule holds. */
function domainBits(path: string, windowBits: number): number | null {
  if (/(truncate|rope|softmax\/p)$/.test(path)) return 30;
  return /mlp\/activation$/.test(path) ? windowBits : null;
}
