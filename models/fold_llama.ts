import { checkLayer, emptyMatrix, foldInto, type Norm, readChecked, refuse } from "./fold_tools.ts";
import type { ModelConfig } from "./model_config.ts";
import type { FoldedSource } from "./matrices.ts";
import type { WeightSource } from "./weights.ts";

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
  const { hiddenWidth: C, ffnWidth: F, vocabCount: V } = config;
  const queryWidth = config.heads * config.headWidth;
  const kvWidth = config.kvHeads * config.headWidth;
  const order = "outputs-inputs";
  const read = (name: string, shape: readonly number[]) => readChecked(source, `${name}.weight`, shape);
  const readNorm = async (name: string): Promise<Norm> => ({ gamma: (await read(name, [C])).data, beta: null });
  const embedding = () => read("model.embed_tokens", [V, C]);

  return {
    config,
    embed: async () => ({ shape: [V, C], data: (await embedding()).data, bias: null }),
    positions: () => Promise.resolve(null),
    layer: async (index) => {
      checkLayer(index, config.layers);
      const block = `model.layers.${index}`;
      const fromNorm = await readNorm(`${block}.input_layernorm`);
      const qkv = emptyMatrix(C, queryWidth + 2 * kvWidth);
      const query = await read(`${block}.self_attn.q_proj`, [queryWidth, C]);
      foldInto(qkv, { stored: query, order, norm: fromNorm, factor: 1 / Math.sqrt(config.headWidth) });
      const key = await read(`${block}.self_attn.k_proj`, [kvWidth, C]);
      foldInto(qkv, { stored: key, order, norm: fromNorm, column: queryWidth });
      const value = await read(`${block}.self_attn.v_proj`, [kvWidth, C]);
      foldInto(qkv, { stored: value, order, norm: fromNorm, column: queryWidth + kvWidth });

      const out = emptyMatrix(queryWidth, C);
      foldInto(out, { stored: await read(`${block}.self_attn.o_proj`, [C, queryWidth]), order });

      const norm = await readNorm(`${block}.post_attention_layernorm`);
      const gateUp = emptyMatrix(C, 2 * F);
      foldInto(gateUp, { stored: await read(`${block}.mlp.gate_proj`, [F, C]), order, norm });
      foldInto(gateUp, { stored: await read(`${block}.mlp.up_proj`, [F, C]), order, norm, column: F });

      const down = emptyMatrix(F, C);
      foldInto(down, { stored: await read(`${block}.mlp.down_proj`, [C, F]), order });
      return { qkv, out, gateUp, down };
    },
    pooler: () => Promise.try(() => refuse("pooler", config)),
    head: async () => {
      const norm = await readNorm("model.norm");
      const head = emptyMatrix(C, V);
      foldInto(head, {
        stored: config.tiedEmbeddings ? await embedding() : await read("lm_head", [V, C]),
        order,
        norm,
      });
      return head;
    },
  };
}
