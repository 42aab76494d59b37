import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import demoTokenizer from "../assets/shakespeare-llama/tokenizer.json" with { type: "text" };
import { ModelError } from "../core/errors.ts";
import { memoryFiles } from "./files.ts";
import { createTokenizer, readTokenizer, readTokenizerFiles, type Tokenizer } from "./tokenizer.ts";

function bytesOf(json: unknown): Uint8Array {
  return new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json));
}

/** Byte-level, as GPT-2 and Llama 3: any text can be spelled, characters outside ASCII as several tokens. */
const byteLevel = createTokenizer(bytesOf(demoTokenizer));

/** In the manner of Llama 2: a space mark, bytes as `<0x..>`, a beginning-of-text token put before every text. */
const METASPACE = {
  added_tokens: [{ id: 0, content: "<unk>", special: true }, { id: 1, content: "<s>", special: true }],
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "▁" },
      { type: "Replace", pattern: { String: " " }, content: "▁" },
    ],
  },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
  },
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "▁" }, content: " " },
      { type: "ByteFallback" },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE",
    unk_token: "<unk>",
    byte_fallback: true,
    fuse_unk: true,
    vocab: { "<unk>": 0, "<s>": 1, "<0xC3>": 2, "<0xA9>": 3, "▁": 4, "h": 5, "i": 6, "▁h": 7, "▁hi": 8, ".": 9 },
    merges: ["▁ h", "▁h i"],
  },
};
const metaspace = createTokenizer(bytesOf(METASPACE));

/** Feeds ids one at a time and returns the pieces, with what `finish` gives last. */
function pieces(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const decoder = tokenizer.createStreamDecoder();
  return [...ids.map((id) => decoder.push(id)), decoder.finish()];
}

for (const text of ["To be, or not to be", " two  spaces .\n\n", "étoile 😀 \u{10ffff}", "\ufffd?", "I 'm n't , ."]) {
  Deno.test(`decode() inverts encode() for ${JSON.stringify(text)}, whole and as a stream`, () => {
    const ids = byteLevel.encode(text);

    assertEquals(byteLevel.decode(ids), text);
    assertEquals(pieces(byteLevel, ids).join(""), text);
  });
}

Deno.test("encode() adds what the post-processor says and decode() leaves it out", () => {
  assertEquals(byteLevel.encode(""), []);
  assertEquals(byteLevel.decode([]), "");
  assertEquals(metaspace.encode("hi hi."), [1, 8, 8, 9]);
  assertEquals(metaspace.decode([1, 8, 8, 9]), "hi hi.");
});

Deno.test("push() returns a character of several tokens only when it is complete", () => {
  const ids = byteLevel.encode("a😀b");
  const shown = pieces(byteLevel, ids);

  assertEquals(shown, ["a", "", "", "", "😀", "b", ""]);
});

Deno.test("push() keeps the space that a decoder drops from the first token alone", () => {
  assertEquals(pieces(metaspace, [1, 8, 8, 2, 3, 9, 1, 8]), ["", "hi", " hi", "", "é", ".", "", " hi", ""]);
});

Deno.test("finish() shows an incomplete character as a replacement character", () => {
  const ids = byteLevel.encode("a😀").slice(0, -1);

  assertEquals(pieces(byteLevel, ids), ["a", "", "", "", "\ufffd"]);
});

Deno.test("a stream joins to decode() for any ids, bytes of broken characters included", () => {
  let state = 1;
  for (let run = 0; run < 200; run++) {
    const ids = Array.from({ length: 12 }, () => {
      state = Math.imul(state, 1664525) + 1013904223 >>> 0;
      return (state >>> 16) % 2 === 0 ? (state >>> 20) % 257 : (state >>> 20) % 512; // half of them single bytes
    });
    assertEquals(pieces(byteLevel, ids).join(""), byteLevel.decode(ids), `ids=${ids}`);
  }
});

Deno.test("decode() and push() refuse an id outside the vocabulary without naming it", () => {
  for (const id of [512, -1, 1.5]) {
    const error = assertThrows(() => byteLevel.decode([id]), RangeError, "must be in the vocabulary");
    assertEquals(error.message.includes(String(id)), false);
    assertThrows(() => byteLevel.createStreamDecoder().push(id), RangeError, "must be in the vocabulary");
  }
});

