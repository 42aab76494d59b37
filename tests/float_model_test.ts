import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { demoModel } from "../assets/demo_model.ts";
import { parseModelConfig } from "../models/config.ts";
import { memoryFiles, type ModelFiles } from "../models/files.ts";
import { collectFolded, foldModel } from "../models/fold.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { createTokenizer, readTokenizer } from "../models/tokenizer.ts";
import { openWeights } from "../models/weights.ts";
import { readFolder, sharedFolder } from "./shared_data.ts";
import { livelyModel, TINY_LLAMA, TINY_MODELS, TINY_SWITCHES } from "./tiny_models.ts";
import { readBertTinySst2 } from "./bert_tiny_sst2.ts";
import { argmax, floatModel, greedy } from "../pipeline/forward/float_model.ts";
import { decodeExported, readNanogptSort, SORTED_COUNT, sortingInputs } from "./nanogpt_sort.ts";
import { readTok512 } from "./tok512.ts";

interface Golden {
  prompt: string;
  prompt_ids: number[];
  greedy_ids: number[];
  text: string;
  last_logits: number[];
}

const MODEL_FILES = ["config.json", "model.safetensors"];
const shakespeares = [sharedFolder("models/shakespeare-llama"), sharedFolder("models/shakespeare-gpt2")];
const stories = sharedFolder("data/hf-stories260K");
const sst2 = sharedFolder("models/bert-sst2");
const published = sharedFolder("data/bert-tiny-sst2");
const sorting = sharedFolder("data/nanogpt-sort");

async function readModel(files: ModelFiles): Promise<FoldedModel> {
  const config = parseModelConfig(await files.read("config.json"));
  return await collectFolded(foldModel(config, await openWeights(files)));
}

async function readGolden(folder: string): Promise<Golden[]> {
  return JSON.parse(await Deno.readTextFile(`${folder}/golden.json`));
}

/** Distance of the two furthest elements. */
function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertEquals(a.length, b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
}

Deno.test("floatModel() writes the recorded text with the embedded demo model", async () => {
  const files = memoryFiles(demoModel());
  const tokenizer = await readTokenizer(files);
  const promptIds = tokenizer.encode("ROMEO:\n");

  const { ids } = greedy(floatModel(await readModel(files)), { promptIds, count: 24 });

  assertEquals(tokenizer.decode(ids), "It is a world, my lord, my lord, my lord,\nIf you have done");
});

Deno.test("floatModel() shows its observer every part of every layer", async () => {
  const seen = new Map<string, Set<number>>();
  const model = await readModel(memoryFiles(demoModel()));
  const llama = floatModel(model, (part, layer, values) => {
    assert(values.every(Number.isFinite), part);
    seen.set(part, (seen.get(part) ?? new Set()).add(layer));
  });
  llama.step(83);

  assertEquals(seen.get("scores"), new Set([0, 1, 2, 3]));
  assertEquals(seen.get("normalised"), new Set([0, 1, 2, 3, 4]));
  assertEquals(seen.get("logits"), new Set([4]));
  assertEquals(seen.size, 12);
});

for (const [name, config] of Object.entries({ ...TINY_MODELS, ...TINY_SWITCHES, Llama: TINY_LLAMA })) {
  if (config.head.answer !== "tokens") continue;
  Deno.test(`floatModel() gives in chunks what it gives at once: ${name}`, async () => {
    const model = await livelyModel(config),
      expected = floatModel(model).tokens([3, 1, 4, 1, 5, 9, 2, 6]),
      inChunks = floatModel(model);
    for (const chunk of [[3, 1, 4], [1], [5, 9, 2]]) inChunks.tokens(chunk);
    assert(furthest(inChunks.step(6), expected) < 1e-5);
  });
}

for (const { folder, missing } of shakespeares) {
  const name = folder.split("/").at(-1);
  Deno.test({
    name: `floatModel() gives the recorded greedy ids and logits of ${name} for four prompts${missing}`,
    ignore: missing !== "",
    async fn() {
      const model = await readModel(await readFolder(folder, MODEL_FILES));
      for (const golden of await readGolden(folder)) {
        const { ids, promptLogits } = greedy(floatModel(model), {
          promptIds: golden.prompt_ids,
          count: golden.greedy_ids.length,
        });

        assertEquals(ids, golden.greedy_ids, golden.prompt);
        assert(furthest(promptLogits, golden.last_logits) < 1e-3, golden.prompt);
      }
    },
  });
}

