/**
 * Every architecture end to end: secure = oracle on every revealed word, and oracle = float as closely as fixed point allows.
 */

import { assert, assertEquals } from "@std/assert";
import type { Gate } from "../core/protocols/opening.ts";
import type { Context } from "../core/protocols/primitive.ts";
import { type Cache, type View, type Wire, wire } from "../core/protocols/tensor.ts";
import { openShare, reveal } from "../core/protocols/open/gate.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { ClearContext } from "../pipeline/interpreters/clear.ts";
import { layerStage, outputStage, tokenRows, wanted } from "../pipeline/forward/forward.ts";
import { type ModelSpec, outputScale, streamBits, streamScale, weightRefs } from "../pipeline/forward/model_spec.ts";
import { argmax, Oracle } from "../pipeline/forward/oracle.ts";
import { finish } from "../pipeline/interpreters/plan.ts";
import { calibratedModel, integers, oracleOf, readFolded, steadyCoins } from "./models.ts";
import { readFolder, sharedFolder } from "./shared_data.ts";
import { livelyModel, specOf, TINY_LLAMA, TINY_MODELS, TINY_SWITCHES } from "./tiny_models.ts";
import { readBertTinySst2 } from "./bert_tiny_sst2.ts";
import { floatModel } from "../pipeline/forward/float_model.ts";
import { assertLaw } from "./law.ts";
import { readNanogptSort, SORTED_COUNT, sortingInputs } from "./nanogpt_sort.ts";
import { runOnCpu, type TestOutcome, type TestRequest } from "./two_parties.ts";

const MODEL_FILES = ["config.json", "model.safetensors"];
const shakespeare = sharedFolder("models/shakespeare-gpt2");
const sorting = sharedFolder("data/nanogpt-sort");
const sst2 = sharedFolder("models/bert-sst2");
const published = sharedFolder("data/bert-tiny-sst2");

/** Runs requests side by side in one session that is dealt for the longest of them, and asserts that they equal the oracle. */
async function assertSecure(
  folded: FoldedModel,
  model: (positions: number) => ModelSpec,
  requests: readonly TestRequest[],
): Promise<TestOutcome> {
  const promptTokens = Math.max(...requests.map(({ promptIds }) => promptIds.length)),
    generate = Math.max(...requests.map(({ generate }) => generate));
  const outcome = await runOnCpu({
    model: model(promptTokens + Math.max(0, generate - 1)),
    folded,
    dealt: { promptTokens, generate },
    requests,
  });
  assertEquals(outcome.tokens, outcome.expectedTokens);
  assertEquals(outcome.logits, outcome.expectedLogits);
  return outcome;
}

for (const rounding of ["nearest", "dither"] as const) {
  Deno.test({
    name:
      `secure GPT-2 generation equals the oracle on golden prompts, and the oracle the float model (${rounding})${shakespeare.missing}`,
    ignore: shakespeare.missing !== "",
    async fn() {
      const folded = await readFolded(await readFolder(shakespeare.folder, MODEL_FILES)),
        golden: { prompt_ids: number[]; greedy_ids: number[] }[] = JSON.parse(
          await Deno.readTextFile(`${shakespeare.folder}/golden.json`),
        ),
        [first] = golden,
        sample = [...first!.prompt_ids, ...first!.greedy_ids],
        model = await calibratedModel(folded, sample, rounding);

      const outcome = await assertSecure(
        folded,
        model,
        golden.map(({ prompt_ids }) => ({ promptIds: prompt_ids, generate: 16 })),
      );

      assertEquals(outcome.tokens.map((ids) => ids.length), golden.map(() => 16));
      let equal = 0;
      for (const { prompt_ids, greedy_ids } of golden) {
        const oracle = await oracleOf(model(prompt_ids.length + greedy_ids.length), folded);
        let logits = oracle.tokens(prompt_ids);
        for (const id of greedy_ids) {
          if (argmax(logits) === id) equal++;
          logits = oracle.tokens([id]);
        }
      }
      assert(equal >= 0.97 * 4 * 32, `the oracle agrees with the float model on ${equal} of 128 tokens`);
    },
  });
}

