/**
 * What a configuration says of attention: how far blocks see, and how they turn queries and keys.
 *
 * @module
 */

import type { ConfigReader } from "./config_reader.ts";
import type { Fields } from "./fields.ts";
import { isJsonObject } from "./fields.ts";
import type { ModelConfig, ScoreBias } from "./model_config.ts";
import { type Rotation, rotationOf } from "./rope.ts";

/** Words for a block that sees only what is near, and for one that sees all. */
const KINDS: ReadonlyMap<unknown, boolean> = new Map([
  ["sliding_attention", true],
  ["local", true],
  ["full_attention", false],
  ["global", false],
]);

/** Per block, the distance below which a token sees another; null where it sees all. */
export function windowsOf(reader: ConfigReader, layers: number): (number | null)[] {
  const kinds = blockKinds(reader, layers), off = reader.has("useWindow") && !reader.flag("useWindow");
  const reach = reader.value("localWindow") === null
    ? reader.value("window") === null ? null : reader.integer("window")
    : 1 + Math.floor(reader.integer("localWindow") / 2);
  if (reach === null || off && kinds === null) return new Array<null>(layers).fill(null);
  const pattern = reader.optional("pattern"), every = reader.optional("globalEvery");
  const from = reader.has("windowFrom") ? reader.integer("windowFrom", { min: 0 }) : 0;
  return Array.from({ length: layers }, (_, layer) => {
    const near = kinds !== null
      ? kinds[layer]!
      : every !== null
      ? layer % every !== 0
      : pattern !== null
      ? (layer + 1) % pattern !== 0
      : layer >= from;
    return near ? reach : null;
  });
}

/** Which blocks see only what is near, where the configuration lists them. */
function blockKinds(reader: ConfigReader, layers: number): boolean[] | null {
  const meaning = reader.has("attentionTypes") ? "attentionTypes" : "layerTypes", value = reader.value(meaning);
  if (value === null) return null;
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  // GPT-Neo's list of (pattern, repetitions); the bound keeps a hostile count from filling the memory.
  const kinds = list.flatMap((item: unknown): unknown[] => {
    if (!Array.isArray(item)) return [item];
    const [names, count]: unknown[] = item;
    const fits = Array.isArray(names) && Number.isSafeInteger(count) && (count as number) >= 1 &&
      (count as number) * names.length <= layers;
    return fits ? Array.from({ length: count as number }, () => names as unknown[]).flat() : [undefined];
  });
  if (kinds.length !== layers || !kinds.every((kind) => KINDS.has(kind))) {
    throw reader.error(meaning, `must name one of ${[...KINDS.keys()].join(", ")} for each of ${layers} layers`, value);
  }
  return kinds.map((kind) => KINDS.get(kind)!);
}

/** The rotation of queries and keys in every block. */
export function rotaryOf(
  reader: ConfigReader,
  sizes: { headWidth: number; windows: readonly (number | null)[] },
): Pick<ModelConfig, "frequencies" | "rotaryKinds" | "rotaryWidth" | "rotaryFactor" | "maxPositions"> {
  const { headWidth, windows } = sizes, { fields, row } = reader, isLocal = windows.some((window) => window !== null);
  const newer = fields.object("rope_parameters"), older = fields.object("rope_scaling");
  if (newer !== undefined && older !== undefined) {
    throw fields.error("rope_scaling", "must not be there beside rope_parameters", fields.raw("rope_scaling"));
  }
  const parameters = newer ?? older, byKind = isJsonObject(parameters?.raw("full_attention"));
  const maxPositions = reader.integer("maxPositions"), original = reader.optional("original") ?? undefined;
  let rotaryWidth = 0;
  const rotation = (given: Fields | undefined, theta: number): Rotation => {
    rotaryWidth = turningWidth(reader, given, headWidth);
    const base = given?.positive("rope_theta", theta) ?? theta;
    return rotationOf({ theta: base, width: rotaryWidth, maxPositions, original }, given ?? null);
  };
  const theta = reader.optional("theta") ?? 10000;
  const rotations = [rotation(byKind ? parameters!.object("full_attention") : parameters, theta)];
  const local = byKind ? parameters!.object("sliding_attention") : undefined;
  if (isLocal && row.localAngles === true) rotations.push(rotation(local, reader.optional("localTheta") ?? theta));
  if (byKind) parameters!.assertRead();
  const rest = new Array<number>((headWidth - rotaryWidth) / 2).fill(0);
  return {
    frequencies: rotations.map(({ frequencies }) => [...frequencies, ...rest]),
    rotaryKinds: turning(reader, windows).map((turns, layer) =>
      turns ? rotations.length > 1 && windows[layer] !== null ? 1 : 0 : -1
    ),
    rotaryWidth,
    rotaryFactor: rotations[0]!.factor,
    maxPositions: Math.min(...rotations.map((rotation) => rotation.maxPositions)),
  };
}

/** How many columns of a head turn. */
function turningWidth(reader: ConfigReader, given: Fields | undefined, headWidth: number): number {
  const own = given?.raw("partial_rotary_factor") ?? reader.value("partial") ?? 1, part = own as number;
  const allowed = reader.has("partial") ? typeof own === "number" && own > 0 && own <= 1 : own === 1;
  if (!allowed) {
    throw reader.error("partial", reader.has("partial") ? "must be above 0 and at most 1" : "must be 1", own);
  }
  const width = reader.value("rotaryWidth") === null ? Math.floor(headWidth * part) : reader.integer("rotaryWidth");
  if (width % 2 !== 0 || width < 2 || width > headWidth) {
    throw reader.error(
      reader.has("rotaryWidth") ? "rotaryWidth" : "partial",
      `must give an even width up to ${headWidth}`,
      width,
    );
  }
  return width;
}

/** Which blocks turn queries and keys at all. */
function turning(reader: ConfigReader, windows: readonly (number | null)[]): boolean[] {
  const list = reader.value("noRopeLayers"), interval = reader.optional("noRopeInterval");
  if (Array.isArray(list)) {
    if (list.length !== windows.length || !list.every((turns) => turns === 0 || turns === 1)) {
      throw reader.error("noRopeLayers", `must have 0 or 1 for each of ${windows.length} layers`, list);
    }
    return list.map((turns) => turns === 1);
  }
  if (interval !== null) return windows.map((_, layer) => (layer + 1) % interval !== 0);
  const alone = reader.row.windowsTurn === true && windows.some((window) => window !== null);
  return windows.map((window) => !alone || window !== null);
}

/** The bias of the scores with the numbers of the configuration. */
export function scoreBiasOf(reader: ConfigReader, scoreFactor: number): ScoreBias | null {
  const { scoreBias: bias = null } = reader.row.switches;
  return bias && {
    ...bias,
    buckets: reader.has("buckets") ? reader.integer("buckets", { min: 4 }) : bias.buckets,
    maxDistance: reader.has("maxDistance") ? reader.integer("maxDistance") : bias.maxDistance,
    factor: bias.scaled === true ? scoreFactor : 1,
  };
}
