/**
 * A published BERT-tiny, fine-tuned on SST-2, without its embeddings, and one sentence as the embedding LayerNorm gave it
 * (see the README of the shared data). A block reads n, where that output is y = gamma * n + beta; with the embedding's
 * gamma and beta unknown, the checkpoint gets 1 and 0 for them, so that n = y and the fold stays exact.
 */
import { modelConfigFrom } from "../models/config.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { foldModel } from "../models/fold.ts";
import { memoryFiles } from "../models/files.ts";
import { openWeights, WEIGHTS_FILE, type WeightSource } from "../models/weights.ts";

/** The model and what to feed it. */
export interface BertTinySst2 {
  /** Folded; its word and position embeddings are zeros. */
  readonly model: FoldedModel;
  /** What enters the first block, 21 rows of shape (C,): "[CLS] Nuovo Cinema Paradiso ... culture. [SEP]". */
  readonly rows: readonly Float64Array[];
  /** The logits (negative, positive) that the publishers recorded, with `recordedRsqrt` in the place of each rsqrt. */
  readonly recordedLogits: readonly number[];
  /** A constant for each norm (two per block) and position. */
  readonly recordedRsqrt: readonly (readonly number[])[];
}

const CONFIG = {
  architectures: ["BertForSequenceClassification"],
  hidden_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 512,
  vocab_size: 30522,
  max_position_embeddings: 512,
  hidden_act: "gelu",
  layer_norm_eps: 1e-12,
  id2label: { 0: "NEGATIVE", 1: "POSITIVE" },
};
const C = CONFIG.hidden_size;

/** Reads the folder `data/bert-tiny-sst2`. */
export async function readBertTinySst2(folder: string): Promise<BertTinySst2> {
  const encoder = await Deno.readFile(`${folder}/derived_encoder.safetensors`);
  const source = withIdentityNorm(await openWeights(memoryFiles({ [WEIGHTS_FILE]: encoder })));
  const folded = foldModel(modelConfigFrom(CONFIG), source);
  const layers = await Promise.all([folded.layer(0), folded.layer(1)]);
  const none = (rows: number) => ({ shape: [rows, C] as const, data: new Float32Array(rows * C), bias: null });
  const sentence = `${folder}/embedded-sentences/nuovo-cinema-paradiso`;
  const rows = await Promise.all(Array.from({ length: 21 }, async (_, position) => {
    const text = await Deno.readTextFile(`${sentence}/input_${position}.txt`);
    return Float64Array.from(text.trim().split(/\s+/), Number);
  }));
  const recorded = JSON.parse(await Deno.readTextFile(`${folder}/recorded.json`));
  return {
    model: {
      config: folded.config,
      embed: none(CONFIG.vocab_size + 1),
      positions: none(CONFIG.max_position_embeddings),
      layers,
      scoreBias: null,
      ...await folded.head(),
    },
    rows,
    recordedLogits: recorded.recorded_logits_nuovo_cinema_paradiso_precomputedLN,
    recordedRsqrt: ["0.selfoutput", "0.output", "1.selfoutput", "1.output"].map((norm) => recorded.var[norm]),
  };
}

function withIdentityNorm(source: WeightSource): WeightSource {
  const values = new Map([["bert.embeddings.LayerNorm.weight", 1], ["bert.embeddings.LayerNorm.bias", 0]]);
  return {
    has: (name) => values.has(name) || source.has(name),
    names: () => [...values.keys(), ...source.names()],
    tensor: (name) => {
      const value = values.get(name);
      if (value === undefined) return source.tensor(name);
      return Promise.resolve({ shape: [C], data: new Float32Array(C).fill(value) });
    },
  };
}
