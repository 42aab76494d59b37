import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { ModelError } from "../core/errors.ts";
import { type JsonObject, parseJsonObject } from "./fields.ts";
import { OLDER_TOKENIZER_FILES, olderTokenizer } from "./tokenizer_files.ts";
import type { ModelFiles } from "./files.ts";

/** Name of the file that defines a tokenizer. */
export const TOKENIZER_FILE = "tokenizer.json";

/** Name of the optional file beside it. */
export const TOKENIZER_CONFIG_FILE = "tokenizer_config.json";

/** What a text decoder shows for bytes that are not (yet) a character. */
const REPLACEMENT = "\ufffd";

/** Turns text into token ids and back. The text is the client's: it never appears in an error. */
export interface Tokenizer {
  /** Returns a text's token ids, with the special tokens that the tokenizer's post-processor adds. */
  encode(text: string): number[];
  /** Returns the text of token ids, without special tokens and exactly as the tokens spell it. */
  decode(ids: readonly number[]): string;
  /** Makes a decoder for ids that come one at a time. */
  createStreamDecoder(): StreamDecoder;
}

/** Decodes token by token; what it returns, joined, is what `decode` returns for all ids. */
export interface StreamDecoder {
  /** Takes one id and returns the text that is complete now: often a word piece, empty amid a character. */
  push(id: number): string;
  /** Returns what is left at the end: a replacement character if the last character is incomplete. */
  finish(): string;
}

/**
 * Makes a tokenizer from Hugging Face files.
 *
 * @param tokenizerJson Bytes of `tokenizer.json`.
 * @param configJson Bytes of `tokenizer_config.json`, if the model has one.
 * @throws {ModelError} If a file is not JSON or describes a tokenizer that cannot be built.
 */
export function createTokenizer(tokenizerJson: Uint8Array, configJson?: Uint8Array): Tokenizer {
  const json = parseJsonObject(tokenizerJson, TOKENIZER_FILE);
  const config = configJson === undefined ? {} : parseJsonObject(configJson, TOKENIZER_CONFIG_FILE);
  const tokenizer = build(json, config);
  const special = new Set<number>();
  for (const [id, token] of tokenizer.get_added_tokens_decoder()) if (token.special) special.add(id);

  const decode = (ids: readonly number[]): string => {
    for (const id of ids) checkId(tokenizer, id);
    const spoken = ids.filter((id) => !special.has(id));
    // No "clean-up" of spaces: it would make the text differ from what the tokens spell.
    return spoken.length === 0 ? "" : tokenizer.decode(spoken, { clean_up_tokenization_spaces: false });
  };
  return {
    encode: (text) => {
      const ids: (number | undefined)[] = tokenizer.encode(text).ids;
      const unknown = ids.indexOf(undefined);
      if (unknown >= 0) {
        throw new ModelError(
          `Cannot encode text as every piece must be in the vocabulary of ${TOKENIZER_FILE}: ` +
            `received another as token ${unknown}`,
        );
      }
      return ids as number[];
    },
    decode,
    createStreamDecoder: () => createStreamDecoder(decode, special),
  };
}

/**
 * Reads a model folder's tokenizer: `tokenizer.json`, or else what older checkpoints have in its place, BERT's `vocab.txt`
 * (lower case unless `tokenizer_config.json` has `do_lower_case: false`) or GPT-2's `vocab.json` with `merges.txt`.
 *
 * @throws {ModelError} If the folder has none of them (it can still run on token ids), or a file is malformed.
 *
 * @example Text of the demo model's tokens
 * ```ts
 * import { demoModel } from "sluice/assets/demo_model.ts";
 * import { memoryFiles } from "sluice/models/files.ts";
 * import { readTokenizer } from "sluice/models/tokenizer.ts";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = await readTokenizer(memoryFiles(demoModel()));
 *
 * assert.equal(tokenizer.decode(tokenizer.encode("To be, or not to be")), "To be, or not to be");
 * ```
 */
export async function readTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const found = await readTokenizerFiles(files);
  if (found === null) {
    throw new ModelError(
      `Cannot use text as the model folder must hold ${[TOKENIZER_FILE, ...OLDER_TOKENIZER_FILES].join(" or ")}: ` +
        `received none, so give token ids instead`,
    );
  }
  return createTokenizer(found.tokenizerJson, found.configJson);
}

/** What {@linkcode createTokenizer} takes: a tokenizer as bytes, to be sent to who has no model folder. */
export interface TokenizerFiles {
  /** Bytes of `tokenizer.json`. */
  readonly tokenizerJson: Uint8Array;
  /** Bytes of `tokenizer_config.json`, if the model has one. */
  readonly configJson?: Uint8Array;
}

/**
 * Reads a model folder's `tokenizer.json`, or makes its contents from the files of an older checkpoint.
 *
 * @returns Null when the folder has no tokenizer.
 * @throws {ModelError} If a file is malformed.
 */
export async function readTokenizerFiles(files: ModelFiles): Promise<TokenizerFiles | null> {
  const configJson = await files.has(TOKENIZER_CONFIG_FILE) ? await files.read(TOKENIZER_CONFIG_FILE) : undefined;
  const config = configJson === undefined ? {} : { configJson };
  if (await files.has(TOKENIZER_FILE)) return { tokenizerJson: await files.read(TOKENIZER_FILE), ...config };
  const made = await olderTokenizer(
    files,
    configJson === undefined ? {} : parseJsonObject(configJson, TOKENIZER_CONFIG_FILE),
  );
  return made === null ? null : { tokenizerJson: new TextEncoder().encode(JSON.stringify(made)), ...config };
}

function build(json: JsonObject, config: JsonObject): HuggingFaceTokenizer {
  // The library tells "no such step" by null alone; files may leave the field out.
  const steps = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  try {
    return new HuggingFaceTokenizer({ ...steps, ...json }, config);
  } catch (cause) {
    throw new ModelError(`Cannot read ${TOKENIZER_FILE} as it must describe a supported tokenizer: received another`, {
      cause,
    });
  }
}

function checkId(tokenizer: HuggingFaceTokenizer, id: number): void {
  if (!Number.isInteger(id) || id < 0 || tokenizer.id_to_token(id) === undefined) {
    throw new RangeError(
      `Cannot decode token id as it must be in the vocabulary of ${TOKENIZER_FILE}: received another`,
    );
  }
}

/**
 * Decodes a short window of ids at each step. The window keeps the ids of the last complete text before the new ones,
 * because decoders treat the first token of a text differently (some drop its leading space).
 */
function createStreamDecoder(decode: (ids: readonly number[]) => string, special: ReadonlySet<number>): StreamDecoder {
  let ids: number[] = [];
  let contextCount = 0;
  let shown = 0;
  const show = (text: string, stable: number): string => {
    const fresh = text.slice(shown, stable);
    shown = Math.max(shown, stable);
    return fresh;
  };
  return {
    push: (id) => {
      const next = decode([...ids, id]);
      if (special.has(id)) return "";
      ids.push(id);
      // Bytes that do not end a character yet decode to one replacement character, at the end.
      const stable = next.endsWith(REPLACEMENT) ? next.length - 1 : next.length;
      const fresh = show(next, stable);
      if (stable === next.length) {
        ids = ids.slice(contextCount);
        contextCount = ids.length;
        shown = decode(ids).length;
      }
      return fresh;
    },
    finish: () => {
      const text = decode(ids);
      return show(text, text.length);
    },
  };
}
