/**
 * Rotary angles: the frequencies of a head's pairs, with the scalings that checkpoints name.
 *
 * @module
 */

import type { Fields } from "./fields.ts";

/** What a rotation is made of. */
export interface Rotation {
  /** Angle per position of each of the pairs that turn. */
  readonly frequencies: readonly number[];
  /** Factor of cosines and sines. */
  readonly factor: number;
  /** Positions up to which these frequencies hold. */
  readonly maxPositions: number;
}

/** What scalings depend on. */
export interface RotationSizes {
  /** Base of the angles: pair i turns by theta^(-2i/width) per position. */
  readonly theta: number;
  /** Columns of a head that turn. */
  readonly width: number;
  /** Positions of the model. */
  readonly maxPositions: number;
  /** Positions that it was trained on first, where the configuration says so outside of the scaling. */
  readonly original: number | undefined;
}

/** The scalings of Hugging Face's `modeling_rope_utils.py`, by name. */
const SCALINGS: Readonly<Record<string, (base: readonly number[], s: Fields, sizes: RotationSizes) => Rotation>> = {
  default: (frequencies, _s, { maxPositions }) => ({ frequencies, factor: 1, maxPositions }),
  linear: (base, s, { maxPositions }) => {
    const factor = s.positive("factor");
    return { frequencies: base.map((f) => f / factor), factor: 1, maxPositions };
  },
  // Another base for texts beyond the model's positions, which there are none of here.
  dynamic: (frequencies, s, { maxPositions }) => {
    s.positive("factor", 1);
    s.raw("original_max_position_embeddings");
    return { frequencies, factor: 1, maxPositions };
  },
  llama3: (base, s, { maxPositions, original }) => {
    const factor = s.positive("factor"),
      low = s.positive("low_freq_factor"),
      high = s.positive("high_freq_factor"),
      trained = s.positive("original_max_position_embeddings", original);
    const frequencies = base.map((f) => {
      const wave = 2 * Math.PI / f;
      if (wave < trained / high) return f;
      if (wave > trained / low) return f / factor;
      const smooth = (trained / wave - low) / (high - low);
      return (1 - smooth) * f / factor + smooth * f;
    });
    return { frequencies, factor: 1, maxPositions };
  },
  yarn: (base, s, { theta, width, maxPositions, original }) => {
    const factor = s.positive("factor"),
      trained = s.positive("original_max_position_embeddings", original ?? maxPositions);
    const mscale = s.positive("mscale", 0.0), all = s.positive("mscale_all_dim", 0.0);
    const scaleOf = (m: number): number => factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1;
    const given = s.positive("attention_factor", mscale > 0 && all > 0 ? scaleOf(mscale) / scaleOf(all) : scaleOf(1));
    const dimension = (turns: number): number =>
      width * Math.log(trained / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    const whole = s.flag("truncate", true),
      first = dimension(s.positive("beta_fast", 32)),
      last = dimension(s.positive("beta_slow", 1));
    const low = Math.max(whole ? Math.floor(first) : first, 0),
      high = Math.min(whole ? Math.ceil(last) : last, width - 1),
      span = high === low ? 0.001 : high - low;
    const frequencies = base.map((f, i) => {
      const ramp = Math.min(1, Math.max(0, (i - low) / span));
      return f / factor * ramp + f * (1 - ramp);
    });
    return { frequencies, factor: given, maxPositions };
  },
  longrope: (base, s, { width, maxPositions, original }) => {
    const trained = s.positive("original_max_position_embeddings", original ?? maxPositions),
      ratio = original === undefined && s.raw("original_max_position_embeddings") === undefined
        ? s.positive("factor", 1)
        : maxPositions / trained;
    s.raw("factor");
    const factors = s.raw("short_factor");
    if (
      !Array.isArray(factors) || factors.length !== width / 2 || !factors.every((f) => typeof f === "number" && f > 0)
    ) {
      throw s.error("short_factor", `must be ${width / 2} positive numbers`, factors);
    }
    s.raw("long_factor");
    const factor = s.positive("attention_factor", ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(trained)));
    // Beyond the trained positions other factors hold, and for the whole text: such texts are not taken.
    return { frequencies: base.map((f, i) => f / factors[i]), factor, maxPositions: Math.min(maxPositions, trained) };
  },
};

/**
 * The rotation of a configuration.
 *
 * @param scaling The fields of its scaling; null for none.
 * @throws {ModelError} If the scaling is unknown or lacks a number.
 */
export function rotationOf(sizes: RotationSizes, scaling: Fields | null): Rotation {
  const base = Array.from({ length: sizes.width / 2 }, (_, i) => sizes.theta ** (-2 * i / sizes.width));
  if (scaling === null) return { frequencies: base, factor: 1, maxPositions: sizes.maxPositions };
  const older = scaling.raw("type"), name = scaling.raw("rope_type") ?? older ?? "default";
  const known = name === "su" ? "longrope" : String(name);
  if (!Object.hasOwn(SCALINGS, known)) {
    throw scaling.error("rope_type", `must be one of ${Object.keys(SCALINGS).join(", ")}`, name);
  }
  const rotation = SCALINGS[known]!(base, scaling, sizes);
  scaling.assertRead();
  return rotation;
}
