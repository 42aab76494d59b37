/**
 * From folded float matrices to the integers of the secure forward pass, and their masks.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { ModelError } from "../core/errors.ts";
import { expandChacha8 } from "../core/prg/chacha8.ts";
import { address, PURPOSE, type Seed } from "../core/prg/seed.ts";
import type { FoldedSource, Matrix } from "../models/fold.ts";
import { type ModelSpec, weightRefs } from "./forward.ts";

/** One integer matrix, row-major (inputs × outputs). Secret of party 0. */
export interface IntegerMatrix {
  /** Name of the matrix. */
  readonly name: string;
  /** Rows. */
  readonly inputs: number;
  /** Columns. */
  readonly outputs: number;
  /** Integers at the scale of the plan. */
  readonly data: Int32Array;
}

function quantise(name: string, matrix: Matrix, scale: number): IntegerMatrix {
  const one = 2 ** scale, data = new Int32Array(matrix.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = Math.round(matrix.data[i]! * one);
    if (!(Math.abs(value) < 2 ** 30)) {
      throw new ModelError(
        `Cannot represent the matrix ${name} as its entries must stay below 2^30 at ${scale} fractional bits`,
      );
    }
    data[i] = value;
  }
  return { name, inputs: matrix.shape[0], outputs: matrix.shape[1], data };
}

/** The integers of every matrix in the order of the forward pass, one layer in memory at a time. */
export async function* integerWeights(
  model: Pick<ModelSpec, "scope" | "config" | "scales">,
  source: FoldedSource,
): AsyncGenerator<IntegerMatrix> {
  const { scope, config, scales } = model;
  if (scope === "model") yield quantise("embed", await source.embed(), scales.residual);
  for (let layer = 0; layer < config.layers; layer++) {
    const folded = await source.layer(layer);
    for (const part of ["qkv", "out", "gateUp", "down"] as const) {
      yield quantise(`layers.${layer}.${part}`, folded[part], scales.weight);
    }
  }
  if (scope === "model") yield quantise("head", await source.head(), scales.weight);
}

/** Salted digest of the integers of a model, in order: names, shapes and values. */
export class WeightsDigest {
  readonly #hash = createHash("sha256");
  /** @param salt Random bytes that party 0 keeps: without them nobody can test a guess of the weights against the digest. */
  constructor(salt: Uint8Array) {
    this.#hash.update(salt);
  }
  /** Adds the next matrix. */
  add(matrix: IntegerMatrix): void {
    this.#hash.update(`${matrix.name} ${matrix.inputs} ${matrix.outputs}\n`);
    this.#hash.update(new Uint8Array(matrix.data.buffer, matrix.data.byteOffset, matrix.data.byteLength));
  }
  /** The digest; nothing can be added afterwards. */
  /** The digest of what was added so far. */
  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}

/**
 * The client's masked matrix Ŵ: the keystream of its seed, uniform in 2^32. The dealer holds R_w = Ŵ - W and never the seed.
 *
 * @param index Place of the matrix in {@linkcode weightRefs}.
 */
export function maskedMatrix(seed: Seed, index: number, count: number): Uint32Array {
  const words = new Uint32Array(count);
  expandChacha8(
    seed.expose(),
    address({ purpose: PURPOSE.weights, request: 0, position: index, layer: 0 }),
    new Uint8Array(words.buffer),
  );
  return words;
}

/** R_w = Ŵ - W mod 2^32. */
export function maskOf(seed: Seed, index: number, matrix: IntegerMatrix): Uint32Array {
  const mask = maskedMatrix(seed, index, matrix.data.length);
  for (let i = 0; i < mask.length; i++) mask[i] = mask[i]! - matrix.data[i]!;
  return mask;
}

/** Count of all integers of a model. */
export function weightCount(model: Pick<ModelSpec, "scope" | "config">): number {
  return weightRefs(model).reduce((sum, ref) => sum + ref.inputs * ref.outputs, 0);
}
