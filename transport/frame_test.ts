import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FrameError } from "../core/errors.ts";
import { encodeCbor } from "./cbor.ts";
import { decodeFrame, encodeHead, type Head, MAX_HEAD_BYTES, MAX_OPEN_PARTS } from "./frame.ts";

const SEED = { seed: 7, numRuns: 200 };
const PART = { request: 1, step: 2, stage: 3, exchange: 4, bytes: 5, restBytes: 6 };

function plainOf(head: Uint8Array, payloadBytes: number): Uint8Array {
  const plain = new Uint8Array(4 + head.length + payloadBytes);
  new DataView(plain.buffer).setUint32(0, head.length, true);
  plain.set(head, 4);
  plain.fill(0xee, 4 + head.length);
  return plain;
}

function payloadBytesOf(head: Head): number {
  if (head.kind === "open") return head.parts.reduce((sum, part) => sum + part.bytes, 0);
  return head.kind === "control" || head.kind === "setup" ? head.bytes : 0;
}

const u32 = fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const part = fc.tuple(u32, u32, u32, u32, fc.integer({ min: 1, max: 400 }), u32)
  .map(([request, step, stage, exchange, bytes, restBytes]) => ({ request, step, stage, exchange, bytes, restBytes }));

Deno.test("decodeFrame() undoes encodeHead() for openings", () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 20 }), u32, (parts, received) => {
      const head: Head = { kind: "open", parts, received };
      const frame = decodeFrame(plainOf(encodeHead(head), payloadBytesOf(head)));
      assertEquals(frame.head, head);
      assertEquals(frame.payload.length, payloadBytesOf(head));
    }),
    SEED,
  );
});

Deno.test("decodeFrame() undoes encodeHead() for every other kind", () => {
  const heads: Head[] = [
    { kind: "control", type: "seed", body: null, bytes: 32, restBytes: 0 },
    { kind: "control", type: "hello", body: { a: 1, b: [true, null, "x".repeat(500)] }, bytes: 0, restBytes: 0 },
    { kind: "control", type: "", body: { nested: { f: 1.5, n: -3 } }, bytes: 10, restBytes: 99 },
    { kind: "setup", type: "model", body: null, bytes: 3, restBytes: 1 },
    { kind: "answer", answer: "resume", value: 2 ** 32 - 1 },
    { kind: "ack", received: 70_000 },
    { kind: "ping" },
    { kind: "pong" },
    { kind: "abort", reason: "KeyError", message: "Cannot ü" },
    { kind: "bye" },
  ];
  for (const head of heads) {
    assertEquals(decodeFrame(plainOf(encodeHead(head), payloadBytesOf(head))).head, head);
  }
});

Deno.test("encodeHead() keeps the largest head of openings below the limit", () => {
  const max = 2 ** 32 - 1;
  const wide = { request: max, step: max, stage: max, exchange: max, bytes: max, restBytes: max };
  const head = encodeHead({
    kind: "open",
    parts: Array.from({ length: MAX_OPEN_PARTS }, () => wide),
    received: max,
  });
  assertEquals(head.length <= MAX_HEAD_BYTES, true);
});

Deno.test("encodeHead() refuses a control body that no head holds", () => {
  const body = { text: "x".repeat(MAX_HEAD_BYTES) };
  assertThrows(() => encodeHead({ kind: "control", type: "t", body, bytes: 0, restBytes: 0 }), RangeError, "at most");
});

Deno.test("decodeFrame() refuses every prefix of a frame and trailing bytes", () => {
  const plain = plainOf(encodeHead({ kind: "open", parts: [PART], received: 1 }), PART.bytes);
  for (let count = 0; count < plain.length; count++) {
    assertThrows(() => decodeFrame(plain.subarray(0, count)), FrameError, "Cannot decode");
  }
  assertThrows(() => decodeFrame(Uint8Array.of(...plain, 0)), FrameError, "payload of 6 bytes");
});