for (const rounding of ["nearest", "dither"] as const) {
  Deno.test({
    name: `secure sorting equals the oracle, which sorts a fixed set of 100 inputs (${rounding})${sorting.missing}`,
    ignore: sorting.missing !== "",
    async fn() {
      const folded = await readFolded(await readNanogptSort(sorting.folder)),
        inputs = sortingInputs(),
        digits = inputs[50]!,
        model = await calibratedModel(folded, [...digits, ...digits.toSorted().slice(0, -1)], rounding);

      for (const promptIds of inputs) {
        const oracle = await oracleOf(model(2 * SORTED_COUNT - 1), folded), ids = [argmax(oracle.tokens(promptIds))];
        while (ids.length < SORTED_COUNT) ids.push(argmax(oracle.tokens([ids.at(-1)!])));
        assertEquals(ids, promptIds.toSorted());
      }

      const chosen = [inputs[7]!, inputs[77]!],
        outcome = await assertSecure(folded, model, chosen.map((promptIds) => ({ promptIds, generate: SORTED_COUNT })));
      assertEquals(outcome.tokens, chosen.map((promptIds) => promptIds.toSorted()));
    },
  });
}

/** The model with the rows of these tokens alone in its embedding, and their new ids: what it computes of them stays the same. */
function withVocabulary(folded: FoldedModel, ids: readonly number[]): { folded: FoldedModel; ids: number[] } {
  const { config, embed } = folded, width = config.hiddenWidth, known = [...new Set(ids)];
  // Rows of further types of tokens follow those of words.
  const types = embed.data.subarray(config.vocabCount * width), rows = known.length + types.length / width;
  const data = new Float32Array(rows * width);
  known.forEach((id, row) => data.set(embed.data.subarray(id * width, (id + 1) * width), row * width));
  data.set(types, known.length * width);
  return {
    folded: {
      ...folded,
      config: { ...config, vocabCount: known.length },
      embed: { ...embed, shape: [rows, width], data },
    },
    ids: ids.map((id) => known.indexOf(id)),
  };
}

Deno.test({
  name: `secure BERT equals the oracle on 20 sentences, and the oracle's accuracy the float model's${sst2.missing}`,
  ignore: sst2.missing !== "",
  async fn() {
    const folded = await readFolded(await readFolder(sst2.folder, MODEL_FILES)),
      golden: { label: number; ids: number[] }[] = JSON.parse(
        await Deno.readTextFile(`${sst2.folder}/golden-dev.json`),
      ),
      model = await calibratedModel(folded, golden[1]!.ids);

    // The keys of a bidirectional model serve one length: a session for each sentence, the first with the whole vocabulary.
    for (const [index, { ids }] of golden.slice(0, 20).entries()) {
      const small = index === 0 ? { folded, ids } : withVocabulary(folded, ids), { config } = small.folded;
      const outcome = await assertSecure(
        small.folded,
        (positions) => ({ ...model(positions), config, rounding: index % 4 === 3 ? "dither" : "nearest" }),
        [{ promptIds: small.ids, generate: 0 }],
      );
      assertEquals(outcome.logits[0]!.map((row) => row.length), [2]);
    }

    // Every eighth sentence; on all 872 the oracle classifies 704 as labelled, as many as the float model, with either rounding.
    const sample = golden.filter((_, i) => i % 8 === 0), matrices = await integers(model(64), folded);
    for (const rounding of ["nearest", "dither"] as const) {
      const right = sample.filter(({ label, ids }) => {
        const oracle = new Oracle({ ...model(ids.length), rounding }, (name) => matrices.get(name)!.data, {
          coins: steadyCoins(),
        });
        return argmax(oracle.tokens(ids)) === label;
      }).length;
      assert(Math.abs(right - 99) <= 1, `the oracle classifies ${right} of ${sample.length} as labelled, float 99`);
    }
  },
});

/** Opens shares to both parties where a stage would reveal them to the client alone, so that both results can be compared. */
function openingAll<V extends View>(ctx: Context<V>): Context<V> {
  const gate: Context<V>["gate"] = (name, primitive, params, ...x) =>
    ctx.gate(name, Object.is(primitive, reveal) ? openShare as unknown as typeof primitive : primitive, params, ...x);
  return { ...ctx, gate };
}

/** The layers and the head of a bidirectional model, from what enters its first layer. */
function* withoutEmbedding<V extends View>(
  ctx: Context<V>,
  model: ModelSpec,
  entering: Wire<V>,
  cache: (width: number) => Cache<V>,
): Gate<Wire<V>> {
  const { config, maxPositions } = model, positions = { from: 0, count: maxPositions };
  let x = entering;
  for (let layer = 0; layer < config.layers; layer++) {
    const own = { keys: cache(config.hiddenWidth), values: cache(config.hiddenWidth) };
    x = yield* layerStage(ctx.within(`layer${layer}`), model, layer, { x, cache: own, positions });
  }
  const last = ctx.within("output");
  return yield* outputStage(openingAll(last), model, wanted(last, model, x));
}

