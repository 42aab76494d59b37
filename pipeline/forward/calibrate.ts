/**
 * Calibration: runs the oracle on sample text, records the magnitude of every wire, and chooses windows with headroom.
 *
 * It starts from the default scales and changes only what the values demand, so that a model of ordinary values has the
 * plan of its shape.
 *
 * @module
 */

import { ModelError } from "../../core/errors.ts";
import type { Role } from "../../core/protocols/primitive.ts";
import type { TensorBase } from "../../core/protocols/tensor.ts";
import type { ModelSpec } from "./model_spec.ts";
import { normPlaces } from "./norm_places.ts";
import { type IntegerWeights, Oracle, type OracleOptions } from "./oracle.ts";
import {
  MAX_LAST_GROUP_BIT,
  NORM_GROUP_OCTAVES,
  NORM_INVERSE_BITS,
  type NormScales,
  residualRoom,
  type Scales,
  sumBits,
} from "./scales.ts";

/**
 * Sample input: token ids of a model with their types, or integer hidden states of its blocks. Of a model that hides
 * padding, the first `realTokens` are real.
 */
export type Sample =
  & ({ readonly tokens: readonly number[]; readonly types?: readonly number[] } | { readonly hidden: Float64Array })
  & { readonly realTokens?: number };

/** What one gate read, its role, and its limit, infinite where it declares none. */
interface Reading extends Pick<TensorBase<"clear">, "ringBits" | "scale">, Role {
  readonly stage: number;
  readonly path: string;
  readonly min: number;
  readonly max: number;
  readonly limit: number;
}

/** What the gates of a run read, by stage and path. */
type Readings = ReadonlyMap<string, Reading>;

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
 * Rings of the residual stream and of sums of squares while a model is calibrated: they hold any value, and a ring
 * tells which of the two a gate reads.
 */
const STREAM_ROOM = 64, SUM_ROOM = 63;

/**
 * What gets less headroom: differences of scores have their own, and what the pooler's tanh reads has none (SPEC §1.3).
 */