Deno.test("decodeFrame() refuses a head length above the limit or the frame", () => {
  for (const headBytes of [MAX_HEAD_BYTES + 1, 2 ** 32 - 1, 97]) {
    const plain = new Uint8Array(100);
    new DataView(plain.buffer).setUint32(0, headBytes, true);
    const error = assertThrows(() => decodeFrame(plain), FrameError, String(headBytes));
    assertEquals(error.offset, 0);
  }
});

Deno.test("decodeFrame() refuses heads of another form", () => {
  const wires: unknown[] = [
    null,
    7,
    "open",
    {},
    [],
    ["shut"],
    ["open"],
    ["open", [], 0],
    ["open", [[1, 2, 3, 4, 5]], 0],
    ["open", [[1, 2, 3, 4, 5, 0, 0]], 0],
    ["open", [[1, 2, 3, 4, 5, 0]]],
    ["open", [[1, 2, 3, 4, 5, 0]], 1, 1],
    ["open", [[1, 2, 3, 4, 5, 0]], -1],
    ["open", [[-1, 2, 3, 4, 5, 0]], 0],
    ["open", [[1.5, 2, 3, 4, 5, 0]], 0],
    ["open", [["1", 2, 3, 4, 5, 0]], 0],
    ["open", [[2 ** 32, 2, 3, 4, 5, 0]], 0],
    ["open", [[1, 2, 3, 4, 0, 0], [1, 2, 3, 5, 5, 0]], 0],
    ["open", [[1, 2, 3, 4, -5, 0], [1, 2, 3, 5, 10, 0]], 0],
    ["setup", "t", null, 5],
    ["answer", "maybe", 0],
    ["answer", "welcome"],
    ["answer", "busy", 1.5],
    ["ack"],
    ["ack", -1],
    ["ping", 0],
    ["pong", 0],
    ["control", "t", null, 5],
    ["control", 7, null, 5, 0],
    ["control", "t", [1], 5, 0],
    ["control", "t", "body", 5, 0],
    ["control", "t", undefined, 5, 0],
    ["control", "t", new Date(0), 5, 0],
    ["control", "t", null, -5, 0],
    ["abort", "kind"],
    ["abort", "kind", 5],
    ["bye", 0],
  ];
  for (const wire of wires) {
    const error = assertThrows(() => decodeFrame(plainOf(encodeCbor(wire), 5)), FrameError);
    assertEquals(error.offset >= 4, true, JSON.stringify(wire));
  }
});

Deno.test("decodeFrame() refuses a payload with what has none", () => {
  const heads: Head[] = [
    { kind: "bye" },
    { kind: "abort", reason: "a", message: "b" },
    { kind: "ping" },
    { kind: "ack", received: 1 },
    { kind: "answer", answer: "gone", value: 1 },
  ];
  for (const head of heads) {
    assertThrows(() => decodeFrame(plainOf(encodeHead(head), 1)), FrameError, "payload of 1 bytes");
  }
});

Deno.test("decodeFrame() refuses encodings that are not canonical", () => {
  const head = encodeHead({ kind: "bye" });
  const cases = [
    Uint8Array.of(0x98, 0x01, ...head.subarray(1)), // array length in two bytes
    Uint8Array.of(0x81, 0x78, 0x03, ...head.subarray(2)), // string length in two bytes
    Uint8Array.of(0x9f, ...head.subarray(1), 0xff), // array of indefinite length
    Uint8Array.of(...head, 0x00), // a second value
    Uint8Array.of(...head, ...head),
    Uint8Array.of(0xd9, 0xd9, 0xf7, ...head), // self-described tag
  ];
  for (const bytes of cases) assertThrows(() => decodeFrame(plainOf(bytes, 0)), FrameError, "CBOR");
});

Deno.test("decodeFrame() throws nothing but FrameError for random bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (head) => {
      try {
        decodeFrame(plainOf(head, 0));
      } catch (error) {
        assertEquals(error instanceof FrameError, true, String(error));
      }
    }),
    SEED,
  );
});
