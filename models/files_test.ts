import { assertEquals, assertRejects } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { memoryFiles } from "./files.ts";

const files = memoryFiles({ "a.bin": Uint8Array.of(1, 2, 3, 4) });

Deno.test("memoryFiles() reads whole files and ranges", async () => {
  assertEquals(await files.has("a.bin"), true);
  assertEquals(await files.sizeBytes("a.bin"), 4);
  assertEquals([...await files.read("a.bin")], [1, 2, 3, 4]);
  assertEquals([...await files.read("a.bin", { beginBytes: 1, endBytes: 3 })], [2, 3]);
});

Deno.test("memoryFiles() rejects a missing file and a range past the end", async () => {
  assertEquals(await files.has("toString"), false);
  await assertRejects(() => files.read("b.bin"), ModelError, "Cannot read b.bin");
  await assertRejects(() => files.sizeBytes("b.bin"), ModelError, "received a.bin");
  await assertRejects(() => files.read("a.bin", { beginBytes: 2, endBytes: 5 }), ModelError, "must hold 5 bytes");
});
