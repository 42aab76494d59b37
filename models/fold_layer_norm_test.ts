import { assert, assertEquals, assertRejects } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { architectureOf } from "./architectures.ts";
import type { ModelConfig } from "./model_config.ts";
import { collectFolded, foldModel, memorySource } from "./fold.ts";
import type { Matrix } from "./matrices.ts";
import { namedShape } from "./shapes.ts";
import { syntheticInput, syntheticWeights } from "./synthetic.ts";
import type { WeightSource } from "./weights.ts";

const C = 40, F = 70;
const SIZES = { layers: 2, hiddenWidth: C, heads: 4, kvHeads: 4, headWidth: 10, ffnWidth: F, vocabCount: 50 } as const;
const bert: ModelConfig = { ...namedShape("bert-tiny", { layers: 2 }), ...SIZES, maxPositions: 12 };
const classifier: ModelConfig = {
  ...bert,
  architecture: "BertForSequenceClassification",
  head: "classes",
  classCount: 3,
  labels: ["a", "b", "c"],
};
const gpt2: ModelConfig = { ...namedShape("gpt2", { layers: 2 }), ...SIZES, maxPositions: 12 };
const neo: ModelConfig = { ...namedShape("gpt-neo-1.3b", { layers: 2 }), ...SIZES, maxPositions: 12 };
const MODELS = { bert, classifier, gpt2, neo };

/** Synthetic weights with gammas, betas and biases of their own, under names that `rename` makes of the usual ones. */
function weightsOf(config: ModelConfig, rename: (name: string) => string = (name) => name): WeightSource {
  const source = syntheticWeights(config, "norms");
  const usual = new Map(architectureOf(config.architecture).tensors(config).map(({ name }) => [rename(name), name]));
  return {
    has: (name) => usual.has(name),
    tensor: async (name) => {
      const { shape, data } = await source.tensor(usual.get(name) ?? `missing ${name}`);
      if (shape.length > 1) return { shape, data };
      const noise = syntheticInput(1, data.length, usual.get(name)!);
      return { shape, data: data.map((value, i) => value + noise[i]! / 4) };
    },
  };
}

function assertMeanFree({ shape: [rows, width], data, bias }: Matrix, what: string): void {
  const whole = [...data, ...bias ?? []];
  for (let i = 0; i < rows + (bias === null ? 0 : 1); i++) {
    const sum = whole.slice(i * width, (i + 1) * width).reduce((a, b) => a + b);
    assert(Math.abs(sum) < 1e-5, `${what} row=${i} sum=${sum}`);
  }
}

/** Asserts that columns [column, column + C) of the matrix turn n into (gamma * n + beta) minus its mean. */
async function assertResidual(matrix: Matrix, options: { column: number; norm: string; source: WeightSource }) {
  const { column, norm, source } = options;
  const gamma = (await source.tensor(`${norm}.weight`)).data, beta = (await source.tensor(`${norm}.bias`)).data;
  const mean = beta.reduce((a, b) => a + b) / C;
  for (let o = 0; o < C; o++) {
    assert(Math.abs(matrix.bias![column + o]! - (beta[o]! - mean)) < 1e-6, `bias o=${o}`);
    for (let i = 0; i < C; i++) {
      const expected = gamma[i]! * ((i === o ? 1 : 0) - 1 / C);
      assert(Math.abs(matrix.data[i * matrix.shape[1] + column + o]! - expected) < 1e-6, `i=${i} o=${o}`);
    }
  }
}

for (const [name, config] of Object.entries(MODELS)) {
  Deno.test(`foldModel() leaves no mean in what a ${name} adds to the residual stream`, async () => {
    const model = await collectFolded(foldModel(config, weightsOf(config)));

    assertEquals([model.embed.shape, model.positions!.shape], [[50, C], [12, C]]);
    assertMeanFree(model.embed, "embed");
    assertMeanFree(model.positions!, "positions");
    for (const { out, down } of model.layers) {
      assertEquals([out.shape, down.shape], [[C, C], [F, C]]);
      assertMeanFree(out, "out");
      assertMeanFree(down, "down");
    }
  });

  Deno.test(`foldModel() names a tensor that a ${name} lacks, or whose shape does not fit`, async () => {
    const source = weightsOf(config);
    const broken = (tensor: WeightSource["tensor"]) => foldModel(config, { has: source.has, tensor }).layer(1);

    await assertRejects(() => broken((t) => source.tensor(`${t}x`)), ModelError, "Cannot make tensor missing");
    await assertRejects(
      () => broken(async (t) => ({ ...await source.tensor(t), shape: [3, 3] })),
      ModelError,
      "as its shape must be (",
    );
    await assertRejects(() => foldModel(config, source).layer(2), RangeError, "must be below 2: received 2");
  });
}

