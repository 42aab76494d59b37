import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { ModelError } from "../core/errors.ts";
import { CHAT_TEMPLATE_FILE, chatTemplate } from "./chat.ts";
import { type CharacterRange, offsetsOf, spellingOf } from "./offsets.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "./fields.ts";
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
  /** Returns the ids of a text, or of a pair of texts, with the types and the places of their tokens. */
  encodeParts(text: string, options?: { pair?: string | undefined; raw?: boolean }): EncodedText;
  /** Renders a conversation with the model's own template; null where it has none. */
  chat: ((messages: readonly ChatMessage[]) => string) | null;
  /** Returns the text of token ids, without special tokens and exactly as the tokens spell it. */
  decode(ids: readonly number[]): string;
  /** Makes a decoder for ids that come one at a time. */
  createStreamDecoder(): StreamDecoder;
}

/** A text, or a pair of texts, as tokens. */
export interface EncodedText {
  /** Token ids, special tokens included. */
  readonly ids: readonly number[];
  /** The type of each token: 1 for those of the second text, where the model tells them apart. */
  readonly types: readonly number[];
  /** Where each token stands: in which text, and which characters of it; null for tokens of neither. */
  readonly places: readonly (TokenPlace | null)[];
  /** Which tokens go on with the word of the one before them. */
  readonly continues: readonly boolean[];
}

/** Where a token stands. */
export interface TokenPlace extends CharacterRange {
  /** The first text or the second. */
  readonly part: 0 | 1;
}

/** One turn of a conversation. */
export interface ChatMessage {
  /** Who speaks: `system`, `user` or `assistant`. */
  readonly role: string;
  /** What is said. */
  readonly content: string;
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
  const tokenizer = build(withClassFields(json, config), config);
  const special = new Set<number>();
  for (const [id, token] of tokenizer.get_added_tokens_decoder()) if (token.special) special.add(id);

  const decode = (ids: readonly number[]): string => {
    for (const id of ids) checkId(tokenizer, id);
    const spoken = ids.filter((id) => !special.has(id));
    // No "clean-up" of spaces: it would make the text differ from what the tokens spell.
    return spoken.length === 0 ? "" : tokenizer.decode(spoken, { clean_up_tokenization_spaces: false });
  };
  const known = (ids: (number | undefined)[]): number[] => {
    const unknown = ids.indexOf(undefined);
    if (unknown >= 0) {
      throw new ModelError(
        `Cannot encode text as every piece must be in the vocabulary of ${TOKENIZER_FILE}: ` +
          `received another as token ${unknown}`,
      );
    }
    return ids as number[];
  };
  const spelling = spellingOf(json),
    bare = (text: string): number[] => known(tokenizer.encode(text, { add_special_tokens: false }).ids);
  const nameOf = (id: number): string => tokenizer.id_to_token(id) ?? "";
  return {
    encode: (text) => known(tokenizer.encode(text).ids),
    encodeParts: (text, { pair, raw = false } = {}) => {
      const encoded = tokenizer.encode(text, {
        ...(pair === undefined ? {} : { text_pair: pair }),
        add_special_tokens: !raw,
        return_token_type_ids: true,
      });
      const ids = known(encoded.ids), places = ids.map((): TokenPlace | null => null);
      let from = 0;
      for (const [part, own] of (pair === undefined ? [text] : [text, pair]).entries()) {
        const tokens = bare(own), begin = placeOf(ids, tokens, from);
        offsetsOf(own, tokens.map(nameOf), spelling).forEach((range, i) => {
          places[begin + i] = { part: part as 0 | 1, ...range };
        });
        from = begin + tokens.length;
      }
      return {
        ids,
        types: encoded.token_type_ids ?? ids.map(() => 0),
        places,
        continues: ids.map((id) => spelling.continues(nameOf(id))),
      };
    },
    chat: chatTemplate(config),
    decode,
    createStreamDecoder: () => createStreamDecoder(decode, special),
  };
}

/** Where the tokens of one text begin among those of all. */
function placeOf(ids: readonly number[], tokens: readonly number[], from: number): number {
  for (let at = from; at + tokens.length <= ids.length; at++) {
    if (tokens.every((id, i) => ids[at + i] === id)) return at;
  }
  throw new ModelError(`Cannot tell where the tokens of a text begin as ${TOKENIZER_FILE} must cut it alike alone`);
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
  const configJson = await withTemplate(files);
  const config = configJson === undefined ? {} : { configJson };
  if (await files.has(TOKENIZER_FILE)) return { tokenizerJson: await files.read(TOKENIZER_FILE), ...config };
  const made = await olderTokenizer(
    files,
    configJson === undefined ? {} : parseJsonObject(configJson, TOKENIZER_CONFIG_FILE),
  );
  return made === null ? null : { tokenizerJson: new TextEncoder().encode(JSON.stringify(made)), ...config };
}

/** Classes of Hugging Face that set BERT's normaliser from the fields of `tokenizer_config.json`. */
const BERT_CLASSES =
  /^(Bert|DistilBert|Electra|MobileBert|RetriBert|LayoutLM|Lxmert|Funnel|MPNet|ConvBert)Tokenizer(Fast)?$/;

/** A tokenizer with what its class reads from `tokenizer_config.json` instead. */
function withClassFields(json: JsonObject, config: JsonObject): JsonObject {
  const normalizer = json["normalizer"],
    fields = [["do_lower_case", "lowercase"], ["strip_accents", "strip_accents"], [
      "tokenize_chinese_chars",
      "handle_chinese_chars",
    ]] as const;
  const isBert = BERT_CLASSES.test(String(config["tokenizer_class"])) && isJsonObject(normalizer) &&
    normalizer["type"] === "BertNormalizer";
  if (!isBert) return json;
  const own = fields.flatMap(([field, name]) => config[field] === undefined ? [] : [[name, config[field]] as const]);
  return { ...json, normalizer: { ...normalizer, ...Object.fromEntries(own) } };
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

/** The bytes of `tokenizer_config.json`, with the chat template that newer folders keep in a file of its own. */
async function withTemplate(files: ModelFiles): Promise<Uint8Array | undefined> {
  const own = await files.has(TOKENIZER_CONFIG_FILE) ? await files.read(TOKENIZER_CONFIG_FILE) : undefined;
  if (!await files.has(CHAT_TEMPLATE_FILE)) return own;
  const config = own === undefined ? {} : parseJsonObject(own, TOKENIZER_CONFIG_FILE);
  const chat_template = new TextDecoder().decode(await files.read(CHAT_TEMPLATE_FILE));
  return new TextEncoder().encode(JSON.stringify({ ...config, chat_template }));
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
