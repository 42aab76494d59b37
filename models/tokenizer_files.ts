import { type JsonObject, parseJsonObject } from "./fields.ts";
import type { ModelFiles } from "./files.ts";
import { ModelError } from "../core/errors.ts";

/** Vocabulary of a WordPiece tokenizer: one token per line, the line's index its id. */
const WORD_PIECE_FILE = "vocab.txt";

/** Vocabulary and merges of a byte-level BPE tokenizer, under Hugging Face's names and OpenAI's. */
const BYTE_LEVEL_FILES = [["vocab.json", "merges.txt"], ["encoder.json", "vocab.bpe"]] as const;

/** Names of the files that can stand in for `tokenizer.json`, for messages. */
export const OLDER_TOKENIZER_FILES = [WORD_PIECE_FILE, ...BYTE_LEVEL_FILES.map((pair) => pair.join(" with "))];

/**
 * Makes the contents of a `tokenizer.json` from the files that older checkpoints have in its place.
 *
 * @param config The contents of `tokenizer_config.json`.
 * @returns The contents, or null when the folder has no such files.
 * @throws {ModelError} If such a file is malformed.
 */
export async function olderTokenizer(files: ModelFiles, config: JsonObject): Promise<JsonObject | null> {
  if (await files.has(WORD_PIECE_FILE)) {
    return wordPiece(await files.read(WORD_PIECE_FILE), { lowercase: config["do_lower_case"] !== false });
  }
  for (const [vocabFile, mergesFile] of BYTE_LEVEL_FILES) {
    if (!await files.has(vocabFile) || !await files.has(mergesFile)) continue;
    return byteLevel(
      parseJsonObject(await files.read(vocabFile), vocabFile),
      linesOf(await files.read(mergesFile), mergesFile),
    );
  }
  return null;
}

/** BERT's: `[CLS]` and `[SEP]` around a text that is cut at spaces and punctuation, then into the longest known pieces. */
function wordPiece(bytes: Uint8Array, options: { lowercase: boolean }): JsonObject {
  const vocab = Object.fromEntries(linesOf(bytes, WORD_PIECE_FILE).map((token, id) => [token, id]));
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].filter((token) => Object.hasOwn(vocab, token));
  for (const token of ["[UNK]", "[CLS]", "[SEP]"]) {
    if (!special.includes(token)) {
      throw new ModelError(`Cannot read ${WORD_PIECE_FILE} as it must hold ${token}: received none`);
    }
  }
  const named = (token: string) => ({ SpecialToken: { id: token, type_id: 0 } });
  return {
    added_tokens: special.map((content) => ({ id: vocab[content], content, special: true })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: options.lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [named("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, named("[SEP]")],
      pair: [],
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

/** GPT-2's: any text can be spelled, as every byte is a token. */
function byteLevel(vocab: JsonObject, lines: readonly string[]): JsonObject {
  const end = "<|endoftext|>";
  return {
    added_tokens: Object.hasOwn(vocab, end) ? [{ id: vocab[end], content: end, special: true }] : [],
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
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
