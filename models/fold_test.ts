import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { floatModel } from "../pipeline/forward/float_model.ts";
import { recordedModels, recordedRows } from "../tests/recorded_models.ts";
import { livelyWeights, TINY_LLAMA, TINY_MODELS, TINY_SWITCHES } from "../tests/tiny_models.ts";
import { modelConfigFrom } from "./config.ts";
import { collectFolded, foldModel, memorySource } from "./fold.ts";
import type { Matrix } from "./matrices.ts";
import type { ModelConfig } from "./model_config.ts";
import { checkpointShapes } from "./synthetic.ts";
import type { WeightSource } from "./weights.ts";

for (const recorded of recordedModels()) {
  const { name, config, source, ids, types, output } = recorded;
  Deno.test(`foldModel() keeps what Hugging Face's class answers: ${name}`, async () => {
    const folded = await collectFolded(foldModel(config, source));

    const answer = recordedRows(recorded, floatModel(folded, () => {}, { types }).tokens(ids));

    assertEquals(answer.length, output.length);
    answer.forEach((value, i) => assert(Math.abs(value - output[i]!) < 1e-4, `${i}: ${value} for ${output[i]}`));
  });

  Deno.test(`foldModel() refuses a tensor beside those of its class by name: ${name}`, () => {
    const extra = (name: string): WeightSource => ({ ...source, names: () => [...source.names(), name] });
    const [norm] = [...source.names()].filter((tensor) => tensor.endsWith(".weight") && tensor.includes("0."));

    const more = norm!.replace(/\w+\.weight$/, "extra_norm.weight");
    assertThrows(() => foldModel(config, extra(more)), ModelError, `received ${more}`);
  });
}

/** Asserts that every row of the matrix, and its bias, has mean 0. */
function assertMeanFree({ shape: [rows, width], data, bias }: Matrix, what: string): void {
  const whole = [...data, ...bias ?? []];
  for (let i = 0; i < rows + (bias === null ? 0 : 1); i++) {
    const sum = whole.slice(i * width, (i + 1) * width).reduce((a, b) => a + b);
    assert(Math.abs(sum) < 1e-5, `${what} row=${i} sum=${sum}`);
  }
}

for (const [name, config] of Object.entries(TINY_MODELS)) {
  Deno.test(`foldModel() leaves no mean in what a ${name} adds to the residual stream`, async () => {
    const model = await collectFolded(foldModel(config, livelyWeights(config)));

    assertMeanFree(model.embed, "embed");
    assertMeanFree(model.positions!, "positions");
    for (const { out, down } of model.layers) {
      assertMeanFree(out, "out");
      assertMeanFree(down, "down");
    }
  });
}

for (const [name, config] of Object.entries({ ...TINY_MODELS, ...TINY_SWITCHES, Llama: TINY_LLAMA })) {
  Deno.test(`foldModel() names a tensor that a checkpoint lacks, or whose shape or values do not fit: ${name}`, async () => {
    const source = livelyWeights(config);
    const broken = (tensor: WeightSource["tensor"]) => foldModel(config, { ...source, tensor }).layer(0);

    await assertRejects(() => broken((name) => source.tensor(`${name}x`)), ModelError, "Cannot make tensor");
    await assertRejects(
      () => broken(async (name) => ({ ...await source.tensor(name), shape: [3, 3] })),
      ModelError,
      "as its shape must be (",
    );
    for (const bad of [NaN, Infinity, -Infinity]) {
      const wrong = async (name: string) => {
        const { shape, data } = await source.tensor(name);
        return { shape, data: data.with(1, bad) };
      };
      await assertRejects(() => broken(wrong), ModelError, "as its elements must be finite");
    }
    const count = config.layers;
    await assertRejects(() => foldModel(config, source).layer(count), RangeError, `must be below ${count}: received`);
  });

  Deno.test(`memorySource() gives a collected model's parts again: ${name}`, async () => {
    const model = await collectFolded(foldModel(config, livelyWeights(config)));

    assertEquals(await collectFolded(memorySource(model)), model);
    await assertRejects(() => memorySource(model).layer(-1), RangeError, "received -1");
  });
}

/** The same weights under other names. */
function renamed(config: ModelConfig, rename: (name: string) => string): WeightSource {
  const source = livelyWeights(config), usual = new Map([...source.names()].map((name) => [rename(name), name]));
  return {
    has: (name) => usual.has(name),
    names: () => usual.keys(),
    tensor: (name) => source.tensor(usual.get(name)!),
  };
}

Deno.test("foldModel() finds tensors with and without their prefix, and norms under their older names", async () => {
  const older = (name: string) => name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("Norm.bias", "Norm.beta");
  const classifier = TINY_MODELS["BERT classifier"];
  const renames: [ModelConfig, (name: string) => string][] = [
    [classifier, (name) => name.replace("bert.", "")],
    [classifier, older],
    [TINY_MODELS.BERT, (name) => older(`bert.${name}`)],
    [TINY_MODELS["GPT-2"], (name) => name.replace("transformer.", "")],
    [TINY_LLAMA, (name) => name.replace("model.", "")],
  ];
  for (const [config, rename] of renames) {
    const usual = await collectFolded(foldModel(config, livelyWeights(config)));
    assertEquals(await collectFolded(foldModel(config, renamed(config, rename))), usual);
  }
});

Deno.test("foldModel() takes buffers, the copy of a tied head and heads of other classes as unread", () => {
  const cases: [ModelConfig, string[]][] = [
    [TINY_LLAMA, ["model.layers.0.self_attn.rotary_emb.inv_freq", "lm_head.weight", "score.weight"]],
    [TINY_MODELS["GPT-2"], ["transformer.h.0.attn.bias", "h.0.attn.masked_bias"]],
    [TINY_MODELS["BERT classifier"], ["bert.embeddings.position_ids", "cls.predictions.bias"]],
  ];
  for (const [config, names] of cases) {
    const source = livelyWeights(config);
    foldModel(config, { ...source, names: () => [...source.names(), ...names] });
  }
  const biased = { ...livelyWeights(TINY_LLAMA), names: () => ["model.layers.0.self_attn.q_proj.bias"] };
  assertThrows(() => foldModel(TINY_LLAMA, biased), ModelError, "received model.layers.0.self_attn.q_proj.bias");
});

Deno.test("foldModel() reads only the tensors of the part that is asked for", async () => {
  const names: string[] = [], source = livelyWeights(TINY_LLAMA);
  await foldModel(TINY_LLAMA, { ...source, tensor: (name) => (names.push(name), source.tensor(name)) }).layer(1);

  const own = [...checkpointShapes(TINY_LLAMA).keys()].filter((name) => name.includes(".1."));
  assertEquals([...new Set(names)].sort(), own.sort());
});

Deno.test("foldModel() shares the weights of an ALBERT's blocks", async () => {
  const json = {
    architectures: ["AlbertModel"],
    vocab_size: 11,
    hidden_size: 20,
    num_hidden_layers: 4,
    num_attention_heads: 2,
  };
  const config = modelConfigFrom({
    ...json,
    intermediate_size: 30,
    embedding_size: 12,
    max_position_embeddings: 9,
    num_hidden_groups: 2,
  });
  const { layers } = await collectFolded(foldModel(config, livelyWeights(config)));

  assertEquals(layers[2]!.down, layers[3]!.down);
  assert(layers[1]!.down.data.some((value, i) => value !== layers[2]!.down.data[i]));
});
