import { ModelError } from "../core/errors.ts";
import type { Fields } from "./_fields.ts";
import type { ModelConfig } from "./config.ts";
import { parseLlamaConfig } from "./llama.ts";

/**
 * Where a family's checkpoint keeps each tensor: Hugging Face names with `{l}` for the layer's index. The shapes beside
 * them are the checkpoint's own (outputs, inputs).
 */
export interface TensorNames {
  /** Token embedding, shape (V, C). */
  readonly embed: string;
  /** Weight of the norm before the attention, shape (C,). */
  readonly attentionNorm: string;
  /** Query projection, shape (H*D, C). */
  readonly query: string;
  /** Key projection, shape (Hkv*D, C). */
  readonly key: string;
  /** Value projection, shape (Hkv*D, C). */
  readonly value: string;
  /** Attention output projection, shape (C, H*D). */
  readonly attentionOut: string;
  /** Weight of the norm before the feed-forward block, shape (C,). */
  readonly ffnNorm: string;
  /** Gate projection, shape (F, C). */
  readonly gate: string;
  /** Up projection, shape (F, C). */
  readonly up: string;
  /** Down projection, shape (C, F). */
  readonly down: string;
  /** Weight of the last norm, shape (C,). */
  readonly finalNorm: string;
  /** Output head, shape (V, C); absent from the file when it is tied to the embedding. */
  readonly head: string;
}

/** One architecture, as data. */
export interface Architecture {
  /** Which forward pass runs it. */
  readonly family: "llama";
  /** `rms`: x * rsqrt(mean(x^2) + epsilon) * gamma, before each block. */
  readonly norm: "rms";
  /** The feed-forward block's non-linearity. */
  readonly activation: "silu";
  /** Names of the checkpoint's tensors. */
  readonly tensors: TensorNames;
  /** Reads the fields of `config.json`. */
  readonly parse: (fields: Fields, architecture: string) => ModelConfig;
}

/**
 * Every architecture that can run, by the class name that Hugging Face writes into `config.json`.
 *
 * A new architecture (GPT2LMHeadModel, GPTNeoForCausalLM, BertForSequenceClassification) is one entry here, one file
 * like `llama.ts` for its config, and, where its matrices fold differently, one file like `fold.ts`.
 */
const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ["LlamaForCausalLM", {
    family: "llama",
    norm: "rms",
    activation: "silu",
    tensors: {
      embed: "model.embed_tokens.weight",
      attentionNorm: "model.layers.{l}.input_layernorm.weight",
      query: "model.layers.{l}.self_attn.q_proj.weight",
      key: "model.layers.{l}.self_attn.k_proj.weight",
      value: "model.layers.{l}.self_attn.v_proj.weight",
      attentionOut: "model.layers.{l}.self_attn.o_proj.weight",
      ffnNorm: "model.layers.{l}.post_attention_layernorm.weight",
      gate: "model.layers.{l}.mlp.gate_proj.weight",
      up: "model.layers.{l}.mlp.up_proj.weight",
      down: "model.layers.{l}.mlp.down_proj.weight",
      finalNorm: "model.norm.weight",
      head: "lm_head.weight",
    },
    parse: parseLlamaConfig,
  }],
]);

/** Lists the names of all known architectures. */
export function knownArchitectures(): string[] {
  return [...ARCHITECTURES.keys()];
}

/**
 * Returns the architecture of that name.
 *
 * @throws {ModelError} If the name is unknown; the message lists the known ones.
 */
export function architectureOf(name: string): Architecture {
  const architecture = ARCHITECTURES.get(name);
  if (architecture === undefined) {
    throw new ModelError(
      `Cannot load model as its architecture must be one of ${knownArchitectures().join(", ")}: received ${name}`,
    );
  }
  return architecture;
}

/** Fills the layer's index into a tensor name. */
export function tensorName(template: string, layer: number): string {
  return template.replace("{l}", String(layer));
}
