import { ModelError } from "../core/errors.ts";
import type { Fields } from "./fields.ts";
import { bertTensors, parseBertConfig } from "./bert.ts";
import type { ModelConfig, TensorSpec } from "./model_config.ts";
import { gpt2Tensors, parseGpt2Config } from "./gpt2.ts";
import { gptNeoTensors, parseGptNeoConfig } from "./gpt_neo.ts";
import { llamaTensors, parseLlamaConfig } from "./llama.ts";

/** One architecture, as data. */
export interface Architecture {
  /** Reads the fields of `config.json`. */
  readonly parse: (fields: Fields, architecture: string) => ModelConfig;
  /** Lists the tensors that a checkpoint of that config holds. */
  readonly tensors: (config: ModelConfig) => TensorSpec[];
}

const BERT: Architecture = { parse: parseBertConfig, tensors: bertTensors };

/**
 * Every architecture that can run, by the class name that Hugging Face writes into `config.json`.
 *
 * A new architecture is one entry here, one file like `llama.ts` for its config and tensors, and, where its matrices fold
 * differently, one file like `fold_llama.ts`.
 */
const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ["LlamaForCausalLM", { parse: parseLlamaConfig, tensors: llamaTensors }],
  ["GPT2LMHeadModel", { parse: parseGpt2Config, tensors: gpt2Tensors }],
  ["GPTNeoForCausalLM", { parse: parseGptNeoConfig, tensors: gptNeoTensors }],
  ["BertForSequenceClassification", BERT],
  ["BertModel", BERT],
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
