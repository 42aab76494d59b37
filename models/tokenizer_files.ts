import { describe, isJsonObject, type JsonObject, parseJsonObject } from "./fields.ts";
import type { ModelFiles } from "./files.ts";
import { ModelError } from "../core/errors.ts";

/** Vocabulary of a WordPiece tokenizer: one token per line, the line's index its id. */
const WORD_PIECE_FILE = "vocab.txt";

/** Vocabulary and merges of a byte-level BPE tokenizer, under Hugging Face's names and OpenAI's. */
const BYTE_LEVEL_FILES = [["vocab.json", "merges.txt"], ["encoder.json", "vocab.bpe"]] as const;

/** Names of the files that can stand in for `tokenizer.json`, for messages. */
export const OLDER_TOKENIZER_FILES = [WORD_PIECE_FILE, ...BYTE_LEVEL_FILES.map((pair) => pair.join(" with "))];

/** Classes whose older files say all that their tokenizers do, by the file that they have. */
const KNOWN_CLASSES: Readonly<Record<string, readonly string[]>> = {
  [WORD_PIECE_FILE]: ["Bert", "DistilBert", "Electra"],
  [BYTE_LEVEL_FILES[0][0]]: ["GPT2", "Roberta"],
};

/** The tokenizer's class without its ending, or refused: others cut texts differently with files of the same names. */
function knownClass(config: JsonObject, file: string): string | undefined {
  const name = config["tokenizer_class"] ?? undefined, known = KNOWN_CLASSES[file] ?? [];
  if (name === undefined) return undefined;
  const own = String(name).replace(/Tokenizer(Fast)?$/, "");
  if (known.includes(own)) return own;
  throw new ModelError(
    `Cannot read ${file} as its tokenizer must be one of ${
      known.map((name) => `${name}Tokenizer`).join(", ")
    }: received ${describe(name)}; save tokenizer.json beside it with Hugging Face's library`,
  );
}

/**
 * Makes the contents of a `tokenizer.json` from the files that older checkpoints have in its place.
 *
 * @param config The contents of `tokenizer_config.json`.
 * @returns The contents, or null when the folder has no such files.
 * @throws {ModelError} If such a file is malformed, or belongs to a class that cuts texts in another way.
 */
export async function olderTokenizer(files: ModelFiles, config: JsonObject): Promise<JsonObject | null> {
  if (await files.has(WORD_PIECE_FILE)) {
    knownClass(config, WORD_PIECE_FILE);
    return wordPiece(await files.read(WORD_PIECE_FILE), config);
  }
  for (const [vocabFile, mergesFile] of BYTE_LEVEL_FILES) {
    if (!await files.has(vocabFile) || !await files.has(mergesFile)) continue;
    const family = knownClass(config, BYTE_LEVEL_FILES[0][0]);
    const vocab = parseJsonObject(await files.read(vocabFile), vocabFile);
    return byteLevel(vocab, linesOf(await files.read(mergesFile), mergesFile), { ...config, family });
  }
  return null;
}

/** BERT's: `[CLS]` and `[SEP]` around a text that is cut at spaces and punctuation, then into the longest known pieces. */
function wordPiece(bytes: Uint8Array, config: JsonObject): JsonObject {
  const vocab = Object.fromEntries(linesOf(bytes, WORD_PIECE_FILE).map((token, id) => [token, id]));
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].filter((token) => Object.hasOwn(vocab, token));
  for (const token of ["[UNK]", "[CLS]", "[SEP]"]) {
    if (!special.includes(token)) {
      throw new ModelError(`Cannot read ${WORD_PIECE_FILE} as it must hold ${token}: received none`);
    }
  }
  const named = (token: string, type_id = 0) => ({ SpecialToken: { id: token, type_id } });
  const [cls, first, sep] = [named("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, named("[SEP]")];
  return {
    added_tokens: special.map((content) => ({ id: vocab[content], content, special: true })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config["tokenize_chinese_chars"] !== false,
      strip_accents: config["strip_accents"] ?? null,
      lowercase: config["do_lower_case"] !== false,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [cls, first, sep],
      pair: [cls, first, sep, { Sequence: { id: "B", type_id: 1 } }, named("[SEP]", 1)],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: false },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** GPT-2's: any text can be spelled, as every byte is a token. RoBERTa's is the same with `<s>` and `</s>` around a text. */
function byteLevel(vocab: JsonObject, lines: readonly string[], config: JsonObject): JsonObject {
  const isRoberta = config["family"] === "Roberta", prefixed = config["add_prefix_space"] === true;
  const special = [
    ...new Set([
      "<|endoftext|>",
      ...isRoberta ? ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] : [],
      tokenOf(config["bos_token"]),
    ]),
  ]
    .filter((token) => Object.hasOwn(vocab, token));
  const pair = (token: string): unknown => [token, vocab[token]], begin = tokenOf(config["bos_token"]);
  const around = isRoberta
    ? { type: "RobertaProcessing", sep: pair("</s>"), cls: pair("<s>"), trim_offsets: true, add_prefix_space: prefixed }
    : config["add_bos_token"] === true && Object.hasOwn(vocab, begin)
    ? {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: begin, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { [begin]: { id: begin, ids: [vocab[begin]], tokens: [begin] } },
    }
    : null;
  return {
    added_tokens: special.map((content) => ({ id: vocab[content], content, special: true })),
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: prefixed, trim_offsets: true, use_regex: true },
    post_processor: around,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      vocab,
      merges: lines.filter((line) => !line.startsWith("#version")),
    },
  };
}

/** A token as text: its own, or that of an added token. */
function tokenOf(token: unknown): string {
  const content = isJsonObject(token) ? token["content"] : token;
  return typeof content === "string" ? content : "";
}

function linesOf(bytes: Uint8Array, file: string): string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ModelError(`Cannot read ${file} as it must be text in UTF-8: received ${bytes.length} other bytes`, {
      cause,
    });
  }
  // Lines end with a line feed alone: other separators are tokens of real vocabularies.
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}
