import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { namedShape } from "./shapes.ts";
import { checkpointShapes, syntheticInput, syntheticWeights } from "./synthetic.ts";

const config = namedShape("llama-tiny");

/** Mean, standard deviation and kurtosis. */
function moments(values: Float32Array): { mean: number; sigma: number; kurtosis: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const power = (p: number) => values.reduce((sum, x) => sum + (x - mean) ** p, 0) / values.length;
  return { mean, sigma: Math.sqrt(power(2)), kurtosis: power(4) / power(2) ** 2 };
}

Deno.test("syntheticWeights() makes every tensor of the checkpoint with its shape", async () => {
  const weights = syntheticWeights(config, 1);
  for (const [name, shape] of checkpointShapes(config)) assertEquals((await weights.tensor(name)).shape, shape, name);

  await assertRejects(() => weights.tensor("lm_head.weight"), ModelError, "Cannot make tensor lm_head.weight");
});

Deno.test("syntheticWeights() depends on seed and name, not on the order", async () => {
  const [q, k] = ["model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.weight"];
  const one = syntheticWeights(config, 1), again = syntheticWeights(config, "1"), other = syntheticWeights(config, 2);
  const expected = await one.tensor(q);
  await again.tensor(k);

  assertEquals(await again.tensor(q), expected);
  assertNotEquals(await one.tensor(k), expected);
  assertNotEquals(await other.tensor(q), expected);
});

Deno.test("syntheticWeights() initialises as the authors do", async () => {
  const weights = syntheticWeights(config, 1);
  const expected = [
    ["model.embed_tokens.weight", 0.02],
    ["model.layers.1.mlp.gate_proj.weight", 0.02],
    ["model.layers.1.self_attn.o_proj.weight", 0.01], // 0.02 / sqrt(2 * 2)
    ["model.layers.0.mlp.down_proj.weight", 0.01],
  ] as const;
  for (const [name, sigma] of expected) {
    const found = moments((await weights.tensor(name)).data);
    assert(Math.abs(found.mean) < sigma / 50, `${name} mean=${found.mean}`);
    assert(Math.abs(found.sigma / sigma - 1) < 0.02, `${name} sigma=${found.sigma}`);
    assert(Math.abs(found.kurtosis - 3) < 0.1, `${name} kurtosis=${found.kurtosis}`);
  }
  assertEquals(new Set((await weights.tensor("model.layers.0.input_layernorm.weight")).data), new Set([1]));
});

Deno.test("syntheticWeights() makes biases and betas 0 and gammas 1", async () => {
  const weights = syntheticWeights(namedShape("bert-tiny"), 1);
  const set = async (name: string) => new Set((await weights.tensor(`encoder.layer.1.${name}`)).data);

  assertEquals(await set("output.LayerNorm.weight"), new Set([1]));
  assertEquals(await set("output.LayerNorm.bias"), new Set([0]));
  assertEquals(await set("output.dense.bias"), new Set([0]));
  assertEquals([weights.has("pooler.dense.weight"), weights.has("bert.pooler.dense.weight")], [true, false]);
  const { sigma } = moments((await weights.tensor("encoder.layer.1.output.dense.weight")).data);
  assert(Math.abs(sigma / 0.01 - 1) < 0.02, `sigma=${sigma}`);
});

Deno.test("syntheticInput() is a reproducible N(0, 1) of shape (tokens, width)", () => {
  const x = syntheticInput(101, 255, "seed"); // an odd count: the last pair is cut
  const { mean, sigma } = moments(x);

  assertEquals(x.length, 101 * 255);
  assertEquals(syntheticInput(101, 255, "seed"), x);
  assert(Math.abs(mean) < 0.02 && Math.abs(sigma - 1) < 0.02, `mean=${mean} sigma=${sigma}`);
});

Deno.test("syntheticInput() keeps its values for a seed", () => {
  const recorded = [-1.1047627925872803, -0.7933472990989685, -0.1152694895863533, -0.6458362340927124];

  assertEquals(syntheticInput(1, 4, 7), Float32Array.from(recorded));
});

Deno.test("syntheticWeights() refuses a numeric seed that is not an unsigned 32-bit integer", () => {
  for (const seed of [-1, 0.5, 2 ** 32, NaN]) assertThrows(() => syntheticWeights(config, seed), RangeError, "32-bit");
});
