import { assertEquals } from "@std/assert";
import { readFolder, sharedFolder } from "../tests/shared_data.ts";
import { offsetsOf, spellingOf } from "./offsets.ts";
import { memoryFiles } from "./files.ts";
import { createTokenizer, readTokenizer, type Tokenizer } from "./tokenizer.ts";

/** What each token's characters are; a dash for those that have none. */
function pieces(tokenizer: Tokenizer, text: string): string {
  return tokenizer.encodeParts(text).places.map((place) => place === null ? "-" : text.slice(place.start, place.end))
    .join("|");
}

const bert = sharedFolder("data/tokenizers/bert-uncased"), gpt2 = sharedFolder("data/tokenizers/gpt2");

Deno.test({
  name: `encodeParts() tells which characters BERT's tokens stand for, accents and case aside${bert.missing}`,
  ignore: bert.missing !== "",
  async fn() {
    const tokenizer = await readTokenizer(await readFolder(bert.folder, ["vocab.txt"]));

    assertEquals(
      pieces(tokenizer, "Frau Müller wohnt in Zürich, 東京 and São-Paulo 😀 with naïve café €5."),
      "-|Fra|u|Müller|wo|hn|t|in|Zürich|,|東|京|and|São|-|Paulo|😀|with|naïve|café|€|5|.|-",
    );
    // Decomposed accents belong to their letter.
    assertEquals(pieces(tokenizer, "Cafe\u0301 nai\u0308ve"), "-|Cafe\u0301|nai\u0308ve|-");
    const pair = tokenizer.encodeParts("who is it?", { pair: "it is Bob" });
    assertEquals([pair.types.join(""), pair.places.map((place) => place?.part ?? "-").join("")], [
      "000000111" + "1",
      "-0000-111-",
    ]);
    assertEquals(tokenizer.encodeParts("Bob", { raw: true }).ids.length, 1);
  },
});

Deno.test({
  name: `encodeParts() tells which characters bytes of GPT-2's tokens belong to${gpt2.missing}`,
  ignore: gpt2.missing !== "",
  async fn() {
    const read = async (name: string) => await Deno.readFile(`${gpt2.folder}/${name}`);
    const files = { "vocab.json": await read("hf-gpt2-vocab.json"), "merges.txt": await read("hf-gpt2-merges.txt") };
    const tokenizer = await readTokenizer(memoryFiles(files));

    assertEquals(
      pieces(tokenizer, "Frau Müller in Zürich, 東京 😀 café €5."),
      "Fra|u|Mü|ller|in|Z|ü|rich|,|東|東|東|京|京|😀|😀|café|€|5|.",
    );
  },
});

Deno.test("offsetsOf() gives unknown tokens what lies between their neighbours", () => {
  const spelling = spellingOf({ model: { type: "WordPiece", unk_token: "[UNK]" }, decoder: { type: "WordPiece" } });
  const text = "the zebra, and Ωmega ξ ran";
  const cut = (tokens: string[]) => offsetsOf(text, tokens, spelling).map(({ start, end }) => text.slice(start, end));

  assertEquals(cut(["the", "[UNK]", ",", "and", "[UNK]", "ran"]), ["the", "zebra", ",", "and", "Ωmega ξ", "ran"]);
  assertEquals(cut(["the", "ze", "##bra", ",", "and", "[UNK]", "[UNK]", "ran"]).slice(0, 4), ["the", "ze", "bra", ","]);
});

Deno.test("spellingOf() reads SentencePiece's marks and bytes", () => {
  const spelling = spellingOf({
    model: { type: "BPE", unk_token: "<unk>" },
    decoder: {
      type: "Sequence",
      decoders: [{ type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }],
    },
  });
  const text = "hi né 東", tokens = ["▁hi", "▁n", "é", "▁", "<0xE6>", "<0x9D>", "<0xB1>"];

  const cut = offsetsOf(text, tokens, spelling).map(({ start, end }) => text.slice(start, end));
  assertEquals(cut, ["hi", "n", "é", "", "東", "東", "東"]);
  assertEquals(tokens.map(spelling.continues), [false, false, true, false, true, true, true]);
});

const FAULTS: readonly [folder: string, files: string[], text: string, ids: number[]][] = [
  ["bert-keep-accents", ["vocab.txt", "tokenizer_config.json"], "Müller möchte café", [2, 8, 10, 12, 3]],
  ["bert-cased-override", ["tokenizer.json", "tokenizer_config.json"], "Hello World", [2, 16, 18, 3]],
];
for (const [name, files, text, ids] of FAULTS) {
  const { folder, missing } = sharedFolder(`data/faults/${name}`);
  Deno.test({
    name: `createTokenizer() gives the reference tokenizer's ids of ${name}${missing}`,
    ignore: missing !== "",
    async fn() {
      assertEquals((await readTokenizer(await readFolder(folder, files))).encode(text), ids);
    },
  });
}

Deno.test("encodeParts() keeps the types that a tokenizer gives a pair", () => {
  const vocab = { "[UNK]": 0, "<s>": 1, "</s>": 2, a: 3, b: 4 };
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } }),
    text = (id: string) => ({ Sequence: { id, type_id: 0 } });
  const json = {
    added_tokens: ["<s>", "</s>"].map((content) => ({ id: vocab[content as "<s>"], content, special: true })),
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 9,
      vocab,
    },
    pre_tokenizer: { type: "WhitespaceSplit" },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("<s>"), text("A"), special("</s>")],
      pair: [special("<s>"), text("A"), special("</s>"), special("</s>"), text("B"), special("</s>")],
      special_tokens: Object.fromEntries(
        ["<s>", "</s>"].map((id) => [id, { id, ids: [vocab[id as "<s>"]], tokens: [id] }]),
      ),
    },
  };
  const tokenizer = createTokenizer(new TextEncoder().encode(JSON.stringify(json)));

  const { ids, types, places } = tokenizer.encodeParts("a b", { pair: "b a" });
  assertEquals([ids, types], [[1, 3, 4, 2, 2, 4, 3, 2], [0, 0, 0, 0, 0, 0, 0, 0]]);
  assertEquals(places.map((place) => place === null ? "-" : `${place.part}${place.start}`), [
    "-",
    "00",
    "02",
    "-",
    "-",
    "10",
    "12",
    "-",
  ]);
});
