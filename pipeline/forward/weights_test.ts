import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ModelError } from "../../core/errors.ts";
import { Seed } from "../../core/prg/seed.ts";
import { addWords, toSignedNumbers } from "../../core/ring/words.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import type { FoldedModel, Matrix } from "../../models/matrices.ts";
import { memorySource } from "../../models/fold.ts";
import { integers } from "../../tests/models.ts";
import { livelyModel, specOf, TINY_LLAMA, TINY_MODELS } from "../../tests/tiny_models.ts";
import { matrixBits, weightRefs } from "./model_spec.ts";
import { defaultScales } from "./scales.ts";
import { type IntegerMatrix, integerWeights, maskedMatrix, maskOf, plainMatrix, WeightsDigest } from "./weights.ts";

function integer(value: number, scale: number): number {
  return Math.round(value * 2 ** scale) + 0; // never -0
}

function rounded(values: Float32Array, scale: number): number[] {
  return Array.from(values, (value) => integer(value, scale));
}

/** A copy of the matrix with one entry, or one entry of its bias, replaced. */
function withEntry(matrix: Matrix, value: number, part: "data" | "bias"): Matrix {
  return { ...matrix, [part]: matrix[part]!.with(5, value) };
}

Deno.test("integerWeights() gives every matrix in the order and shape of the forward pass", async () => {
  for (const config of [TINY_LLAMA, ...Object.values(TINY_MODELS)]) {
    const model = specOf(config, 9), names: string[] = [];
    for (const { name, inputs, outputs, data } of (await integers(model, await livelyModel(config))).values()) {
      assertEquals(data.length, Math.max(1, inputs) * outputs, name);
      if (inputs > 0) names.push(`${name} ${inputs} ${outputs}`);
    }
    const refs = weightRefs(model);
    assertEquals(names, refs.map(({ name, inputs, outputs }) => `${name} ${inputs} ${outputs}`));
  }
});

Deno.test("integerWeights() rounds at the scale of the plan, biases at that of the product", async () => {
  const config = TINY_MODELS["GPT-2"], model = specOf(config, 9), { scales } = model;
  const folded = await livelyModel(config), { qkv, down } = folded.layers[1]!, matrices = await integers(model, folded);
  const data = (name: string): number[] => [...matrices.get(name)!.data];

  assertEquals(data("embed"), rounded(folded.embed.data, scales.residual));
  assertEquals(data("positions"), rounded(folded.positions!.data, scales.residual));
  assertEquals(data("layers.1.qkv"), rounded(qkv.data, scales.weight));
  assertEquals(data("layers.1.qkv.bias"), rounded(qkv.bias!, scales.weight + scales.activation));
  assertEquals(data("layers.1.down.bias"), rounded(down.bias!, scales.weight + scales.hidden));
});

Deno.test("integerWeights() raises a post-norm model's residual columns to the scale of what is added to them", async () => {
  const config = TINY_MODELS.BERT, model = specOf(config, 9), { weight, activation, hidden } = model.scales;
  const folded = await livelyModel(config), { gateUp, qkv } = folded.layers[0]!, [, outputs] = gateUp.shape;
  const matrices = await integers(model, folded), { data } = matrices.get("layers.0.gateUp")!;

  assertEquals([hidden - activation, outputs], [2, config.ffnWidth + config.hiddenWidth]);
  data.forEach((entry, i) => {
    const scale = i % outputs < config.ffnWidth ? weight : weight + hidden - activation;
    assertEquals(entry, integer(gateUp.data[i]!, scale));
  });
  matrices.get("layers.0.gateUp.bias")!.data.forEach((entry, i) => {
    const scale = weight + (i < config.ffnWidth ? activation : hidden);
    assertEquals(entry, integer(gateUp.bias![i]!, scale));
  });
  // Attention mixes values at the activation's scale: its residual columns stay.
  assertEquals([...matrices.get("layers.0.qkv")!.data], rounded(qkv.data, weight));
});

Deno.test("integerWeights() takes back in a classifier's bias the 1 that its pooled state carries", async () => {
  const config = TINY_MODELS["BERT classifier"], model = specOf(config, 9), { weight, activation } = model.scales;
  const folded = await livelyModel(config), matrices = await integers(model, folded), head = matrices.get("head")!;

  for (let o = 0; o < config.head.outputs; o++) {
    const column = head.data.filter((_, i) => i % config.head.outputs === o).reduce((a, b) => a + b);
    const bias = Math.round(folded.head!.bias![o]! * 2 ** (weight + activation));
    assertEquals(matrices.get("head.bias")!.data[o], bias - 2 ** activation * column);
  }
});

