/**
 * Models of every family that are small enough to be dealt and run in milliseconds. Their sizes are no powers of two.
 *
 * @module
 */

import type { ModelConfig } from "../models/model_config.ts";
import { collectFolded, foldModel } from "../models/fold.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { namedShape } from "../models/shapes.ts";
import { encodeSafetensors, type Tensor } from "../models/safetensors.ts";
import { checkpointShapes, syntheticInput, syntheticWeights } from "../models/synthetic.ts";
import type { WeightSource } from "../models/weights.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelScope, ModelSpec } from "../pipeline/forward/model.ts";
import { defaultScales, type Scales } from "../pipeline/forward/scales.ts";

const SIZES = { hiddenWidth: 20, heads: 2, kvHeads: 2, headWidth: 10, ffnWidth: 30, vocabCount: 11, maxPositions: 9 };

const BERT: ModelConfig = { ...namedShape("bert-tiny"), ...SIZES };

/** A Llama of two layers whose query heads share one head of keys and values. */
export const TINY_LLAMA: ModelConfig = { ...namedShape("llama-tiny"), ...SIZES, kvHeads: 1 };

/** One model of each family and head whose norms are LayerNorms, by name. */
export const TINY_MODELS = {
  "GPT-2": { ...namedShape("gpt2", { layers: 2 }), ...SIZES },
  "GPT-2 with the erf form": { ...namedShape("gpt2", { layers: 1 }), ...SIZES, activation: "gelu" },
  "GPT-Neo": { ...namedShape("gpt-neo-1.3b"), ...SIZES, layers: 3, windows: [null, 3, 1] },
  "BERT": BERT,
  "BERT without a pooler": { ...BERT, head: "hidden" },
  "BERT classifier": { ...BERT, architecture: "BertForSequenceClassification", head: "classes", classCount: 3 },
} as const satisfies Record<string, ModelConfig>;

/** Synthetic weights that are large enough for every part to matter, with gammas, betas and biases of their own. */
export function livelyWeights(config: ModelConfig): WeightSource {
  const source = syntheticWeights(config, "float");
  return {
    has: source.has,
    tensor: async (name) => {
      const { shape, data } = await source.tensor(name), noise = syntheticInput(1, data.length, name);
      return { shape, data: data.map((value, i) => value + noise[i]! / 3) };
    },
  };
}

/** A model with these weights, folded. */
export async function livelyModel(config: ModelConfig): Promise<FoldedModel> {
  return await collectFolded(foldModel(config, livelyWeights(config)));
}

/** The files of a tiny BERT classifier whose words are `[PAD]`, `[UNK]` and `w2` to `w10`; it has no `[CLS]`. */
export async function tinyBert(): Promise<Record<string, Uint8Array>> {
  const config = TINY_MODELS["BERT classifier"], source = livelyWeights(config), tensors: Record<string, Tensor> = {};
  for (const name of checkpointShapes(config).keys()) tensors[name] = await source.tensor(name);
  const words = Array.from({ length: config.vocabCount }, (_, id) => ["[PAD]", "[UNK]"][id] ?? `w${id}`);
  const files = {
    "config.json": {
      architectures: [config.architecture],
      num_hidden_layers: config.layers,
      hidden_size: config.hiddenWidth,
      num_attention_heads: config.heads,
      intermediate_size: config.ffnWidth,
      vocab_size: config.vocabCount,
      max_position_embeddings: config.maxPositions,
      id2label: { 0: "low", 1: "middle", 2: "high" },
    },
    "tokenizer.json": {
      model: {
        type: "WordPiece",
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
        unk_token: "[UNK]",
      },
      pre_tokenizer: { type: "WhitespaceSplit" },
    },
  };
  const encode = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));
  return {
    "config.json": encode(files["config.json"]),
    "tokenizer.json": encode(files["tokenizer.json"]),
    "model.safetensors": encodeSafetensors(tensors),
  };
}

/** Writes {@linkcode tinyBert} into a folder. */
export async function writeTinyBert(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(await tinyBert())) await Deno.writeFile(`${folder}/${name}`, bytes);
}

/** The spec of a model at its default scales, or others. */
export function specOf(
  config: ModelConfig,
  maxPositions: number,
  { scope = "model", scales = defaultScales(config), rounding = "nearest" }: {
    scope?: ModelScope;
    scales?: Scales;
    rounding?: Rounding;
  } = {},
): ModelSpec {
  return { scope, config, scales, maxPositions, rounding };
}
