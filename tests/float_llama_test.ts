import { assert, assertEquals } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";
import { parseModelConfig } from "../models/config.ts";
import { collectFolded, type FoldedModel, foldLlama } from "../models/fold.ts";
import { memoryFiles, type ModelFiles } from "../models/files.ts";
import { createTokenizer, readTokenizer } from "../models/tokenizer.ts";
import { openWeights } from "../models/weights.ts";
import { readFolder, sharedFolder } from "./_shared_data.ts";
import { floatLlama, greedy } from "./float_llama.ts";
import { readTok512 } from "./tok512.ts";

interface Golden {
  prompt: string;
  prompt_ids: number[];
  greedy_ids: number[];
  text: string;
  last_logits: number[];
}

const MODEL_FILES = ["config.json", "model.safetensors"];
const shakespeare = sharedFolder("models/shakespeare-llama");
const stories = sharedFolder("data/hf-stories260K");

async function readModel(files: ModelFiles): Promise<FoldedModel> {
  const config = parseModelConfig(await files.read("config.json"));
  return await collectFolded(foldLlama(config, await openWeights(files)));
}

async function readGolden(): Promise<Golden[]> {
  return JSON.parse(await Deno.readTextFile(`${shakespeare.folder}/golden.json`));
}

Deno.test("floatLlama() writes the recorded text with the embedded demo model", async () => {
  const files = memoryFiles(demoModel());
  const tokenizer = await readTokenizer(files);
  const promptIds = tokenizer.encode("ROMEO:\n");

  const { ids } = greedy(floatLlama(await readModel(files)), { promptIds, count: 24 });

  assertEquals(tokenizer.decode(ids), "It is a world, my lord, my lord, my lord,\nIf you have done");
});

Deno.test("floatLlama() shows its observer every part of every layer", async () => {
  const seen = new Map<string, Set<number>>();
  const model = await readModel(memoryFiles(demoModel()));
  const llama = floatLlama(model, (part, layer, values) => {
    assert(values.every(Number.isFinite), part);
    seen.set(part, (seen.get(part) ?? new Set()).add(layer));
  });
  llama.step(83);

  assertEquals(seen.get("scores"), new Set([0, 1, 2, 3]));
  assertEquals(seen.get("normalised"), new Set([0, 1, 2, 3, 4]));
  assertEquals(seen.get("logits"), new Set([4]));
  assertEquals(seen.size, 12);
});

Deno.test({
  name: `floatLlama() gives the recorded greedy ids and logits for four prompts${shakespeare.missing}`,
  ignore: shakespeare.missing !== "",
  async fn() {
    const model = await readModel(await readFolder(shakespeare.folder, MODEL_FILES));
    for (const golden of await readGolden()) {
      const { ids, promptLogits } = greedy(floatLlama(model), {
        promptIds: golden.prompt_ids,
        count: golden.greedy_ids.length,
      });

      assertEquals(ids, golden.greedy_ids, golden.prompt);
      const furthest = promptLogits.reduce((most, x, i) => Math.max(most, Math.abs(x - golden.last_logits[i]!)), 0);
      assert(furthest < 1e-2, `prompt=${golden.prompt} furthest logit=${furthest}`);
    }
  },
});

Deno.test({
  name: `createTokenizer() gives the recorded ids and text for four prompts${shakespeare.missing}`,
  ignore: shakespeare.missing !== "",
  async fn() {
    const tokenizer = createTokenizer(await Deno.readFile(`${shakespeare.folder}/tokenizer.json`));
    for (const golden of await readGolden()) {
      assertEquals(tokenizer.encode(golden.prompt), golden.prompt_ids);
      assertEquals(tokenizer.decode([...golden.prompt_ids, ...golden.greedy_ids]), golden.text);
    }
  },
});

Deno.test({
  name: `floatLlama() tells a coherent story with grouped heads and F32 weights${stories.missing}`,
  ignore: stories.missing !== "",
  async fn() {
    const model = await readModel(await readFolder(stories.folder, MODEL_FILES));

    const { ids } = greedy(floatLlama(model), { promptIds: [1], count: 200 });

    const text = readTok512(await Deno.readFile(`${stories.folder}/tok512.bin`)).decode(ids);
    assertEquals(
      text,
      "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a " +
        "big, red ball. She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to the " +
        "park.\" Lily was sad and didn't know what to do. She said, \"I want to play with your ball, but I can't find " +
        "it.\"\nLily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\n" +
        "Lily didn't want to help her mom, so she",
    );
  },
});
