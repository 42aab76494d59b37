import { assert, assertEquals, assertRejects } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import type { ModelConfig } from "./model_config.ts";
import { collectFolded, foldLlama } from "./fold.ts";
import { namedShape } from "./shapes.ts";
import { checkpointShapes, syntheticWeights } from "./synthetic.ts";
import type { Tensor } from "./safetensors.ts";
import type { WeightSource } from "./weights.ts";

/** Every width differs, and none is a multiple of the transpose's tile. */
const config: ModelConfig = {
  ...namedShape("llama-tiny"),
  hiddenWidth: 40,
  heads: 6,
  kvHeads: 3,
  headWidth: 14,
  ffnWidth: 70,
  vocabCount: 50,
  maxPositions: 16,
  tiedEmbeddings: false,
};
const C = 40, QUERY = 6 * 14, KV = 3 * 14, F = 70, V = 50;

/** Synthetic weights whose norm weights are not 1, so that folding shows. */
function weightsOf(changes: Record<string, Tensor> = {}): WeightSource {
  const source = syntheticWeights(config, "fold");
  return {
    has: source.has,
    tensor: async (name) => {
      const { shape, data } = changes[name] ?? await source.tensor(name);
      return { shape, data: shape.length === 1 ? data.map((_, i) => 1 + i / 8 + name.length / 64) : data };
    },
  };
}

/** Asserts that folded[i][column + o] = gamma[i] * stored[o][i] * factor for all i and o. */
async function assertFolded(
  folded: { shape: readonly number[]; data: Float32Array },
  expected: { stored: string; column?: number; gamma?: string; factor?: number },
): Promise<void> {
  const { stored, column = 0, gamma, factor = 1 } = expected;
  const { shape: [outputs, inputs], data } = await weightsOf().tensor(stored);
  const norm = gamma === undefined ? undefined : (await weightsOf().tensor(gamma)).data;
  for (let i = 0; i < inputs!; i++) {
    for (let o = 0; o < outputs!; o++) {
      const want = (norm?.[i] ?? 1) * factor * data[o * inputs! + i]!;
      const got = folded.data[i * folded.shape[1]! + column + o]!;
      assert(Math.abs(got - want) <= Math.abs(want) * 2 ** -23, `${stored} i=${i} o=${o}`);
    }
  }
}

Deno.test("foldLlama() transposes, folds norm weights into rows and 1/sqrt(D) into query columns", async () => {
  const { layers, head, embed, positions, pooler } = await collectFolded(foldLlama(config, weightsOf()));
  for (const [l, layer] of layers.entries()) {
    const prefix = `model.layers.${l}`;
    const attention = `${prefix}.input_layernorm.weight`, ffn = `${prefix}.post_attention_layernorm.weight`;
    const projection = (name: string) => `${prefix}.self_attn.${name}_proj.weight`;
    await assertFolded(layer.qkv, { stored: projection("q"), gamma: attention, factor: 1 / Math.sqrt(14) });
    await assertFolded(layer.qkv, { stored: projection("k"), gamma: attention, column: QUERY });
    await assertFolded(layer.qkv, { stored: projection("v"), gamma: attention, column: QUERY + KV });
    await assertFolded(layer.out, { stored: projection("o") });
    await assertFolded(layer.gateUp, { stored: `${prefix}.mlp.gate_proj.weight`, gamma: ffn });
    await assertFolded(layer.gateUp, { stored: `${prefix}.mlp.up_proj.weight`, gamma: ffn, column: F });
    await assertFolded(layer.down, { stored: `${prefix}.mlp.down_proj.weight` });
    assertEquals([layer.qkv.shape, layer.out.shape], [[C, QUERY + 2 * KV], [QUERY, C]]);
    assertEquals([layer.gateUp.shape, layer.down.shape], [[C, 2 * F], [F, C]]);
  }
  await assertFolded(head!, { stored: "lm_head.weight", gamma: "model.norm.weight" });
  assertEquals([head!.shape, embed.shape], [[C, V], [V, C]]);
  assertEquals([positions, pooler, head!.bias, embed.bias, layers[0]!.qkv.bias], [null, null, null, null, null]);
  assertEquals(embed.data, (await weightsOf().tensor("model.embed_tokens.weight")).data);
});

Deno.test("foldLlama() makes a tied head from the embedding", async () => {
  const head = await foldLlama({ ...config, tiedEmbeddings: true }, weightsOf()).head();

  await assertFolded(head, { stored: "model.embed_tokens.weight", gamma: "model.norm.weight" });
});

Deno.test("foldLlama() reads only the tensors of the part that is asked for", async () => {
  const names: string[] = [];
  const source = weightsOf();
  await foldLlama(config, { has: source.has, tensor: (name) => (names.push(name), source.tensor(name)) }).layer(1);

  assertEquals(names.sort(), [...checkpointShapes(config).keys()].filter((name) => name.includes(".1.")).sort());
});

Deno.test("foldLlama() names a tensor whose shape does not fit the config", async () => {
  const name = "model.layers.0.self_attn.k_proj.weight";
  const folded = foldLlama(config, weightsOf({ [name]: { shape: [C, KV], data: new Float32Array(C * KV) } }));

  await assertRejects(
    () => folded.layer(0),
    ModelError,
    `Cannot fold tensor ${name} as its shape must be (42, 40): received (40, 42)`,
  );
});

Deno.test("foldLlama() names a tensor that holds Infinity or NaN", async () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const data = new Float32Array(F * C);
    data[11] = bad;
    const name = "model.layers.1.mlp.up_proj.weight";
    const folded = foldLlama(config, weightsOf({ [name]: { shape: [F, C], data } }));

    await assertRejects(() => folded.layer(1), ModelError, `Cannot fold tensor ${name} as its elements must be finite`);
  }
});

Deno.test("foldLlama() refuses a layer that the model does not have", async () => {
  await assertRejects(() => foldLlama(config, weightsOf()).layer(2), RangeError, "must be below 2: received 2");
});
