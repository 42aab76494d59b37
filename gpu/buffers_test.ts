/**
 * Pooled buffers and the order of host writes and commands.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Batches, BufferPool } from "./buffers.ts";
import { Device, findAdapter } from "./device.ts";
import { Keys } from "./keys.ts";
import { Readback } from "./readback.ts";

const ignore = await findAdapter() === null && Deno.env.get("REQUIRE_GPU") !== "1";

interface Parts {
  readonly device: Device;
  readonly batches: Batches;
  readonly pool: BufferPool;
  readonly readback: Readback;
}

function testBuffers(name: string, body: (parts: Parts) => Promise<void> | void, bindingBytes?: number): void {
  Deno.test(name, { ignore }, async () => {
    const device = await Device.open({ bindingBytes }), batches = new Batches(device);
    try {
      await body({ device, batches, pool: new BufferPool(batches), readback: new Readback(batches, () => {}) });
    } finally {
      device.close();
    }
  });
}

testBuffers("BufferPool reuses a freed block of the same class and counts what is used", ({ pool }) => {
  const first = pool.take("a", 1000), used = pool.usedBytes;
  pool.give(first);
  assertEquals(pool.usedBytes, 0);

  const second = pool.take("b", 1001);

  assert(first === second);
  assertEquals(pool.usedBytes, used);
  assert(used >= 1016);
});

testBuffers(
  "Batches.write() comes before later commands and after recorded ones",
  async ({ batches, pool, readback }) => {
    const [x, copy] = [pool.take("x", 4), pool.take("copy", 4)];
    batches.write(x, 0, Uint32Array.of(1));
    batches.copy(x, 0, copy.buffer, 0, 4);
    batches.write(x, 0, Uint32Array.of(2)); // must not reach the copy

    const [before, after] = await Promise.all([readback.read(copy, 0, 4), readback.read(x, 0, 4)]);

    assertEquals(before, Uint8Array.of(1, 0, 0, 0));
    assertEquals(after, Uint8Array.of(2, 0, 0, 0));
  },
);

testBuffers("Readback.read() returns many turns' bytes of any length", async ({ batches, pool, readback }) => {
  const block = pool.take("x", 200_000), bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
  batches.write(block, 0, bytes);
  for (const length of [1, 5, 4096, 199_999, 200_000]) {
    assertEquals(await readback.read(block, 0, length), bytes.slice(0, length));
  }
  assertEquals(await readback.read(block, 8, 3), bytes.slice(8, 11));
  assertEquals(readback.count, 6);
});

testBuffers("Readback.read() fails when the device is closed", async ({ device, pool, readback }) => {
  const block = pool.take("x", 4);
  device.close();

  await assertRejects(() => readback.read(block, 0, 4), Error, "close()");
});

testBuffers("Keys lie in parts that overlap, and every element lies in one", ({ pool }) => {
  const keys = new Keys(pool, 10_000);

  assert(keys.parts.length > 2);
  assertEquals([keys.parts[0]!.first, keys.parts.at(-1)!.end], [0, 10_000]);
  for (let at = 0; at + 1000 <= 10_000; at += 7) {
    const part = keys.partOf(at, at + 1000)!;
    assert(part.first <= at && at + 1000 <= part.end);
  }
  assertEquals(keys.partOf(0, 10_000), null);
  keys.free();
  assertEquals(pool.usedBytes, 0);
  assertThrows(() => keys.free(), Error, "freed twice");
}, 4096);

testBuffers("Keys.view() refuses what lies outside", ({ pool }) => {
  const keys = new Keys(pool, 100);

  assertThrows(() => keys.view(90, 11), RangeError, "must end within 100 bytes: received 11 at 90");
  assertEquals(keys.view(0, 0).length, 0);
  assertEquals(keys.takeViews().length, 0);
});
