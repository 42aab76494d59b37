/**
 * Generated text against its golden record: secure = oracle on every token and logit, oracle = float on nearly every token.
 */

import { assert, assertEquals } from "@std/assert";
import { createWasmEngine } from "../cpu/mod.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import type { ModelSpec } from "../pipeline/forward/model_spec.ts";
import { argmax } from "../pipeline/forward/oracle.ts";
import { calibratedModel, oracleOf, readFolded } from "./models.ts";
import { readFolder, sharedFolder } from "./shared_data.ts";
import { floatModel, greedy } from "../pipeline/forward/float_model.ts";
import { readTok512 } from "./tok512.ts";
import { runTestSession, type TestOutcome, type TestRequest } from "./two_parties.ts";

const MODEL_FILES = ["config.json", "model.safetensors"];
const SAMPLE = "The king is dead, my lord; and what shall we say to the people?\nNothing: they know it, and they weep.";
const shakespeare = sharedFolder("models/shakespeare-llama");
const stories = sharedFolder("data/hf-stories260K");

/** Runs requests side by side on two engines of one thread each. */
async function runSecure(
  folded: FoldedModel,
  model: (positions: number) => ModelSpec,
  requests: readonly TestRequest[],
): Promise<TestOutcome> {
  const engines = [await createWasmEngine({ threads: 1 }), await createWasmEngine({ threads: 1 })] as const,
    promptTokens = Math.max(...requests.map(({ promptIds }) => promptIds.length)),
    generate = Math.max(...requests.map(({ generate }) => generate));
  try {
    return await runTestSession({
      model: model(promptTokens + generate - 1),
      folded,
      dealt: { promptTokens, generate },
      requests,
      engines,
    });
  } finally {
    for (const engine of engines) engine.close();
  }
}

/** How many of the float model's greedy ids the oracle chooses too, each after the float model's text so far. */
async function agreements(
  folded: FoldedModel,
  model: (positions: number) => ModelSpec,
  { promptIds, ids }: { promptIds: readonly number[]; ids: readonly number[] },
): Promise<number> {
  const oracle = await oracleOf(model(promptIds.length + ids.length), folded);
  let equal = 0, logits = oracle.tokens(promptIds);
  for (const id of ids) {
    if (argmax(logits) === id) equal++;
    logits = oracle.tokens([id]);
  }
  return equal;
}

for (const rounding of ["nearest", "dither"] as const) {
  Deno.test({
    name:
      `secure generation equals the oracle, and the oracle the float model, on four golden prompts (${rounding})${shakespeare.missing}`,
    ignore: shakespeare.missing !== "",
    async fn() {
      const folded = await readFolded(await readFolder(shakespeare.folder, MODEL_FILES)),
        tokenizer = createTokenizer(await Deno.readFile(`${shakespeare.folder}/tokenizer.json`)),
        golden: { prompt_ids: number[]; greedy_ids: number[] }[] = JSON.parse(
          await Deno.readTextFile(`${shakespeare.folder}/golden.json`),
        ),
        model = await calibratedModel(folded, tokenizer.encode(SAMPLE), rounding);

      const outcome = await runSecure(
        folded,
        model,
        golden.map(({ prompt_ids }) => ({ promptIds: prompt_ids, generate: 64 })),
      );

      assertEquals(outcome.tokens.map((ids) => ids.length), [64, 64, 64, 64]);
      assertEquals(outcome.tokens, outcome.expectedTokens);
      assertEquals(outcome.logits, outcome.expectedLogits);
      let equal = 0;
      for (const { prompt_ids, greedy_ids } of golden) {
        equal += await agreements(folded, model, { promptIds: prompt_ids, ids: greedy_ids });
      }
      assert(equal >= 0.97 * 256, `the oracle agrees with the float model on ${equal} of 256 tokens`);
    },
  });

  Deno.test({
    name:
      `secure generation tells the story that the float model tells, with grouped heads (${rounding})${stories.missing}`,
    ignore: stories.missing !== "",
    async fn() {
      const folded = await readFolded(await readFolder(stories.folder, MODEL_FILES)),
        { vocabCount } = folded.config,
        model = await calibratedModel(
          folded,
          [1, ...Array.from({ length: 95 }, (_, i) => (i * 7919) % vocabCount)],
          rounding,
        ),
        { ids } = greedy(floatModel(folded), { promptIds: [1], count: 200 });

      const outcome = await runSecure(folded, model, [{ promptIds: [1], generate: 200 }]);

      assertEquals(outcome.tokens, outcome.expectedTokens);
      assertEquals(outcome.logits, outcome.expectedLogits);
      const equal = await agreements(folded, model, { promptIds: [1], ids });
      assert(equal >= 0.97 * 200, `the oracle agrees with the float model on ${equal} of 200 tokens`);
      if (rounding === "dither") return; // its coins are the run's own: a token near a tie may fall either way
      const text = readTok512(await Deno.readFile(`${stories.folder}/tok512.bin`)).decode(outcome.tokens[0]!);
      assert(
        text.startsWith(
          "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball.",
        ),
        text,
      );
    },
  });
}
