/**
 * Choosing the next token from revealed logits: the client's own affair, which costs no protocol.
 *
 * @module
 */

import type { Sampling } from "../models/model_config.ts";
import { argmax } from "../pipeline/forward/oracle.ts";
import { softmax } from "./answers.ts";

/** What a choice depends on beside the logits. */
export interface SamplingContext {
  /** Tokens that were there before, of the prompt too. */
  readonly before: readonly number[];
  /** A number from 0 to below 1. */
  readonly random: () => number;
}

/**
 * The next token: the best one where nothing is sampled, else one of those that top-k, top-p and min-p leave, by its chance.
 *
 * In the order of Hugging Face's generation: repetition penalty, temperature, top-k, top-p, min-p.
 *
 * @param logits In real units.
 */
export function nextToken(
  logits: ArrayLike<number>,
  sampling: Sampling | null,
  { before, random }: SamplingContext,
): number {
  if (sampling === null) return argmax(logits);
  const { temperature, topK, topP, minP, repetitionPenalty } = sampling, own = Float64Array.from(logits);
  for (const id of new Set(before)) own[id]! *= own[id]! > 0 ? 1 / repetitionPenalty : repetitionPenalty;
  const order = Array.from(own, (_, id) => id).sort((a, b) => own[b]! - own[a]! || a - b);
  const kept = topK > 0 ? order.slice(0, topK) : order;
  const chances = softmax(kept.map((id) => own[id]! / temperature));
  let count = chances.length;
  if (topP < 1) {
    let sum = 0;
    // The token with which the chance is reached is left too.
    count = chances.findIndex((chance) => (sum += chance) >= topP) + 1 || chances.length;
  }
  while (count > 1 && chances[count - 1]! < minP * chances[0]!) count--;
  const total = chances.slice(0, count).reduce((a, b) => a + b);
  let rest = random() * total;
  for (let i = 0; i < count; i++) {
    rest -= chances[i]!;
    if (rest < 0) return kept[i]!;
  }
  return kept[count - 1]!;
}

/** Random numbers that a seed repeats (mulberry32), or ones that nobody can. */
export function randomOf(seed: number | undefined): () => number {
  if (seed === undefined) return () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32;
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
