import {
  checkLayer,
  emptyMatrix,
  foldInto,
  meanFree,
  type Norm,
  refuse,
  residualInto,
  TensorReader,
} from "./fold_tools.ts";
import type { ModelConfig } from "./model_config.ts";
import type { FoldedSource, Matrix } from "./matrices.ts";
import type { WeightSource } from "./weights.ts";

/**
 * Folds a BERT checkpoint into the matrices of the secure forward pass. Its names may lack the prefix `bert.`, and norms
 * may be called gamma and beta.
 *
 * Every LayerNorm becomes n = x * rsqrt(mean(x^2) + epsilon), as for GPT-2, but n itself is what runs between the norms:
 * the residual stream is y = gamma * n + beta, of the norm that made n. So each matrix that reads n has C more columns,
 * the last ones, that give y without its mean, `diag(gamma) P` with the bias `beta P`; a block adds `out`, or `down`, to
 * them and normalises again. The token type's row (always type 0) is part of the positions.
 *
 * @param config The model's public numbers.
 * @param source Its weights.
 * @returns Parts that are read and folded when asked for. They reject with a ModelError that names the tensor if it is
 * missing, has another shape than the config says, or holds a value that is not finite.
 *
 * @example The matrices of a synthetic block
 * ```ts
 * import { foldBert } from "sluice/models/fold.ts";
 * import { namedShape } from "sluice/models/shapes.ts";
 * import { syntheticWeights } from "sluice/models/synthetic.ts";
 * import assert from "node:assert/strict";
 *
 * const config = namedShape("bert-tiny");
 * const layer = await foldBert(config, syntheticWeights(config, "example")).layer(0);
 *
 * assert.deepEqual(layer.qkv.shape, [128, 3 * 128 + 128]);
 * ```
 */
export function foldBert(config: ModelConfig, source: WeightSource): FoldedSource {
  const { hiddenWidth: C, ffnWidth: F, vocabCount: V, maxPositions, layers, classCount } = config;
  const order = "outputs-inputs";
  const read = new TensorReader(source, "bert.");
  const foldLinear = async (
    matrix: Matrix,
    name: string,
    options: { outputs: number; norm?: Norm; column?: number; factor?: number },
  ): Promise<void> => {
    const { outputs, ...rest } = options;
    const stored = await read.body(`${name}.weight`, [outputs, matrix.shape[0]]);
    foldInto(matrix, { stored, order, bias: (await read.body(`${name}.bias`, [outputs])).data, ...rest });
  };
  const lastNorm = (index: number): Promise<Norm> =>
    read.norm(index === 0 ? "embeddings.LayerNorm" : `encoder.layer.${index - 1}.output.LayerNorm`, C);

  return {
    config,
    embed: async () => {
      const { data } = await read.body("embeddings.word_embeddings.weight", [V, C]);
      return meanFree({ shape: [V, C], data: data.slice(), bias: null });
    },
    positions: async () => {
      const { data } = await read.body("embeddings.position_embeddings.weight", [maxPositions, C]);
      const type = (await read.body("embeddings.token_type_embeddings.weight", [null, C])).data.subarray(0, C);
      return meanFree({ shape: [maxPositions, C], data: data.map((value, i) => value + type[i % C]!), bias: null });
    },
    layer: async (index) => {
      checkLayer(index, layers);
      const block = `encoder.layer.${index}`;
      const fromNorm = await lastNorm(index);
      const qkv = emptyMatrix(C, 4 * C, { bias: true });
      const query = { outputs: C, norm: fromNorm, factor: 1 / Math.sqrt(config.headWidth) };
      await foldLinear(qkv, `${block}.attention.self.query`, query);
      await foldLinear(qkv, `${block}.attention.self.key`, { outputs: C, norm: fromNorm, column: C });
      await foldLinear(qkv, `${block}.attention.self.value`, { outputs: C, norm: fromNorm, column: 2 * C });
      residualInto(qkv, { column: 3 * C, norm: fromNorm });

      const out = emptyMatrix(C, C, { bias: true });
      await foldLinear(out, `${block}.attention.output.dense`, { outputs: C });

      const norm = await read.norm(`${block}.attention.output.LayerNorm`, C);
      const gateUp = emptyMatrix(C, F + C, { bias: true });
      await foldLinear(gateUp, `${block}.intermediate.dense`, { outputs: F, norm });
      residualInto(gateUp, { column: F, norm });

      const down = emptyMatrix(F, C, { bias: true });
      await foldLinear(down, `${block}.output.dense`, { outputs: C });
      return { qkv, out: meanFree(out), gateUp, down: meanFree(down) };
    },
    pooler: async () => {
      if (config.head === "hidden") refuse("pooler", config);
      const pooler = emptyMatrix(C, C, { bias: true });
      await foldLinear(pooler, "pooler.dense", { outputs: C, norm: await lastNorm(layers) });
      return pooler;
    },
    head: async () => {
      if (config.head === "pooled") refuse("head", config);
      if (config.head === "hidden") return diagonal(await lastNorm(layers));
      const head = emptyMatrix(C, classCount, { bias: true });
      const stored = await read.root("classifier.weight", [classCount, C]);
      foldInto(head, { stored, order, bias: (await read.root("classifier.bias", [classCount])).data });
      return head;
    },
  };
}

/** The matrix that turns n into y = gamma * n + beta. */
function diagonal({ gamma, beta }: Norm): Matrix {
  const matrix = emptyMatrix(gamma.length, gamma.length, { bias: true });
  for (let i = 0; i < gamma.length; i++) matrix.data[i * gamma.length + i] = gamma[i]!;
  if (beta !== null) matrix.bias!.set(beta);
  return matrix;
}
