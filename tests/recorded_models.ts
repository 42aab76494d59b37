/**
 * Small checkpoints whose weights follow from their tensors' names, with what Hugging Face's classes answer for them: see
 * `vectors/models/transformers_answers.py`.
 *
 * @module
 */

import { modelConfigFrom } from "../models/config.ts";
import type { Answer, ModelConfig } from "../models/model_config.ts";
import type { WeightSource } from "../models/weights.ts";

/** One checkpoint and its answer. */
export interface RecordedModel {
  /** Which class with which options. */
  readonly name: string;
  /** Its `config.json`. */
  readonly json: Record<string, unknown>;
  /** Its public numbers. */
  readonly config: ModelConfig;
  /** Its weights. */
  readonly source: WeightSource;
  /** The text. */
  readonly ids: readonly number[];
  /** The types of its tokens. */
  readonly types: readonly number[];
  /** Rows of the answer that were recorded; null for all. */
  readonly rows: readonly number[] | null;
  /** The answer in doubles. */
  readonly output: readonly number[];
}

interface Line extends Omit<RecordedModel, "json" | "config" | "source" | "types"> {
  readonly config: Record<string, unknown>;
  readonly num_labels: number;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly types?: readonly number[];
}

/** All recorded checkpoints. */
export function recordedModels(): RecordedModel[] {
  const text = Deno.readTextFileSync(`${import.meta.dirname}/vectors/models/answers.jsonl`);
  return text.trim().split("\n").map((line) => {
    const { name, config, num_labels, tensors, ids, types = [], rows, output }: Line = JSON.parse(line);
    const json = { ...config, num_labels }, isBody = /(Encoder)?Model$/.test((config["architectures"] as string[])[0]!);
    const answer: Answer | undefined = !isBody || name.startsWith("gpt2")
      ? undefined
      : output.length > 64
      ? "hidden"
      : "pooled";
    return {
      name,
      json,
      config: modelConfigFrom(json, { answer }),
      source: namedWeights(tensors),
      ids,
      types,
      rows: rows ?? null,
      output,
    };
  });
}

/** The recorded rows of an answer. */
export function recordedRows({ rows, config }: RecordedModel, answer: ArrayLike<number>): number[] {
  const width = config.head.outputs;
  return rows === null
    ? Array.from(answer)
    : rows.flatMap((row) => Array.from({ length: width }, (_, i) => answer[row * width + i]!));
}

function namedWeights(shapes: Readonly<Record<string, readonly number[]>>): WeightSource {
  return {
    has: (name) => Object.hasOwn(shapes, name),
    names: () => Object.keys(shapes),
    tensor: (name) => Promise.resolve({ shape: shapes[name]!, data: valuesOf(name, shapes[name]!) }),
  };
}

/** A tensor's values: a hash of its name and of every place; matrices of about unit gain, gains about 1, biases about 0. */
function valuesOf(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  const one = shape.length === 1, gain = one && name.endsWith("weight"), scale = Math.sqrt(3 / shape.at(-1)!);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
    for (const factor of [0x85ebca6b, 0xc2b2ae35]) x = Math.imul(x ^ (x >>> 16), factor) >>> 0;
    const u = ((x ^ (x >>> 15)) >>> 0) / 2 ** 31 - 1;
    return one ? (gain ? 1 + 0.3 * u : 0.2 * u) : u * scale;
  });
}
