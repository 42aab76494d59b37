import { assertEquals, assertRejects } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { memoryFiles } from "./files.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { openWeights, WEIGHTS_FILE, WEIGHTS_INDEX_FILE } from "./weights.ts";

const first = encodeSafetensors({ a: { shape: [2], data: Float32Array.of(1, 2) } });
const second = encodeSafetensors({ b: { shape: [1, 1], data: Float32Array.of(3) } }, "F16");

function indexOf(map: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ metadata: { total_size: 10 }, weight_map: map }));
}

Deno.test("openWeights() reads a checkpoint of one file", async () => {
  const weights = await openWeights(memoryFiles({ [WEIGHTS_FILE]: first }));

  assertEquals([weights.has("a"), weights.has("b"), weights.has("__metadata__")], [true, false, false]);
  assertEquals(await weights.tensor("a"), { shape: [2], data: Float32Array.of(1, 2) });
  await assertRejects(() => weights.tensor("b"), ModelError, "Cannot read tensor b as model.safetensors must hold it");
});

Deno.test("openWeights() reads a checkpoint that an index splits over files", async () => {
  const weights = await openWeights(memoryFiles({
    [WEIGHTS_INDEX_FILE]: indexOf({ a: "part-1.safetensors", b: "part-2.safetensors" }),
    "part-1.safetensors": first,
    "part-2.safetensors": second,
  }));

  assertEquals([weights.has("a"), weights.has("b"), weights.has("toString")], [true, true, false]);
  assertEquals((await weights.tensor("a")).data, Float32Array.of(1, 2));
  assertEquals((await weights.tensor("b")).shape, [1, 1]);
  await assertRejects(() => weights.tensor("c"), ModelError, "Cannot read tensor c as model.safetensors.index.json");
  await assertRejects(() => weights.tensor("toString"), ModelError, "received 2 other tensors");
});

Deno.test("openWeights() refuses an index that lists a tensor which its file does not hold", async () => {
  const files = memoryFiles({ [WEIGHTS_INDEX_FILE]: indexOf({ b: "x.safetensors" }), "x.safetensors": first });

  await assertRejects(() => openWeights(files), ModelError, "Cannot read tensor b as x.safetensors must hold it");
});

Deno.test("openWeights() refuses an index that leads out of the folder", async () => {
  for (const file of ["../x.safetensors", "/x.safetensors", "a/b.safetensors", "x.bin", 3]) {
    await assertRejects(
      () => openWeights(memoryFiles({ [WEIGHTS_INDEX_FILE]: indexOf({ a: file }) })),
      ModelError,
      "must be a plain *.safetensors name",
    );
  }
});

Deno.test("openWeights() refuses a folder without weights, a missing part and an index without a map", async () => {
  await assertRejects(() => openWeights(memoryFiles({})), ModelError, "received neither");
  await assertRejects(
    () => openWeights(memoryFiles({ [WEIGHTS_INDEX_FILE]: indexOf({ a: "x.safetensors" }) })),
    ModelError,
    "Cannot read x.safetensors",
  );
  await assertRejects(
    () => openWeights(memoryFiles({ [WEIGHTS_INDEX_FILE]: indexOf(null) })),
    ModelError,
    "weight_map must be an object",
  );
});

Deno.test("openWeights() says how many bytes a truncated file must have", async () => {
  for (const length of [0, 7, 8, 40, first.length - 1]) {
    const files = memoryFiles({ [WEIGHTS_FILE]: first.subarray(0, length) });
    await assertRejects(() => openWeights(files), ModelError, `received ${length}`);
  }
});