Deno.test({
  name:
    `a published BERT-tiny's layers and head give the float model's logits, secure = oracle, from an embedded sentence${published.missing}`,
  ignore: published.missing !== "",
  async fn() {
    // The recorded logits (-2.617, 2.492) were made with one constant for each norm and position in the place of the
    // rsqrt: the exact model is 0.154 away from them. What is compared here is the exact float twin.
    const { model: folded, rows } = await readBertTinySst2(published.folder), { config } = folded;
    // The folder has no word embeddings: the sentence enters where the normalised embedding would.
    const model = specOf({ ...config, vocabCount: 1 }, rows.length),
      one = 2 ** streamScale(model),
      matrices = await integers(model, withVocabulary(folded, [0]).folded);
    const extent = tokenRows(model, { from: 0, count: rows.length }, config.hiddenWidth),
      data = Float64Array.from(rows.flatMap((row) => [...row]), (value) => Math.round(value * one));
    const weights = Object.fromEntries(
        weightRefs(model).map((ref) => [ref.name, { ref, data: matrices.get(ref.name)!.data }]),
      ),
      constants = Object.fromEntries([...matrices].map(([name, { data }]) => [name, data]));

    const reader = {
      weights: ({ name }: { name: string }) => matrices.get(name)!.data,
      constants: ({ name, from, count }: { name: string; from: number; count: number }) =>
        matrices.get(name)!.data.subarray(from, from + count),
      input: () => new Float64Array(0),
    };
    const cache = (width: number): Cache<"clear"> => ({
      kind: "cache",
      view: "clear",
      ringBits: 32,
      scale: model.scales.activation,
      width,
      tokens: 0,
      data: new Float64Array(0),
    });
    const entering = wire("clear", { ringBits: streamBits(model), scale: streamScale(model), extent }, data),
      logits = finish(withoutEmbedding(new ClearContext({ reader }), model, entering, cache)).value.data;
    const expected = floatModel(folded).hidden(rows);
    for (const [i, logit] of logits.entries()) {
      const distance = Math.abs(logit / 2 ** outputScale(model) - expected[i]!);
      assert(distance <= 0.05, `logit ${i} is ${distance} away`);
    }

    const engines = [await createWasmEngine({ threads: 1 }), await createWasmEngine({ threads: 1 })] as const;
    try {
      await assertLaw({
        inputs: [{ kind: "wire", ringBits: 32, scale: streamScale(model), extent, data }],
        run: (ctx, [x], cache) => withoutEmbedding(ctx, model, x as Wire<typeof ctx.view>, cache),
        weights,
        constants,
        engines,
      });
    } finally {
      for (const engine of engines) engine.close();
    }
  },
});

/** What the client makes of all revealed words of a request, without the 1 that a pooled state carries. */
function answersOf(model: ModelSpec, outputs: readonly Int32Array[]): number[] {
  const { head } = model.config, one = 2 ** outputScale(model), more = head.outputs === 0 ? 1 : 0;
  return outputs.flatMap((words) => [...words].map((word) => word / one - more));
}

for (const [name, config] of Object.entries({ ...TINY_MODELS, ...TINY_SWITCHES, "Llama": TINY_LLAMA })) {
  for (const [rounding, limit] of [["nearest", 0.05], ["dither", 0.15]] as const) {
    Deno.test(`secure ${name} with random weights equals the oracle, which is close to the float model (${rounding})`, async () => {
      const ids = [3, 1, 4, 1, 5, 9],
        folded = await livelyModel(config),
        model = await calibratedModel(folded, [...ids, 2, 6], rounding),
        generates = config.head.answer === "tokens";

      const outcome = await assertSecure(folded, model, [{ promptIds: ids, generate: generates ? 3 : 0 }]);

      const outputs = outcome.logits[0]!.slice(0, generates ? 1 : undefined), expected = floatModel(folded).tokens(ids);
      const answers = answersOf(model(ids.length), outputs);
      assertEquals(answers.length, expected.length);
      answers.forEach((value, i) => {
        const distance = Math.abs(value - expected[i]!);
        assert(distance <= limit, `output ${i} is ${distance} away from ${expected[i]}`);
      });
    });
  }
}
