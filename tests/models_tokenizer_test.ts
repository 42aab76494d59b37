/** The tokenizers of real checkpoints against tokens that others recorded. */
import { assertEquals } from "@std/assert";
import { memoryFiles } from "../models/files.ts";
import { readTokenizer, type Tokenizer } from "../models/tokenizer.ts";
import { sharedFolder } from "./shared_data.ts";

const bert = sharedFolder("data/tokenizers/bert-uncased");
const gpt2 = sharedFolder("data/tokenizers/gpt2");
const sst2 = sharedFolder("models/bert-sst2");
const sentences = sharedFolder("data/datasets/sst2");

async function readBert(): Promise<Tokenizer> {
  return await readTokenizer(memoryFiles({ "vocab.txt": await Deno.readFile(`${bert.folder}/vocab.txt`) }));
}

Deno.test({
  name: `readTokenizer() gives the recorded WordPiece ids for 10,570 questions${bert.missing}`,
  ignore: bert.missing !== "",
  async fn() {
    const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${bert.folder}/${name}`));
    const questions: { original: string }[] = await read("question_tokens.json");
    const recorded: number[][] = await read("tokenized_questions.json");
    const tokenizer = await readBert();

    assertEquals(questions.length, 10570);
    for (const [i, { original }] of questions.entries()) {
      assertEquals(tokenizer.encode(original), [101, ...recorded[i]!, 102], original);
    }
  },
});

Deno.test({
  name: `readTokenizer() gives the ids that the classifier was tested with for 872 sentences${sst2.missing}`,
  ignore: sst2.missing !== "" || sentences.missing !== "" || bert.missing !== "",
  async fn() {
    const golden: { ids: number[] }[] = JSON.parse(await Deno.readTextFile(`${sst2.folder}/golden-dev.json`));
    const tokenizer = await readBert();
    const file = new TextDecoder("latin1").decode(await Deno.readFile(`${sentences.folder}/stsa.binary.dev`));
    const lines = file.split("\n").filter((line) => line.trim() !== ""); // a label, a space, the sentence

    assertEquals(lines.length, 872);
    for (const [i, line] of lines.entries()) assertEquals(tokenizer.encode(line.slice(2)), golden[i]!.ids, line);
  },
});

Deno.test({
  name: `readTokenizer() gives GPT-2's ids from both pairs of files${gpt2.missing}`,
  ignore: gpt2.missing !== "",
  async fn() {
    const read = (name: string) => Deno.readFile(`${gpt2.folder}/${name}`);
    const folders = [
      { "encoder.json": await read("encoder.json"), "vocab.bpe": await read("vocab.bpe") },
      { "vocab.json": await read("hf-gpt2-vocab.json"), "merges.txt": await read("hf-gpt2-merges.txt") },
    ];
    for (const folder of folders) {
      const tokenizer = await readTokenizer(memoryFiles(folder));

      assertEquals(tokenizer.encode("This is some text"), [1212, 318, 617, 2420]);
      assertEquals(tokenizer.encode("hello 👋 world 🌍"), [31373, 50169, 233, 995, 12520, 234, 235]);
      const text = "It isn't  2,026 yet:\n\n\tétoile <|endoftext|>";
      assertEquals(tokenizer.decode(tokenizer.encode(text)), text.replace("<|endoftext|>", ""));
    }
  },
});