Deno.test("encode() refuses a piece that the vocabulary cannot spell without naming it", () => {
  const model = { type: "WordPiece", unk_token: "[UNK]", vocab: { a: 0 } };

  const error = assertThrows(() => createTokenizer(bytesOf({ model })).encode("zq"), ModelError, "Cannot encode text");
  assertEquals(error.message.includes("zq"), false);
});

Deno.test("createTokenizer() refuses files that do not describe a tokenizer", () => {
  assertThrows(() => createTokenizer(bytesOf("[]")), ModelError, "Cannot read tokenizer.json");
  assertThrows(() => createTokenizer(bytesOf({})), ModelError, "must describe a supported tokenizer");
  assertThrows(() => createTokenizer(bytesOf(demoTokenizer), bytesOf("{")), ModelError, "tokenizer_config.json");
});

Deno.test("readTokenizer() needs a tokenizer and takes tokenizer_config.json if it is there", async () => {
  await assertRejects(() => readTokenizer(memoryFiles({})), ModelError, "give token ids instead");
  const files = memoryFiles({ "tokenizer.json": bytesOf(METASPACE), "tokenizer_config.json": bytesOf("{}") });

  assertEquals((await readTokenizer(files)).encode("hi"), [1, 8]);
});

const PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "run", "##ning", "un", "##want", "##ed", ",", "cafe", "Caf", "##é"];

Deno.test("readTokenizer() makes a WordPiece tokenizer of vocab.txt", async () => {
  const vocab = bytesOf(PIECES.join("\n") + "\n");
  const tokenizer = await readTokenizer(memoryFiles({ "vocab.txt": vocab }));

  assertEquals(tokenizer.encode("Running, UNwanted café"), [2, 4, 5, 9, 6, 7, 8, 10, 3]);
  assertEquals(tokenizer.encode("run zebra"), [2, 4, 1, 3]);
  assertEquals(tokenizer.encode(""), [2, 3]);
  assertEquals(tokenizer.decode([2, 4, 5, 9, 6, 7, 8, 3]), "running , unwanted");
  const config = bytesOf({ do_lower_case: false });
  const cased = await readTokenizer(memoryFiles({ "vocab.txt": vocab, "tokenizer_config.json": config }));
  assertEquals(cased.encode("Café run Run"), [2, 11, 12, 4, 1, 3]);
});

Deno.test("readTokenizer() makes a byte-level tokenizer of a vocabulary and merges under either names", async () => {
  const vocab = bytesOf({ h: 0, i: 1, "Ġ": 2, hi: 3, "Ġhi": 4, "Ã": 5, "©": 6, "<|endoftext|>": 7 });
  const merges = bytesOf("#version: 0.2\nh i\nĠ hi\n");
  for (const [vocabFile, mergesFile] of [["vocab.json", "merges.txt"], ["encoder.json", "vocab.bpe"]] as const) {
    const tokenizer = await readTokenizer(memoryFiles({ [vocabFile]: vocab, [mergesFile]: merges }));

    assertEquals(tokenizer.encode("hi hié<|endoftext|>"), [3, 4, 5, 6, 7]);
    assertEquals(tokenizer.decode([3, 4, 5, 6, 7]), "hi hié");
  }
  await assertRejects(
    () => readTokenizer(memoryFiles({ "vocab.json": vocab })),
    ModelError,
    "vocab.txt or vocab.json with merges.txt or encoder.json with vocab.bpe: received none",
  );
});

Deno.test("readTokenizerFiles() prefers tokenizer.json, and gives null for a folder without a tokenizer", async () => {
  const json = bytesOf(METASPACE);

  assertEquals(await readTokenizerFiles(memoryFiles({ "config.json": json })), null);
  const files = memoryFiles({ "tokenizer.json": json, "vocab.txt": bytesOf("x") });
  assertEquals(await readTokenizerFiles(files), { tokenizerJson: json });
});

Deno.test("readTokenizer() refuses a vocabulary that is not text, or lacks what BERT needs", async () => {
  const read = (bytes: Uint8Array) => readTokenizer(memoryFiles({ "vocab.txt": bytes }));

  await assertRejects(() => read(Uint8Array.of(0xff)), ModelError, "Cannot read vocab.txt as it must be text in UTF-8");
  await assertRejects(() => read(bytesOf("[UNK]\n[SEP]\n")), ModelError, "must hold [CLS]");
});