const LESS_HEADROOM: ReadonlySet<Role["reads"]> = new Set(["score", "coarse", "pooled"] as const);

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
 * import { calibrate, defaultScales, type ModelSpec, weightRefs } from "sluice/gates.ts";
 * import { namedShape } from "sluice/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = namedShape("llama-tiny", { layers: 1 }), first = defaultScales(config);
 * const model: ModelSpec = { scope: "blocks", config, scales: first, maxPositions: 2, rounding: "nearest" };
 * const zeros = new Map(weightRefs(model).map((ref) => [ref.name, new Int32Array(ref.inputs * ref.outputs)]));
 * const sample = (value: number) => ({
 *   hidden: new Float64Array(2 * config.hiddenWidth).fill(value * 2 ** first.residual),
 * });
 *
 * const ordinary = calibrate(model, (name) => zeros.get(name)!, sample(1)).scales;
 * const small = calibrate(model, (name) => zeros.get(name)!, sample(1 / 64)).scales;
 *
 * assertEquals(ordinary, first);
 * assertEquals([first.norms[0]!.lo, small.norms[0]!.lo], [22, 18]);
 * ```
 */
export function calibrate(model: ModelSpec, weights: IntegerWeights, ...samples: readonly Sample[]): Calibration {
  if (model.scales.residualBits > 32) return settle(model, weights, samples);
  try {
    return settle(model, weights, samples);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    // A wire that cannot be widened fails again, by name.
    return settle({ ...model, scales: { ...model.scales, residualBits: 33 } }, weights, samples);
  }
}

/** The scales of a model whose residual stream has 32 bits, or more and then as many as the values need. */
function settle(model: ModelSpec, weights: IntegerWeights, samples: readonly Sample[]): Calibration {
  let spec = model, last: ModelError | null = null;
  // Every failure moves one norm's window; more failures than norms, and a few rounds for what follows, mean that no
  // window fits.
  for (let attempt = 0; attempt <= spec.scales.norms.length + 4; attempt++) {
    const seen = new Map<string, Reading>(), room = withRoom(spec);
    const observe: OracleOptions["observe"] = ({ stage, path, role, x: { data, scale, ringBits }, limit }) => {
      const place = `${stage}:${path}`;
      let { min, max } = seen.get(place) ?? { min: Infinity, max: -Infinity };
      for (const value of data) {
        if (value < min) min = value;
        if (value > max) max = value;
      }
      seen.set(place, { ...role, stage, path, min, max, scale, ringBits, limit });
    };
    let failure: ModelError | null = null;
    try {
      for (const sample of samples) {
        const oracle = new Oracle(room, weights, { observe });
        if ("tokens" in sample) oracle.tokens(sample.tokens, sample.realTokens, sample.types);
        else oracle.hidden(sample.hidden, sample.realTokens);
      }
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      last = failure = error;
    }
    const scales = adjust(spec, seen, model.scales.residualBits);
    spec = { ...spec, scales };
    if (JSON.stringify(withRoom(spec)) !== JSON.stringify(room)) continue;
    if (failure !== null) throw failure;
    assertHeadroom(seen);
    return {
      scales,
      magnitudes: new Map([...seen].map(([place, read]) => [place, largestOf(read) / 2 ** read.scale])),
    };
  }
  throw last ?? new ModelError("Cannot calibrate the model as its norms do not settle");
}

/**
 * The model with sums of squares in a ring that holds any of them: one beyond its norm's window must be seen for the
 * window to move there. The same for a residual stream of more than 32 bits.
 */
function withRoom(model: ModelSpec): ModelSpec {
  const { scales } = model, norms = scales.norms.map((norm) => ({ ...norm, sumBits: SUM_ROOM }));
  return { ...model, scales: { ...scales, norms, residualBits: scales.residualBits > 32 ? STREAM_ROOM : 32 } };
}

/** What was read in this role, in the order of the forward pass; of a failed run as far as it came. */
function readAs(seen: Readings, reads: NonNullable<Role["reads"]>): Reading[] {
  return [...seen.values()].filter((read) => read.reads === reads);
}

/** What a norm read in this role; undefined where the run failed before, or the model has no such norm. */
function normRead(seen: Readings, norm: number, reads: NonNullable<Role["reads"]>): Reading | undefined {
  return readAs(seen, reads).find((read) => read.norm === norm);
}

/** The largest magnitude that a gate read. */
function largestOf({ min, max }: Reading): number {
  return Math.max(-min, max);
}

/**
 * Bits of the residual stream: two of headroom, the spare bit and the sign for all that gates with a limit read in its
 * ring, and no fewer than `least`.
 */
function residualBitsFor(seen: Readings, least: number): number {
  let bits = least;
  for (const read of seen.values()) {
    if (read.ringBits !== STREAM_ROOM || read.limit === Infinity) continue;
    bits = Math.max(bits, 2 + Math.ceil(Math.log2(largestOf(read) * HEADROOM)));
  }
  if (bits > 64) throw new ModelError("Cannot represent the residual stream as its values must fit a ring of 64 bits");
  return bits;
}

/**
 * Fractional bits of 1/√ beside a wide stream, whose ring makes room for its product: a large mean square must leave
 * its root enough of them.
 */
function wantedInverse(model: ModelSpec, seen: Readings, index: number): number {
  const { scales, config } = model, { inverse, sumShift } = scales.norms[index]!;
  const { width, reads } = normPlaces(config)[index]!,
    scale = reads === "activation" ? scales.activation : scales.residual;
  const sums = normRead(seen, index, "squares"), roots = normRead(seen, index, "root");
  if (sums === undefined || roots === undefined) return inverse;
  const mean = sums.max * 2 ** (sumShift - 2 * scale) / width,
    wanted = NORM_INVERSE_BITS + Math.max(0, Math.ceil(Math.log2(mean) / 2) - 3);
  return Math.min(wanted, inverse + Math.floor(Math.log2(roots.limit) - Math.log2(largestOf(roots) * HEADROOM)));
}

function adjust(model: ModelSpec, seen: Readings, least: number): Scales {
  const { scales } = model, isWide = least > 32;
  const residualBits = isWide ? residualBitsFor(seen, least) : 32;
  const norms = scales.norms.map((norm, index): NormScales => {
    const sums = normRead(seen, index, "squares"), products = normRead(seen, index, "product");
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
          `Cannot represent the wire stage ${sums.stage}: ${sums.path} in 32 bits as the sum of squares must lie below 2^${top}`,
        );
      }
      const needed = whole - sumShift;
      lo = Math.floor(Math.log2(Math.max(1, sums.min) * 2 ** (wasShift - sumShift) / HEADROOM));
      // Whole octave groups: as many as by default, fewer where the last one's carry would be compared in more than 32
      // bits, more where the values need them.
      const most = Math.floor((top - lo) / NORM_GROUP_OCTAVES),
        usual = (norm.hi - norm.lo) / NORM_GROUP_OCTAVES;
      const groups = Math.max(Math.min(usual, most), Math.ceil((needed - lo) / NORM_GROUP_OCTAVES));
      // One group too many: they begin lower, and the last one ends at the top.
      if (groups > most) lo = top - NORM_GROUP_OCTAVES * groups;
      hi = lo + groups * NORM_GROUP_OCTAVES;
    }
    if (isWide) inverse = wantedInverse(model, seen, index);
    else if (products !== undefined) {
      const largest = largestOf(products) * HEADROOM;
      if (largest > products.limit) inverse -= Math.ceil(Math.log2(largest / products.limit));
    }
    return { sumBits: sumBits(hi, sumShift), sumShift, lo, hi, inverse };
  });
  let spread = 0;
  // Columns that are hidden have left the scores before their maximum is taken.
  const whole = readAs(seen, "unpadded"), hides = new Set(whole.map(({ stage }) => stage));
  for (const { min, max, scale } of [...whole, ...readAs(seen, "coarse").filter(({ stage }) => !hides.has(stage))]) {
    spread = Math.max(spread, Math.max(max - min, max, -min) / 2 ** scale);
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
    hiddenDigits: digitsFor(scales.hiddenDigits, readAs(seen, "hidden")),
    denseDigits: digitsFor(scales.denseDigits, readAs(seen, "dense")),
    ditheredResidualBits: ditheredResidualBits(model, seen),
  };
}

/**
 * The room that dithered truncations leave for the residual stream, where its values have two bits of headroom beside
 * the spare one.
 */
function ditheredResidualBits(model: ModelSpec, seen: Readings): number {
  const room = residualRoom(model.scales);
  const places = normPlaces(model.config),
    streams = readAs(seen, "stream").filter(({ norm }) => places[norm!]!.reads !== "activation");
  return streams.some((read) => largestOf(read) * HEADROOM > 2 ** (room - 2)) ? 32 : room;
}

/** A window's digits, with as large a top digit as the values need. */
function digitsFor([low, index, top]: Scales["hiddenDigits"], seen: readonly Reading[]): Scales["hiddenDigits"] {
  const bits = 1 + Math.ceil(Math.log2(Math.max(1, ...seen.map((read) => largestOf(read) * HEADROOM))));
  return [low, index, Math.max(top, bits - low - index)];
}

/** What a gate with a limit reads must leave two bits to it. */
function assertHeadroom(seen: Readings): void {
  for (const read of seen.values()) {
    const bits = Math.ceil(Math.log2(read.limit));
    if (!LESS_HEADROOM.has(read.reads) && largestOf(read) * HEADROOM > 2 ** bits) {
      throw new ModelError(
        `Cannot represent the wire stage ${read.stage}: ${read.path} as its values need two bits of headroom below 2^${bits}`,
      );
    }
  }
}
