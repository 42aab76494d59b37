import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { specOf, TINY_LLAMA, TINY_MODELS } from "../../tests/tiny_models.ts";
import { planDigest } from "./digest.ts";
import type { ModelSpec } from "../forward/model.ts";

const SHAPE = { promptTokens: 5, generate: 3, requests: 2 };

/** The value with its keys in the opposite order, at every depth. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, item]) => [key, reversed(item)])) as T;
}

/** Every copy of the value in which one number inside is one larger. */
function* variants<T>(value: T): Generator<T> {
  if (typeof value === "number") yield value + 1 as T;
  if (value === null || typeof value !== "object") return;
  for (const [key, item] of Object.entries(value)) {
    for (const other of variants(item)) {
      yield (Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other }) as T;
    }
  }
}

Deno.test("planDigest() is 32 hexadecimal bytes that do not depend on the order of keys", () => {
  const model = specOf(TINY_LLAMA, 7), digest = planDigest(model, SHAPE);

  assert(/^[0-9a-f]{64}$/.test(digest), digest);
  assertEquals(planDigest(reversed(model), reversed(SHAPE)), digest);
  assertEquals(planDigest(structuredClone(model), { ...SHAPE }), digest);
});

Deno.test("planDigest() differs when one number of the lengths or of the model differs", () => {
  for (const config of [TINY_LLAMA, TINY_MODELS["BERT classifier"]]) {
    const model = specOf(config, 7), seen = new Set([planDigest(model, SHAPE)]);
    let count = 1;
    for (const shape of variants(SHAPE)) {
      seen.add(planDigest(model, shape));
      count++;
    }
    const { expDigits: _exp, hiddenDigits: _hidden, ...free } = model.scales; // these two must add up: their tables have lengths
    for (const scales of variants(free)) {
      seen.add(planDigest({ ...model, scales: { ...model.scales, ...scales } }, SHAPE));
      count++;
    }
    for (const other of variants(model.config)) {
      seen.add(planDigest({ ...model, config: other }, SHAPE));
      count++;
    }
    assertEquals(seen.size, count);
  }
});

Deno.test("planDigest() differs when what is computed differs", () => {
  const model = specOf(TINY_LLAMA, 7), digest = planDigest(model, SHAPE);
  const others: ModelSpec[] = [
    { ...model, scope: "blocks" },
    { ...model, maxPositions: 8 },
    { ...model, config: { ...model.config, activation: "gelu" } },
    { ...model, config: { ...model.config, causal: false } },
    { ...model, scales: { ...model.scales, hiddenDigits: [5, 9, 7] } },
  ];

  for (const other of others) assertNotEquals(planDigest(other, SHAPE), digest);
});
