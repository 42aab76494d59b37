import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createWasmEngine, runKernelWorkerIfNamed } from "./mod.ts";

Deno.test("Scope.end() frees what was made in it and passes what is kept to the enclosing scope", async () => {
  const engine = await createWasmEngine(), before = engine.usedBytes;
  const outer = engine.begin();
  const inner = engine.begin();
  const lost = engine.upload(Uint32Array.of(1, 2)), kept = engine.upload(Uint32Array.of(3, 4));
  inner.end([kept]);

  assertThrows(() => engine.download(lost), Error, "after its scope had ended");
  assertEquals(engine.download(kept), Uint32Array.of(3, 4));
  outer.end([]);
  assertThrows(() => engine.download(kept), Error, "after its scope had ended");
  assertEquals(engine.usedBytes, before);
});

Deno.test("Engine.enter() makes another lane's scope current", async () => {
  const engine = await createWasmEngine();
  const first = engine.begin();
  engine.enter(null);
  const second = engine.begin();
  const x = engine.upload(Uint32Array.of(1));
  assertEquals(engine.enter(first), second);
  const y = engine.upload(Uint32Array.of(2));
  second.end([]);

  assertThrows(() => engine.download(x), Error);
  assertEquals(engine.download(y), Uint32Array.of(2));
  first.end([]);
});

Deno.test("Scope.end() leaves a kept handle of another scope alone", async () => {
  const engine = await createWasmEngine(),
    outer = engine.begin(),
    x = engine.upload(Uint32Array.of(7)),
    inner = engine.begin();
  inner.end([x]);
  assertEquals(engine.download(x), Uint32Array.of(7));
  outer.end([]);
});

Deno.test("KeyMemory.view() refuses a range outside of it", async () => {
  const memory = (await createWasmEngine()).keyMemory(10);
  assertThrows(() => memory.view(4, 7), RangeError, "must end within 10 bytes: received 7 at 4");
});

Deno.test("store() refuses tokens beyond the cache", async () => {
  const engine = await createWasmEngine(), cache = engine.cache(2, 4), x = engine.upload(new Uint32Array(8));
  assertThrows(() => engine.store(0, cache, 1, x, x), RangeError, "ends at 2: received 2 from 1 on");
  engine.freeCache(cache);
});

Deno.test("createWasmEngine() shares large calls with helper threads, also after the memory has grown", async () => {
  const single = await createWasmEngine(), threaded = await createWasmEngine({ threads: 3, parallelNs: 0 });
  const words = Uint32Array.from({ length: 200 * 300 }, (_, i) => Math.imul(i, 2654435761) >>> 0);
  const products = [single, threaded].map((engine) => {
    let product: Uint32Array = new Uint32Array();
    for (let i = 0; i < 4; i++) {
      engine.keyMemory(5_000_000);
      product = engine.download(
        engine.multiplyWeights(engine.upload(words.subarray(0, 40 * 200)), engine.weights(words, 200, 300)),
      );
    }
    return product;
  });
  threaded.close();
  single.close();
  assertEquals(products[1], products[0]);
});

Deno.test("createWasmEngine() rejects when its helper module cannot be loaded", async () => {
  const workerUrl = "data:text/javascript,throw new Error('no kernels here')";
  await assertRejects(() => createWasmEngine({ threads: 2, workerUrl }), Error, "Cannot start a kernel thread");
});

Deno.test("createWasmEngine() refuses a senseless number of threads", async () => {
  await assertRejects(() => createWasmEngine({ threads: 0 }), RangeError, "threads must be 1 to 60: received 0");
});

Deno.test("runKernelWorkerIfNamed() does nothing outside of a helper thread", () => {
  assertEquals(runKernelWorkerIfNamed(), false);
});
