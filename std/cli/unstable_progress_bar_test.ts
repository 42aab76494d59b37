import { assertEquals } from "@std/assert";
import { ProgressBar, type ProgressBarOptions } from "./unstable_progress_bar.ts";

async function draw(options: Partial<ProgressBarOptions>): Promise<string> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const text = new Response(readable).text();
  const bar = new ProgressBar({
    writable,
    max: 10,
    barLength: 5,
    keepOpen: false,
    fmt: (x) => `${x.progressBar} ${x.previousValue}>${x.value}/${x.max}`,
    ...options,
  });
  bar.value = 6;
  await bar.stop();
  return text;
}

Deno.test("ProgressBar draws at the start and at the stop", async () => {
  assertEquals(await draw({}), "\r\x1b[K----- 0>0/10\r\x1b[K###-- 0>6/10\n");
});

Deno.test("ProgressBar clears its line when asked to", async () => {
  assertEquals(await draw({ clear: true }), "\r\x1b[K----- 0>0/10\r\x1b[K");
});

Deno.test("ProgressBar leaves the stream open and unlocked by default", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const text = new Response(readable).text();
  await new ProgressBar({ writable, max: 1, fmt: () => "x" }).stop();
  assertEquals(writable.locked, false);
  await writable.close();
  assertEquals(await text, "\r\x1b[Kx\r\x1b[Kx\n");
});

Deno.test("ProgressBar survives a stream that refuses to be written", async () => {
  const writable = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error("Closed pipe")) });
  await new ProgressBar({ writable, max: 1 }).stop();
});