Deno.test({
  name: `createTokenizer() gives the recorded ids and text for four prompts${shakespeares[0]!.missing}`,
  ignore: shakespeares[0]!.missing !== "",
  async fn() {
    const { folder } = shakespeares[0]!;
    const tokenizer = createTokenizer(await Deno.readFile(`${folder}/tokenizer.json`));
    for (const golden of await readGolden(folder)) {
      assertEquals(tokenizer.encode(golden.prompt), golden.prompt_ids);
      assertEquals(tokenizer.decode([...golden.prompt_ids, ...golden.greedy_ids]), golden.text);
    }
  },
});

Deno.test({
  name: `floatModel() classifies 99 of a fixed 109 development sentences as labelled${sst2.missing}`,
  ignore: sst2.missing !== "",
  async fn() {
    const model = await readModel(await readFolder(sst2.folder, MODEL_FILES));
    const golden: { label: number; ids: number[] }[] = JSON.parse(
      await Deno.readTextFile(`${sst2.folder}/golden-dev.json`),
    );
    // Every eighth sentence; on all 872 it is 704, the figure in the model's README. The logits in that file are not
    // compared: they were recorded with dropout at work, and only 690 of them fall on the right side.
    const sample = golden.filter((_, i) => i % 8 === 0);

    const right = sample.filter(({ label, ids }) => argmax(floatModel(model).tokens(ids)) === label).length;

    assertEquals([right, sample.length], [99, 109]);
  },
});

Deno.test({
  name: `floatModel() gives a published BERT-tiny's recorded logits from an embedded sentence${published.missing}`,
  ignore: published.missing !== "",
  async fn() {
    const { model, rows, recordedLogits, recordedRsqrt } = await readBertTinySst2(published.folder);

    // They were recorded with one constant per norm and position in the place of each rsqrt.
    const rsqrt = (_: number, { norm, position }: { norm: number; position: number }) =>
      recordedRsqrt[norm]![position]!;
    assert(furthest(floatModel(model, undefined, { rsqrt }).hidden(rows), recordedLogits) < 1e-3);

    const [negative, positive] = floatModel(model).hidden(rows);
    assertAlmostEquals(negative!, -2.46225, 1e-4);
    assertAlmostEquals(positive!, 2.37023, 1e-4);
  },
});

Deno.test({
  name: `floatModel() sorts a fixed set of 100 inputs and gives the recorded logits${sorting.missing}`,
  ignore: sorting.missing !== "",
  async fn() {
    const model = await readModel(await readNanogptSort(sorting.folder));
    assertEquals(new Set(sortingInputs().map(String)).size, 100);
    for (const promptIds of sortingInputs()) {
      const { ids } = greedy(floatModel(model), { promptIds, count: SORTED_COUNT });
      assertEquals(ids, promptIds.toSorted());
    }

    const partials = JSON.parse(await Deno.readTextFile(`${sorting.folder}/gpt-nano-sort-t0-partials.json`));
    const tokens = decodeExported(partials.idx), logits = decodeExported(partials.lm_head); // (3, 11), (3, 11, 3)
    for (let text = 0; text < 3; text++) {
      const running = floatModel(model);
      for (let at = text * 11; at < (text + 1) * 11; at++) {
        const got = running.step(tokens.data[at]!);
        assert(furthest(got, logits.data.subarray(at * 3, at * 3 + 3)) < 1e-4, `text=${text} at=${at}`);
      }
    }
  },
});

Deno.test({
  name: `floatModel() tells a coherent story with grouped heads and F32 weights${stories.missing}`,
  ignore: stories.missing !== "",
  async fn() {
    const model = await readModel(await readFolder(stories.folder, MODEL_FILES));

    const { ids } = greedy(floatModel(model), { promptIds: [1], count: 200 });

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
