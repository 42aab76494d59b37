import { type Fields, geluOf, headsOf } from "./fields.ts";
import type { TensorSpec } from "./model_config.ts";
import type { ModelConfig } from "./model_config.ts";

/** What every BERT has in common. */
export const BERT_FORWARD = {
  family: "bert",
  norm: "layer",
  normPlacement: "post",
  positions: "learned",
  causal: false,
  gated: false,
  ropeTheta: 0,
  tiedEmbeddings: false,
  padTokenId: 0,
  stopTokenIds: [],
} as const satisfies Partial<ModelConfig>;

/**
 * Reads a BERT `config.json`, of a classifier or of the bare encoder. Absent optional fields take the defaults of the
 * Hugging Face class; `add_pooling_layer: false` says that a bare encoder has no pooler.
 *
 * @throws {ModelError} If a field is missing or ill-typed, the numbers do not fit one another, or a feature is set that
 * the secure forward pass does not have (a decoder, cross attention, relative positions, another activation).
 */
export function parseBertConfig(fields: Fields, architecture: string): ModelConfig {
  fields.only("position_embedding_type", ["absolute"]);
  fields.only("is_decoder", [false]);
  fields.only("add_cross_attention", [false]);

  const layers = fields.integer("num_hidden_layers"), vocabCount = fields.integer("vocab_size");
  const padTokenId = fields.integer("pad_token_id", { min: 0, fallback: BERT_FORWARD.padTokenId });
  if (padTokenId >= vocabCount) {
    throw fields.error("pad_token_id", `must be a token id from 0 to ${vocabCount - 1}`, padTokenId);
  }
  const { hiddenWidth, heads, headWidth } = headsOf(fields, { heads: "num_attention_heads", width: "hidden_size" });
  const labels = architecture === "BertForSequenceClassification" ? labelsOf(fields) : [];
  const pooled = labels.length > 0 || fields.flag("add_pooling_layer", true);
  return {
    ...BERT_FORWARD,
    architecture,
    windows: new Array(layers).fill(null),
    activation: geluOf(fields, "hidden_act", "gelu"),
    head: labels.length > 0 ? "classes" : pooled ? "pooled" : "hidden",
    classCount: labels.length,
    labels,
    layers,
    hiddenWidth,
    heads,
    kvHeads: heads,
    headWidth,
    ffnWidth: fields.integer("intermediate_size"),
    vocabCount,
    padTokenId,
    maxPositions: fields.integer("max_position_embeddings"),
    normEps: fields.positive("layer_norm_eps", 1e-12),
  };
}

/** Returns the classes' names from `id2label`, or `LABEL_0` and so on for `num_labels` of them (2 unless told). */
function labelsOf(fields: Fields): string[] {
  const named = fields.object("id2label");
  if (named === undefined) {
    return Array.from({ length: fields.integer("num_labels", { fallback: 2 }) }, (_, id) => `LABEL_${id}`);
  }
  const labels: string[] = [];
  for (let label = named.raw("0"); label !== undefined; label = named.raw(String(labels.length))) {
    if (typeof label !== "string") throw named.error(String(labels.length), "must be a name", label);
    labels.push(label);
  }
  if (labels.length === 0) throw fields.error("id2label", "must name class 0", undefined);
  return labels;
}

/** Lists a BERT checkpoint's tensors: matrices of shape (outputs, inputs), each with a bias. */
export function bertTensors(config: ModelConfig): TensorSpec[] {
  const { hiddenWidth: C, ffnWidth: F, head } = config;
  const specs: TensorSpec[] = [];
  const add = (name: string, shape: readonly number[], initial: TensorSpec["initial"]): void => {
    specs.push({ name: `${name}.weight`, shape, initial }, {
      name: `${name}.bias`,
      shape: [shape[0]!],
      initial: "zero",
    });
  };
  // A bare encoder's class is its own root, so its names have no prefix.
  const root = head === "classes" ? "bert." : "";
  const rows = { word: config.vocabCount, position: config.maxPositions, token_type: BERT_TOKEN_TYPES };
  for (const [kind, count] of Object.entries(rows)) {
    specs.push({ name: `${root}embeddings.${kind}_embeddings.weight`, shape: [count, C], initial: "normal" });
  }
  add(`${root}embeddings.LayerNorm`, [C], "one");
  for (let layer = 0; layer < config.layers; layer++) {
    const block = `${root}encoder.layer.${layer}.`;
    for (const part of ["query", "key", "value"]) add(`${block}attention.self.${part}`, [C, C], "normal");
    add(`${block}attention.output.dense`, [C, C], "residual");
    add(`${block}attention.output.LayerNorm`, [C], "one");
    add(`${block}intermediate.dense`, [F, C], "normal");
    add(`${block}output.dense`, [C, F], "residual");
    add(`${block}output.LayerNorm`, [C], "one");
  }
  if (head !== "hidden") add(`${root}pooler.dense`, [C, C], "normal");
  if (head === "classes") add("classifier", [config.classCount, C], "normal");
  return specs;
}

/** Count of token types in checkpoints that are made here; only the first type's row is ever read. */
const BERT_TOKEN_TYPES = 2;
