/**
 * What the client asks for: prompts or hidden states, as inputs of the first stage.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import type { Positions } from "../core/protocols/layers/attention.ts";
import { syntheticInput } from "../models/synthetic.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { streamScale } from "../pipeline/forward/model_spec.ts";
import type { Flag, Options } from "./args.ts";
import { bucketOf, hiddenAmong } from "./bucket.ts";
import { readOrExplain } from "./model_folder.ts";
import { type OpenKeys, whyUnserved } from "./session.ts";
import { UsageError } from "./ui.ts";

/** Flags that say what to ask. */
export const ASK_FLAGS: readonly Flag[] = [
  {
    name: "prompt",
    value: "TEXT",
    help:
      "the prompt; party 0 learns its length in tokens alone (others on this machine may see flags: --file hides it)",
  },
  { name: "text", value: "TEXT", help: "the text for a classifier: the same as --prompt" },
  { name: "file", value: "FILE", help: "several prompts or texts, one per line: they run side by side" },
  { name: "prompt-ids", value: "IDS", help: "the prompt as token ids, separated by commas" },
  { name: "input-seed", value: "SEED", help: "hidden states from a seed, for keys of blocks alone" },
  { name: "input-tokens", value: "N", help: "how many of these hidden states are real (default all)" },
  {
    name: "bucket",
    value: "N",
    help: "insist that the keys fill this text up to the next multiple of N tokens (those that hide lengths always do)",
  },
  { name: "generate", value: "M", help: "tokens to generate (default: what the keys were dealt for)" },
];

/** One request of the client. */
export interface Asked {
  /** Prompt tokens, padding included, or null for hidden states. */
  readonly ids: readonly number[] | null;
  /** Public length: padding included. */
  readonly promptTokens: number;
  /** How many of them are real; nobody else learns it. */
  readonly realTokens: number;
  readonly generate: number;
  /** Words mod 2^32 of a chunk: one-hot rows of these tokens, or its hidden states. */
  readonly input: (ids: readonly number[], chunk: Positions) => Uint32Array;
}

/**
 * Reads the client's requests from its flags.
 *
 * @throws {KeyError} If a request needs more than the keys were dealt for.
 */
export async function askedRequests(options: Options, keys: OpenKeys, tokenizer: Tokenizer | null): Promise<Asked[]> {
  const { model, shape } = keys, { vocabCount, hiddenWidth, padTokenId = 0 } = model.config, bucket = bucketOf(options);
  if (model.scope === "blocks") {
    const states = syntheticInput(shape.promptTokens, hiddenWidth, options.required("input-seed"));
    const input: Asked["input"] = (_ids, { from, count }) =>
      Uint32Array.from(
        states.subarray(from * hiddenWidth, (from + count) * hiddenWidth),
        (value) => Math.round(value * 2 ** streamScale(model)),
      );
    const realTokens = options.count("input-tokens", shape.promptTokens, 1),
      promptTokens = hiddenAmong(realTokens, bucket, keys);
    const unserved = whyUnserved(keys, { promptTokens, generate: 0 });
    if (unserved !== null) throw new KeyError(unserved);
    return [{ ids: null, promptTokens, realTokens, generate: 0, input }];
  }
  const prompts = await promptIds(options, tokenizer, vocabCount);
  if (prompts.length > shape.requests) {
    throw new KeyError(
      `Cannot run ${prompts.length} prompts as the keys were dealt for ${shape.requests} request${
        shape.requests === 1 ? "" : "s"
      }`,
    );
  }
  return prompts.map((own) => {
    const realTokens = own.length,
      promptTokens = hiddenAmong(realTokens, bucket, keys),
      ids = [...own, ...new Array<number>(promptTokens - realTokens).fill(padTokenId)],
      generate = model.config.causal ? options.count("generate", Math.max(1, shape.generate), 1) : 0;
    const unserved = whyUnserved(keys, { promptTokens, generate });
    if (unserved !== null) throw new KeyError(unserved);
    return { ids, promptTokens, realTokens, generate, input: (chunk) => oneHotRows(chunk, vocabCount) };
  });
}

function oneHotRows(ids: readonly number[], vocabCount: number): Uint32Array {
  const rows = new Uint32Array(ids.length * vocabCount);
  ids.forEach((id, row) => rows[row * vocabCount + id] = 1);
  return rows;
}

async function promptIds(options: Options, tokenizer: Tokenizer | null, vocabCount: number): Promise<number[][]> {
  const text = options.text("prompt") ?? options.text("text"),
    file = options.text("file"),
    list = options.text("prompt-ids");
  if ([text, file, list].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError("Cannot run without a prompt: give one of --prompt, --file and --prompt-ids");
  }
  if (list !== undefined) {
    const ids = list.split(",").map(Number);
    if (ids.some((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabCount)) {
      throw new UsageError(`Cannot use --prompt-ids as every id must be a whole number below ${vocabCount}`);
    }
    return [ids];
  }
  if (tokenizer === null) {
    throw new ModelError("Cannot encode the prompt as the model has no tokenizer.json: use --prompt-ids");
  }
  const lines = file === undefined
    ? [text!]
    : new TextDecoder().decode(await readOrExplain(file)).split("\n").filter((line) => line !== "");
  if (lines.length === 0) throw new UsageError(`Cannot run ${file} as it has no prompts`);
  return lines.map((line) => {
    const ids = tokenizer.encode(line);
    if (ids.length === 0) throw new UsageError("Cannot run an empty prompt");
    // A tokenizer may know added tokens that the model has no row for.
    if (ids.some((id) => id >= vocabCount)) {
      throw new ModelError(`Cannot run the prompt as every token must be one of the model's ${vocabCount}`);
    }
    return ids;
  });
}
