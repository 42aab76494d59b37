/**
 * Where a model's norms stand, in the order of the forward pass.
 *
 * @module
 */

import { normalisesEmbedding, normalisesParts, readsStream } from "../../models/matrices.ts";
import type { ModelConfig } from "../../models/model_config.ts";

/**
 * What a norm is for: the embedding, or the last block's stream (`norm`); what attention and the feed-forward layer read (`norm1`, `norm2`), or what their sums become
 * (`norm2`, `norm3`); queries and keys; what a part gives; what a dense layer of the head gives.
 */
export type NormName = "norm" | "norm1" | "norm2" | "norm3" | "query" | "key" | "part1" | "part2" | "head";

/** One norm. */
export interface NormPlace {
  /** Its layer; null for one before or after them. */
  readonly layer: number | null;
  /** What it is for. */
  readonly name: NormName;
  /** Values that it divides by the root of their mean square. */
  readonly width: number;
  /** What it reads: the residual stream, what becomes part of it, or values at the activations' scale. */
  readonly reads: "stream" | "part" | "activation";
}

/** Every norm of a model, in order. */
export function normPlaces(config: ModelConfig): NormPlace[] {
  const { hiddenWidth: C, embeddingWidth, heads, kvHeads, headWidth: D, normPlacement, queryNorm, head } = config;
  const places: NormPlace[] = [],
    post = normPlacement === "post",
    before = normPlacement === "pre" || normPlacement === "sandwich";
  const add = (layer: number | null, name: NormName, reads: NormPlace["reads"], width = C): void => {
    places.push({ layer, name, width, reads });
  };
  if (normalisesEmbedding(config)) add(null, "norm", "stream", embeddingWidth);
  for (let layer = 0; layer < config.layers; layer++) {
    if (before && !readsStream(config, layer)) add(layer, "norm1", "stream");
    if (queryNorm !== "none") {
      const all = queryNorm === "all";
      add(layer, "query", "activation", all ? heads * D : D);
      add(layer, "key", "activation", all ? kvHeads * D : D);
    }
    if (normalisesParts(config)) add(layer, "part1", "part");
    if (post || before && config.branches !== "shared") add(layer, "norm2", "stream");
    if (normalisesParts(config)) add(layer, "part2", "part");
    if (post) add(layer, "norm3", "stream");
  }
  if (!post) add(null, "norm", "stream");
  if (head.norm) add(null, "head", "activation");
  return places;
}

/** Number of a norm in the order of {@linkcode normPlaces}. */
export function normNumber(config: ModelConfig, name: NormName, layer: number | null = null): number {
  const index = normPlaces(config).findIndex((place) => place.name === name && place.layer === layer);
  if (index < 0) throw new Error(`Internal error: no norm ${name} in layer ${layer}`);
  return index;
}
