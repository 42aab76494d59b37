import { ModelError } from "../core/errors.ts";
import { architectureOf, tensorName } from "./architectures.ts";
import type { ModelConfig } from "./config.ts";
import type { Tensor } from "./safetensors.ts";
import type { WeightSource } from "./weights.ts";

/** A matrix of the secure forward pass: row-major (inputs, outputs), so that y = x @ M for a row x. Secret of party 0. */
export interface Matrix {
  /** Shape (inputs, outputs). */
  readonly shape: readonly [number, number];
  /** Elements, row by row. */
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * One block's matrices, with everything public-linear folded in, so that a norm is only x * rsqrt(mean(x^2) + epsilon)
 * and a score is only q . k.
 */
export interface FoldedLayer {
  /** Shape (C, (H + 2 Hkv) D): query columns times 1/sqrt(D), then key columns, then value columns. */
  readonly qkv: Matrix;
  /** Shape (H D, C). */
  readonly out: Matrix;
  /** Shape (C, 2 F): gate columns, then up columns. */
  readonly gateUp: Matrix;
  /** Shape (F, C). */
  readonly down: Matrix;
}

/** A folded model that is read one part at a time, to keep memory flat. */
export interface FoldedSource {
  /** The model's public numbers. */
  readonly config: ModelConfig;
  /** Token embedding, shape (V, C). */
  embed(): Promise<Matrix>;
  /** One block, by its index from 0. */
  layer(index: number): Promise<FoldedLayer>;
  /** Output head with the last norm's weight, shape (C, V). */
  head(): Promise<Matrix>;
}

/** A folded model in memory. */
export interface FoldedModel {
  /** The model's public numbers. */
  readonly config: ModelConfig;
  /** Token embedding, shape (V, C). */
  readonly embed: Matrix;
  /** Every block, in order. */
  readonly layers: readonly FoldedLayer[];
  /** Output head with the last norm's weight, shape (C, V). */
  readonly head: Matrix;
}

/**
 * Folds a Llama checkpoint into the matrices of the secure forward pass.
 *
 * The checkpoint stores (outputs, inputs) and gives each norm a weight gamma. With W the stored matrix,
 * `M[i][o] = gamma[i] * W[o][i] * s`, where gamma is the weight of the norm that feeds the matrix (1 when none does) and
 * s is 1/sqrt(D) for query columns, 1 for others. Rotary embeddings turn pairs (i, i + D/2) of a head, as the checkpoint
 * has them; they commute with s.
 *
 * @param config The model's public numbers.
 * @param source Its weights.
 * @returns Parts that are read and folded when asked for. They reject with a ModelError that names the tensor if it is
 * missing, has another shape than the config says, or holds a value that is not finite.
 *
 * @example The matrices of a synthetic block
 * ```ts
 * import { foldLlama } from "sluice/models/fold.ts";
 * import { namedShape } from "sluice/models/shapes.ts";
 * import { syntheticWeights } from "sluice/models/synthetic.ts";
 * import assert from "node:assert/strict";
 *
 * const config = namedShape("llama-tiny");
 * const layer = await foldLlama(config, syntheticWeights(config, "example")).layer(0);
 *
 * assert.deepEqual(layer.qkv.shape, [256, (4 + 2 * 2) * 64]);
 * ```
 */
export function foldLlama(config: ModelConfig, source: WeightSource): FoldedSource {
  const { tensors } = architectureOf(config.architecture);
  const { hiddenWidth: C, ffnWidth: F, vocabCount: V } = config;
  const queryWidth = config.heads * config.headWidth;
  const kvWidth = config.kvHeads * config.headWidth;
  const read = (name: string, shape: readonly number[]) => readChecked(source, name, shape);

  return {
    config,
    embed: async () => ({ shape: [V, C], data: (await read(tensors.embed, [V, C])).data }),
    layer: async (index) => {
      if (!Number.isInteger(index) || index < 0 || index >= config.layers) {
        throw new RangeError(`Cannot fold layer as its index must be below ${config.layers}: received ${index}`);
      }
      const name = (template: string) => tensorName(template, index);
      const attentionGamma = (await read(name(tensors.attentionNorm), [C])).data;
      const qkv = emptyMatrix(C, queryWidth + 2 * kvWidth);
      const query = await read(name(tensors.query), [queryWidth, C]);
      foldInto(qkv, query, { column: 0, gamma: attentionGamma, factor: 1 / Math.sqrt(config.headWidth) });
      const key = await read(name(tensors.key), [kvWidth, C]);
      foldInto(qkv, key, { column: queryWidth, gamma: attentionGamma });
      const value = await read(name(tensors.value), [kvWidth, C]);
      foldInto(qkv, value, { column: queryWidth + kvWidth, gamma: attentionGamma });

      const out = emptyMatrix(queryWidth, C);
      foldInto(out, await read(name(tensors.attentionOut), [C, queryWidth]), { column: 0 });

      const ffnGamma = (await read(name(tensors.ffnNorm), [C])).data;
      const gateUp = emptyMatrix(C, 2 * F);
      foldInto(gateUp, await read(name(tensors.gate), [F, C]), { column: 0, gamma: ffnGamma });
      foldInto(gateUp, await read(name(tensors.up), [F, C]), { column: F, gamma: ffnGamma });

      const down = emptyMatrix(F, C);
      foldInto(down, await read(name(tensors.down), [C, F]), { column: 0 });
      return { qkv, out, gateUp, down };
    },
    head: async () => {
      const gamma = (await read(tensors.finalNorm, [C])).data;
      const head = emptyMatrix(C, V);
      foldInto(head, await read(config.tiedEmbeddings ? tensors.embed : tensors.head, [V, C]), { column: 0, gamma });
      return head;
    },
  };
}

/** Reads and folds a whole model into memory. */
export async function collectFolded(source: FoldedSource): Promise<FoldedModel> {
  const layers: FoldedLayer[] = [];
  for (let index = 0; index < source.config.layers; index++) layers.push(await source.layer(index));
  return { config: source.config, embed: await source.embed(), layers, head: await source.head() };
}

async function readChecked(source: WeightSource, name: string, shape: readonly number[]): Promise<Tensor> {
  const tensor = await source.tensor(name);
  if (tensor.shape.length !== shape.length || tensor.shape.some((length, i) => length !== shape[i])) {
    throw new ModelError(
      `Cannot fold tensor ${name} as its shape must be (${shape.join(", ")}): received (${tensor.shape.join(", ")})`,
    );
  }
  // The sum is finite exactly when every term is: 32-bit floats cannot overflow a double.
  let sum = 0;
  for (let i = 0; i < tensor.data.length; i++) sum += tensor.data[i]!;
  if (!Number.isFinite(sum)) {
    throw new ModelError(`Cannot fold tensor ${name} as its elements must be finite: received Infinity or NaN`);
  }
  return tensor;
}

function emptyMatrix(inputs: number, outputs: number): Matrix {
  return { shape: [inputs, outputs], data: new Float32Array(inputs * outputs) };
}

/** Rows and columns of the tiles in which {@linkcode foldInto} transposes: two tiles fit the first-level cache. */
const TILE = 32;

/** Writes `matrix[i][column + o] = gamma[i] * stored[o][i] * factor` for a stored tensor of shape (outputs, inputs). */
function foldInto(
  matrix: Matrix,
  stored: Tensor,
  options: { column: number; gamma?: Float32Array; factor?: number },
): void {
  const { column, gamma, factor = 1 } = options;
  const [outputs, inputs] = stored.shape as readonly [number, number];
  const stride = matrix.shape[1];
  const from = stored.data;
  const to = matrix.data;
  for (let o0 = 0; o0 < outputs; o0 += TILE) {
    const o1 = Math.min(o0 + TILE, outputs);
    for (let i0 = 0; i0 < inputs; i0 += TILE) {
      const i1 = Math.min(i0 + TILE, inputs);
      for (let i = i0; i < i1; i++) {
        const weight = gamma === undefined ? factor : gamma[i]! * factor;
        for (let o = o0; o < o1; o++) to[i * stride + column + o] = weight * from[o * inputs + i]!;
      }
    }
  }
}
