import {
  checkLayer,
  emptyMatrix,
  foldInto,
  meanFree,
  type Norm,
  refuse,
  scaleColumns,
  TensorReader,
} from "./fold_tools.ts";
import type { ModelConfig } from "./model_config.ts";
import type { FoldedSource, Matrix } from "./matrices.ts";
import type { WeightSource } from "./weights.ts";

/** Where a family keeps a block's matrices, and how. */
interface GptBlock {
  /** Folds query, key and value, which read the first norm. */
  qkv(read: TensorReader, block: string, norm: Norm): Promise<Matrix>;
  /** Name of the attention's output projection. */
  readonly out: string;
  /** Order in which matrices are stored. */
  readonly order: "outputs-inputs" | "inputs-outputs";
}

/**
 * Folds a GPT-2 checkpoint into the matrices of the secure forward pass. Its names may lack the prefix `transformer.`.
 *
 * Every LayerNorm becomes x * rsqrt(mean(x^2) + epsilon). With P = I - 11^T/C, its subtraction of the mean goes into all
 * that is added to the residual stream (embedding and position rows, W P and b P of the matrices `out` and `down`); its
 * gamma and beta into what reads the normalised value: `diag(gamma) W` with the bias `b + beta W`. Query columns, biases
 * included, are times 1/sqrt(D). The checkpoint stores a block's matrices as (inputs, outputs), query, key and value as one.
 *
 * @param config The model's public numbers.
 * @param source Its weights.
 * @returns Parts that are read and folded when asked for. They reject with a ModelError that names the tensor if it is
 * missing, has another shape than the config says, or holds a value that is not finite.
 */
export function foldGpt2(config: ModelConfig, source: WeightSource): FoldedSource {
  const { hiddenWidth: C } = config;
  const order = "inputs-outputs";
  return foldGpt(config, source, {
    order,
    out: "attn.c_proj",
    qkv: async (read, block, norm) => {
      const qkv = emptyMatrix(C, 3 * C, { bias: true });
      const stored = await read.body(`${block}.attn.c_attn.weight`, [C, 3 * C]);
      const bias = (await read.body(`${block}.attn.c_attn.bias`, [3 * C])).data;
      foldInto(qkv, { stored, order, bias, norm });
      scaleColumns(qkv, { end: C, factor: 1 / Math.sqrt(config.headWidth) });
      return qkv;
    },
  });
}

/**
 * Folds a GPT-Neo checkpoint as {@linkcode foldGpt2} does; its matrices are stored as (outputs, inputs), query, key and
 * value apart and without biases, and its scores are not divided by sqrt(D).
 *
 * @param config The model's public numbers.
 * @param source Its weights.
 * @returns As {@linkcode foldGpt2}.
 */
export function foldGptNeo(config: ModelConfig, source: WeightSource): FoldedSource {
  const { hiddenWidth: C } = config;
  const order = "outputs-inputs";
  return foldGpt(config, source, {
    order,
    out: "attn.attention.out_proj",
    qkv: async (read, block, norm) => {
      const qkv = emptyMatrix(C, 3 * C, { bias: true });
      for (const [i, part] of ["q", "k", "v"].entries()) {
        const stored = await read.body(`${block}.attn.attention.${part}_proj.weight`, [C, C]);
        foldInto(qkv, { stored, order, norm, column: i * C });
      }
      return qkv;
    },
  });
}

function foldGpt(config: ModelConfig, source: WeightSource, names: GptBlock): FoldedSource {
  const { hiddenWidth: C, ffnWidth: F, vocabCount: V, maxPositions } = config;
  const read = new TensorReader(source, "transformer.");
  const embedding = () => read.body("wte.weight", [V, C]);
  const linear = async (name: string, size: { inputs: number; outputs: number }, norm?: Norm): Promise<Matrix> => {
    const { inputs, outputs } = size, { order } = names;
    const matrix = emptyMatrix(inputs, outputs, { bias: true });
    const stored = await read.body(
      `${name}.weight`,
      order === "inputs-outputs" ? [inputs, outputs] : [outputs, inputs],
    );
    const bias = (await read.body(`${name}.bias`, [outputs])).data;
    foldInto(matrix, norm === undefined ? { stored, order, bias } : { stored, order, bias, norm });
    return matrix;
  };

  return {
    config,
    embed: async () => meanFree({ shape: [V, C], data: (await embedding()).data.slice(), bias: null }),
    positions: async () => {
      const { data } = await read.body("wpe.weight", [maxPositions, C]);
      return meanFree({ shape: [maxPositions, C], data: data.slice(), bias: null });
    },
    layer: async (index) => {
      checkLayer(index, config.layers);
      const block = `h.${index}`;
      const qkv = await names.qkv(read, block, await read.norm(`${block}.ln_1`, C));
      const out = meanFree(await linear(`${block}.${names.out}`, { inputs: C, outputs: C }));
      const norm = await read.norm(`${block}.ln_2`, C);
      const gateUp = await linear(`${block}.mlp.c_fc`, { inputs: C, outputs: F }, norm);
      const down = meanFree(await linear(`${block}.mlp.c_proj`, { inputs: F, outputs: C }));
      return { qkv, out, gateUp, down };
    },
    pooler: () => Promise.try(() => refuse("pooler", config)),
    head: async () => {
      const norm = await read.norm("ln_f", C);
      const head = emptyMatrix(C, V, { bias: true });
      const stored = config.tiedEmbeddings ? await embedding() : await read.root("lm_head.weight", [V, C]);
      foldInto(head, { stored, order: "outputs-inputs", norm });
      return head;
    },
  };
}