for (const [what, value] of [["too large", 1_234_567], ["not a number", NaN]] as const) {
  Deno.test(`integerWeights() names the matrix, and not the value, when an entry is ${what}`, async () => {
    const config = TINY_MODELS["GPT-2"], folded = await livelyModel(config), [first, second] = folded.layers;
    const cases: [string, FoldedModel][] = [
      ["layers.1.out", { ...folded, layers: [first!, { ...second!, out: withEntry(second!.out, value, "data") }] }],
      ["layers.0.qkv.bias", {
        ...folded,
        layers: [{ ...first!, qkv: withEntry(first!.qkv, value, "bias") }, second!],
      }],
      ["positions", { ...folded, positions: withEntry(folded.positions!, value, "data") }],
    ];
    for (const [name, broken] of cases) {
      const error = await assertRejects(
        () => integers(specOf(config, 9), broken),
        ModelError,
        `Cannot represent ${name} as its entries must stay below 2^30`,
      );
      assert(!/1234567|NaN/.test(error.message), error.message);
    }
  });
}

Deno.test("WeightsDigest depends on the salt, the seed, the names, the shapes, the values and their order", () => {
  const a: IntegerMatrix = { name: "a", inputs: 1, outputs: 2, writes: "own", data: Int32Array.of(1, -2) },
    b = { ...a, name: "b" };
  const salt = new Uint8Array(32),
    seed = Seed.from(new Uint8Array(32)),
    digest = (salt: Uint8Array, ...matrices: IntegerMatrix[]): string => {
      const hash = new WeightsDigest(salt, seed);
      for (const matrix of matrices) hash.add(matrix);
      return hash.hex();
    };
  const reseeded = new WeightsDigest(salt, Seed.from(new Uint8Array(32).fill(1)));
  for (const matrix of [a, b]) reseeded.add(matrix);
  const seen = [
    digest(salt, a, b),
    reseeded.hex(),
    digest(salt.with(31, 1), a, b),
    digest(salt, b, a),
    digest(salt, a),
    digest(salt, { ...a, inputs: 2, outputs: 1 }, b),
    digest(salt, { ...a, data: Int32Array.of(1, -3) }, b),
  ];

  assertEquals(new Set(seen).size, seen.length);
  assertEquals(digest(salt, structuredClone(a), b), seen[0]);
});

Deno.test("maskOf() is the client's masked matrix minus the weights, another one for every matrix and seed", async () => {
  const matrices: IntegerMatrix[] = [], model = specOf(TINY_LLAMA, 9);
  for await (const matrix of integerWeights(model, memorySource(await livelyModel(TINY_LLAMA)))) matrices.push(matrix);
  const seed = Seed.from(new Uint8Array(32).fill(7)), other = Seed.from(new Uint8Array(32).fill(8));

  for (const [index, matrix] of matrices.entries()) {
    const masked = maskedMatrix(seed, index, matrix.data.length), mask = maskOf(seed, index, matrix);
    assert(mask.every((word, i) => (word + matrix.data[i]! - masked[i]!) % 2 ** 32 === 0), matrix.name);
  }
  for (const matrix of matrices.slice(0, 2)) {
    const masked = maskedMatrix(seed, 1, matrix.data.length, 2), mask = maskOf(seed, 1, matrix, 2);
    assertEquals(addWords(mask, plainMatrix(matrix, 2), 64), masked);
    assertEquals([...toSignedNumbers(plainMatrix(matrix, 2), 64)], [...matrix.data]);
  }
  const first = maskedMatrix(seed, 0, 8);
  assertEquals(maskedMatrix(seed, 0, 100).slice(0, 8), first);
  assertNotEquals(maskedMatrix(seed, 1, 8), first);
  assertNotEquals(maskedMatrix(other, 0, 8), first);
});

Deno.test("matrixBits() puts what writes the residual stream into its ring, and what reads it where norms come before", () => {
  const wide = (config: ModelConfig): string[] => {
    const model = specOf(config, 9, { scales: defaultScales({ ...config, layers: 1 }, 40) });
    return weightRefs(model).filter((ref) => matrixBits(model, ref) === 40).map(({ name }) => name);
  };
  const layer = (...parts: string[]): string[] => parts.map((part) => `layers.0.${part}`),
    all = layer("qkv", "out", "gateUp", "down");

  assertEquals(wide({ ...TINY_LLAMA, layers: 1 }), ["embed", ...layer("out", "down")]);
  assertEquals(wide({ ...TINY_MODELS["GPT-2"], layers: 1 }), ["embed", ...layer("out", "down")]);
  assertEquals(wide({ ...TINY_MODELS["BERT classifier"], layers: 1 }), ["embed", ...all, "dense"]);
  assertEquals(wide({ ...TINY_MODELS["BERT without a pooler"], layers: 1 }), ["embed", ...all, "head"]);
});
