/**
 * Flags that say what is planned: rounding, hidden lengths, and named shapes.
 *
 * @module
 */

import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { knownShapes, namedShape } from "../models/shapes.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { sessionPlan } from "../roles/lengths.ts";
import type { Flag, Options } from "./args.ts";
import { UsageError } from "./ui.ts";

/** `--rounding`, of every command that makes a plan. */
export const ROUNDING_FLAG: Flag = {
  name: "rounding",
  value: "NAME",
  help: "nearest (default), or dither: by public coins, half the keys and three quarters of the traffic",
};

/** The rounding that was asked for. */
export function roundingOf(options: Options): Rounding {
  const name = options.text("rounding") ?? "nearest";
  if (name !== "nearest" && name !== "dither") {
    throw new UsageError(`Cannot use --rounding ${name} as it must be nearest or dither`);
  }
  return name;
}

/**
 * `--bucket`, of the dealer and of plans: texts of bidirectional models are filled up, and only the client knows how
 * many tokens are real.
 */
export const BUCKET_FLAG: Flag = {
  name: "bucket",
  value: "N",
  help: "hide the text's length: round it up to a multiple of N (bidirectional models)",
};

/** The bucket that was asked for. */
export function bucketOf(options: Options): number | undefined {
  return options.text("bucket") === undefined ? undefined : options.count("bucket", 0, 1);
}

/** The flag that widens the residual stream. */
export const RESIDUAL_FLAG: Flag = {
  name: "residual-bits",
  value: "N",
  help: "ring of the residual stream, 32 to 64 bits (with --arch; default 32)",
};

/** Its value. */
export function residualBitsOf(options: Options): number {
  const bits = options.count("residual-bits", 32, 32);
  if (bits > 64) throw new UsageError(`Cannot use --residual-bits ${bits} as a ring has at most 64 bits`);
  return bits;
}

/** The layers that were asked for; undefined for those of the shape. */
export function layersOf(options: Options): number | undefined {
  return options.text("layers") === undefined ? undefined : options.count("layers", 0, 1);
}

/**
 * A named shape.
 *
 * @throws {UsageError} If the name is unknown; the message lists the known ones.
 */
export function shapeOf(arch: string, layers: number | undefined): ModelConfig {
  if (!knownShapes().includes(arch)) {
    throw new UsageError(`Cannot use --arch ${arch} as it must be one of: ${knownShapes().join(", ")}`);
  }
  return namedShape(arch, { layers });
}

/** What to plan of a named shape's blocks. */
export interface ArchOptions {
  readonly layers?: number | undefined;
  readonly seq: number;
  readonly rounding?: Rounding;
  readonly bucket?: number | undefined;
  readonly residualBits?: number;
}

/** Plan of a named shape's blocks. */
export function archPlan(arch: string, options: ArchOptions): SessionPlan {
  const { layers, seq, rounding = "nearest", bucket, residualBits = 32 } = options, config = shapeOf(arch, layers);
  const prepared = { scope: "blocks", scales: defaultScales(config, residualBits), paddedPositions: Infinity } as const;
  return sessionPlan(config, prepared, { promptTokens: seq, rounding, bucket });
}
