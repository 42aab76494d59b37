import { assertEquals, assertRejects } from "@std/assert";
import { mergeReadableStreams, TextLineStream, toArrayBuffer, toText } from "./mod.ts";

Deno.test("toText() joins strings and bytes, also across a split character", async () => {
  assertEquals(await toText(ReadableStream.from(["a", "b"])), "ab");
  const [first, ...rest] = new TextEncoder().encode("é!");
  assertEquals(await toText(ReadableStream.from([new Uint8Array([first!]), new Uint8Array(rest)])), "é!");
});

Deno.test("toArrayBuffer() joins the chunks", async () => {
  const stream = ReadableStream.from([new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3])]);
  assertEquals(new Uint8Array(await toArrayBuffer(stream)), new Uint8Array([1, 2, 3]));
});

Deno.test("mergeReadableStreams() carries every chunk of every stream", async () => {
  const merged = mergeReadableStreams(ReadableStream.from([1, 2]), ReadableStream.from([3]), ReadableStream.from([]));
  assertEquals((await Array.fromAsync(merged)).sort(), [1, 2, 3]);
  assertEquals(await Array.fromAsync(mergeReadableStreams()), []);
});

Deno.test("mergeReadableStreams() fails when one stream fails, and cancels all", async () => {
  const broken = new ReadableStream({ start: (out) => out.error(new RangeError("Broken")) });
  await assertRejects(() => Array.fromAsync(mergeReadableStreams(ReadableStream.from([1]), broken)), RangeError);
  const reasons: unknown[] = [];
  const idle = () => new ReadableStream({ cancel: (reason) => void reasons.push(reason) });
  await mergeReadableStreams(idle(), idle()).cancel("stop");
  assertEquals(reasons, ["stop", "stop"]);
});

Deno.test("TextLineStream splits lines wherever the chunks end", async () => {
  const lines = (chunks: string[], allowCR = false) =>
    Array.fromAsync(ReadableStream.from(chunks).pipeThrough(new TextLineStream({ allowCR })));
  assertEquals(await lines(["a\nb", "c\r", "\nd\r\n", "", "\ne"]), ["a", "bc", "d", "", "e"]);
  assertEquals(await lines(["a\rb\r", "\nc\r"], true), ["a", "b", "c"]);
  assertEquals(await lines(["a\n"]), ["a"]);
});
