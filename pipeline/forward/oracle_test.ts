import { assert, assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../../core/errors.ts";
import { syntheticInput } from "../../models/synthetic.ts";
import { integers } from "../../tests/models.ts";
import { livelyModel, specOf, TINY_LLAMA, TINY_MODELS } from "../../tests/tiny_models.ts";
import { type ModelSpec, streamScale } from "./model.ts";
import { argmax, Oracle, type OracleOptions } from "./oracle.ts";

const IDS = [3, 1, 4, 1, 5, 9, 2, 6];

/** Makes oracles of one model at position 0. */
async function oracles(model: ModelSpec): Promise<(options?: OracleOptions) => Oracle> {
  const matrices = await integers(model, await livelyModel(model.config));
  return (options) => new Oracle(model, (name) => matrices.get(name)!.data, options);
}

for (const [name, config] of Object.entries({ Llama: TINY_LLAMA, "GPT-2": TINY_MODELS["GPT-2"] })) {
  Deno.test(`Oracle.tokens() gives the same logits for a ${name} whatever the chunks`, async () => {
    const make = await oracles(specOf(config, IDS.length)), expected = make().tokens(IDS);
    for (const lengths of [[1, 1, 1, 1, 1, 1, 1, 1], [3, 5], [5, 1, 2], [7, 1]]) {
      const oracle = make(), ids = [...IDS];
      const logits = lengths.map((length) => oracle.tokens(ids.splice(0, length))).at(-1);
      assertEquals(logits, expected, `chunks of ${lengths}`);
    }
  });
}

Deno.test("Oracle.hidden() gives the same rows whatever the chunks where blocks run alone", async () => {
  const model = specOf(TINY_LLAMA, 5, { scope: "blocks" }), make = await oracles(model), width = TINY_LLAMA.hiddenWidth;
  const states = Float64Array.from(
    syntheticInput(5, width, "states"),
    (value) => Math.round(value * 2 ** streamScale(model)),
  );

  const all = make().hidden(states), oracle = make();

  const parts = [[0, 2], [2, 3], [3, 5]].map(([from, to]) => oracle.hidden(states.slice(from! * width, to! * width)));
  assertEquals(parts.flatMap((part) => [...part]), [...all]);
});

Deno.test("Oracle reports every tensor that a gate reads and the gate's limit, by stage and path", async () => {
  const make = await oracles(specOf(TINY_LLAMA, IDS.length)), seen = new Map<string, [number, number]>();

  make({
    observe: ({ stage, path, x: { data, scale, ringBits }, limit }) => {
      assert(data.every(Number.isInteger) && scale >= 0 && ringBits > 0, path);
      seen.set(`${stage} ${path}`, [data.length, limit]);
    },
  }).tokens(IDS);

  const { hiddenWidth, ffnWidth } = TINY_LLAMA;
  assertEquals(seen.get("0 open"), [IDS.length * hiddenWidth, Infinity]);
  assertEquals(seen.get("2 mlp/activation_truncate"), [IDS.length * ffnWidth, 2 ** 30]);
  assertEquals(seen.get("2 mlp/activation"), [IDS.length * ffnWidth, 2 ** 19 - 2 ** 13]);
  assertEquals(seen.get("3 norm/rsqrt"), [1, Infinity]); // of the last token alone
});

Deno.test("Oracle.tokens() names the wire when a value leaves its range, and not the value", async () => {
  const model = specOf(TINY_LLAMA, 1), matrices = await integers(model, await livelyModel(TINY_LLAMA));
  const weights = (name: string): Int32Array => {
    const { data } = matrices.get(name)!;
    return name === "layers.1.out" ? data.map(() => 123_456_789) : data;
  };

  const error = assertThrows(
    () => new Oracle(model, weights).tokens([3]),
    ModelError,
    "Cannot represent the wire stage 2: out",
  );

  assert(!error.message.includes("123"), error.message);
});

Deno.test("argmax() is the first of the largest values", () => {
  assertEquals(argmax([1, 5, -3, 5]), 1);
  assertEquals(argmax(Float64Array.of(-2, -1)), 1);
  assertEquals(argmax([7]), 0);
});