Deno.test("foldModel() gives a BERT's reading matrices columns that are the residual stream", async () => {
  const source = weightsOf(bert);
  const { layers } = await collectFolded(foldModel(bert, source));

  assertEquals(layers.map(({ qkv, gateUp }) => [qkv.shape, gateUp.shape]), Array(2).fill([[C, 4 * C], [C, F + C]]));
  await assertResidual(layers[0]!.qkv, { column: 3 * C, norm: "embeddings.LayerNorm", source });
  await assertResidual(layers[1]!.qkv, { column: 3 * C, norm: "encoder.layer.0.output.LayerNorm", source });
  await assertResidual(layers[1]!.gateUp, { column: F, norm: "encoder.layer.1.attention.output.LayerNorm", source });
});

Deno.test("foldModel() adds the first token type to a BERT's positions", async () => {
  const source = weightsOf(bert);
  const table = async (kind: string) => (await source.tensor(`embeddings.${kind}_embeddings.weight`)).data;
  const position = (await table("position")).subarray(3 * C, 4 * C), type = (await table("token_type")).subarray(0, C);
  const row = position.map((value, i) => value + type[i]!), mean = row.reduce((a, b) => a + b) / C;

  const folded = (await foldModel(bert, source).positions())!.data.subarray(3 * C, 4 * C);

  for (let i = 0; i < C; i++) assert(Math.abs(folded[i]! - (row[i]! - mean)) < 1e-6, `i=${i}`);
});

Deno.test("foldModel() finds tensors without their prefix, and a BERT's norms under their older names", async () => {
  const older = (name: string) => name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("Norm.bias", "Norm.beta");
  const renames: [ModelConfig, (name: string) => string][] = [
    [classifier, (name) => name.replace("bert.", "")],
    [classifier, older],
    [bert, (name) => older(`bert.${name}`)],
    [gpt2, (name) => name.replace("transformer.", "")],
    [neo, (name) => name.replace("transformer.", "")],
  ];
  for (const [config, rename] of renames) {
    const usual = await collectFolded(foldModel(config, weightsOf(config)));
    assertEquals(await collectFolded(foldModel(config, weightsOf(config, rename))), usual);
  }
});

Deno.test("foldModel() gives each kind of head its last matrices", async () => {
  const shapes = async (config: ModelConfig) => {
    const { pooler, head } = await collectFolded(foldModel(config, weightsOf(config)));
    return [pooler?.shape, head?.shape];
  };

  assertEquals(await shapes(gpt2), [undefined, [C, 50]]);
  assertEquals(await shapes({ ...gpt2, tiedEmbeddings: false }), [undefined, [C, 50]]);
  assertEquals(await shapes(classifier), [[C, C], [C, 3]]);
  assertEquals(await shapes(bert), [[C, C], undefined]);
  assertEquals(await shapes({ ...bert, head: "hidden" }), [undefined, [C, C]]);
  await assertRejects(() => foldModel(bert, weightsOf(bert)).head(), ModelError, "Cannot fold head");
  for (const config of [gpt2, { ...bert, head: "hidden" } as const]) {
    await assertRejects(() => foldModel(config, weightsOf(config)).pooler(), ModelError, "Cannot fold pooler");
  }
});

Deno.test("memorySource() gives a collected model's parts again", async () => {
  for (const config of Object.values(MODELS)) {
    const model = await collectFolded(foldModel(config, weightsOf(config)));
    const source = memorySource(model);

    assertEquals(await collectFolded(source), model);
    await assertRejects(() => source.layer(2), RangeError, "must be below 2: received 2");
  }
  const source = memorySource(await collectFolded(foldModel(bert, weightsOf(bert))));
  await assertRejects(() => source.head(), ModelError, "Cannot fold head");
});
