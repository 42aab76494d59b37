/**
 * How queries, keys and values lie in a checkpoint, and how they are turned and scaled.
 *
 * @module
 */

import type { ModelConfig } from "./model_config.ts";

/** Queries, keys or values. */
export type AttentionPart = "q" | "k" | "v";

/** Column of a head, as the checkpoint stores it, for each column of ours: pairs that turn are i and i + D/2. */
function storedColumns({ headWidth: D, rotaryWidth, rotaryPairs, positions }: ModelConfig): number[] {
  if (positions !== "rotary") return Array.from({ length: D }, (_, d) => d);
  const turning = rotaryWidth / 2, still = (D - rotaryWidth) / 2;
  const turned = Array.from({ length: turning }, (_, i) => i),
    rest = Array.from({ length: still }, (_, i) => rotaryWidth + i);
  const [first, second] = rotaryPairs === "halves"
    ? [turned, turned.map((i) => i + turning)]
    : [turned.map((i) => 2 * i), turned.map((i) => 2 * i + 1)];
  return [...first!, ...rest, ...second!, ...rest.map((i) => i + still)];
}

/**
 * Outputs of a stored matrix that make our columns of a part, or undefined where they are all of them in order.
 *
 * @param isFused Whether the matrix holds queries, keys and values.
 */
export function fusedRows(config: ModelConfig, part: AttentionPart, isFused: boolean): Int32Array | undefined {
  const { heads: H, kvHeads: K, headWidth: D, checkpoint: { fused } } = config,
    count = part === "q" ? H : K,
    group = H / K;
  const columns = part === "v" ? Array.from({ length: D }, (_, d) => d) : storedColumns(config);
  if (!isFused && columns.every((column, d) => column === d)) return undefined;
  const beginOf = (head: number): number => {
    if (!isFused) return head * D;
    if (fused === "whole") return ({ q: 0, k: H, v: H + K }[part] + head) * D;
    // For every head of keys: its queries, its key, its value.
    const at = part === "q" ? Math.floor(head / group) : head;
    return (at * (group + 2) + (part === "q" ? head % group : part === "k" ? group : group + 1)) * D;
  };
  return Int32Array.from({ length: count * D }, (_, o) => beginOf(Math.floor(o / D)) + columns[o % D]!);
}

/**
 * Factors of our columns of a part: of queries the scores' factor and, where pairs turn, the square of the rotation's; the gain
 * of a norm, which stands in the checkpoint's order.
 */
export function headColumns(
  config: ModelConfig,
  options: { part: AttentionPart; layer: number; gain: Float32Array | null },
): Float64Array | undefined {
  const { part, layer, gain } = options, { heads, kvHeads, headWidth: D, positions, rotaryWidth } = config;
  if (part === "v" || part === "k" && gain === null) return undefined;
  const columns = storedColumns(config), turns = positions === "rotary" && config.rotaryKinds[layer] !== -1;
  const factor = part === "k" ? 1 : config.scoreFactor / (config.scoresByLayer ? layer + 1 : 1);
  const turned = part === "k" ? 1 : config.rotaryFactor ** 2;
  return Float64Array.from({ length: (part === "q" ? heads : kvHeads) * D }, (_, o) => {
    const stored = columns[o % D]!,
      own = gain === null ? 1 : gain[gain.length === D ? stored : Math.floor(o / D) * D + stored]!;
    return factor * own * (turns && stored < rotaryWidth ? turned : 1);
  });
}

/** A bias of the scores below this is as good as nothing seen: e^-256 is 0. */
const FARTHEST = -256;

/** What is added to the scores, by head and distance j - i + maxPositions - 1. */
export function scoreTable(config: ModelConfig, learned: Float32Array | null): Float32Array<ArrayBuffer> {
  const { heads, maxPositions, scoreBias } = config,
    width = 2 * maxPositions - 1,
    data = new Float32Array(heads * width);
  const { buckets, maxDistance, factor } = scoreBias!, slopes = learned === null ? slopesOf(config) : [];
  for (let at = 0; at < width; at++) {
    const distance = at - (maxPositions - 1), bucket = learned === null ? 0 : bucketOf(distance, buckets, maxDistance);
    for (let head = 0; head < heads; head++) {
      const value = learned === null ? Math.min(0, distance) * slopes[head]! : learned[bucket * heads + head]!;
      data[head * width + at] = Math.max(FARTHEST, value * factor);
    }
  }
  return data;
}

/** ALiBi's slope of each head (Press, Smith and Lewis, 2021), and MPT's for counts of heads that are no power of two. */
function slopesOf({ heads, scoreBias }: ModelConfig): number[] {
  if (scoreBias!.kind === "mpt") {
    const all = 2 ** Math.ceil(Math.log2(heads)),
      slopes = Array.from({ length: all }, (_, i) => 2 ** (-(i + 1) * scoreBias!.maxDistance / all));
    if (all === heads) return slopes;
    return [...slopes.filter((_, i) => i % 2 === 1), ...slopes.filter((_, i) => i % 2 === 0)].slice(0, heads);
  }
  const most = 2 ** Math.floor(Math.log2(heads)),
    geometric = (count: number) => (i: number): number => 2 ** (-8 * i / count);
  const own = Array.from({ length: most }, (_, i) => geometric(most)(i + 1));
  return [...own, ...Array.from({ length: heads - most }, (_, i) => geometric(2 * most)(2 * i + 1))];
}

/** T5's bucket of a distance j - i: one for each near one, then wider and wider, for both directions. */
function bucketOf(distance: number, buckets: number, maxDistance: number): number {
  const half = buckets / 2, exact = Math.floor(half / 2), away = Math.abs(distance), base = distance > 0 ? half : 0;
  if (away < exact) return base + away;
  const far = exact + Math.trunc(Math.log(away / exact) / Math.log(maxDistance / exact) * (half - exact));
  return base + Math.min(half - 1, far);
}
