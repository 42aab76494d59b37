import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ProtocolError } from "../core/errors.ts";
import { Mailbox } from "./mailbox.ts";

const LANE = { request: 0, step: 1, stage: 2 };
const THREE = Uint8Array.of(1, 2, 3);

Deno.test("take() returns a message that is here directly, as a copy at offset 0", () => {
  const mailbox = new Mailbox();
  const frame = Uint8Array.of(9, 1, 2, 3);
  mailbox.put(LANE, 0, frame.subarray(1), 0);
  frame.fill(0);
  const message = mailbox.take(LANE, 0, 3);
  assertEquals(message, THREE);
  assertEquals((message as Uint8Array).byteOffset, 0);
  assertEquals(mailbox.pendingBytes, 0);
});

Deno.test("take() waits for a message, in any order of addresses", async () => {
  const mailbox = new Mailbox();
  const takes = [0, 1, 2].map((exchange) => mailbox.take(LANE, exchange, 1));
  const other = mailbox.take({ ...LANE, request: 1 }, 0, 1);
  mailbox.put({ ...LANE, request: 1 }, 0, Uint8Array.of(77), 0);
  for (const exchange of [2, 0, 1]) mailbox.put(LANE, exchange, Uint8Array.of(exchange), 0);
  assertEquals((await Promise.all(takes)).map((message) => message[0]), [0, 1, 2]);
  assertEquals((await other)[0], 77);
});

Deno.test("take() of 0 bytes is always here", () => {
  const mailbox = new Mailbox();
  mailbox.close(new Error("Over"));
  assertEquals(mailbox.take(LANE, 0, 0), new Uint8Array(0));
});

Deno.test("put() joins the parts of a message and take() waits for the last", async () => {
  const mailbox = new Mailbox();
  mailbox.put(LANE, 0, Uint8Array.of(1), 2);
  const take = mailbox.take(LANE, 0, 3);
  assertEquals(take instanceof Promise, true);
  mailbox.put(LANE, 0, Uint8Array.of(2), 1);
  mailbox.put(LANE, 0, Uint8Array.of(3), 0);
  assertEquals(await take, THREE);
  assertEquals(mailbox.pendingBytes, 0);
});

Deno.test("put() refuses parts that do not fit together", () => {
  const mailbox = new Mailbox();
  mailbox.put(LANE, 0, Uint8Array.of(1), 2);
  assertThrows(() => mailbox.put(LANE, 0, Uint8Array.of(2), 2), ProtocolError, "2 bytes must remain");
  assertThrows(() => mailbox.put(LANE, 0, Uint8Array.of(2), 0), ProtocolError, "2 bytes must remain");
});

Deno.test("put() refuses a second message of one address", () => {
  const mailbox = new Mailbox();
  mailbox.put(LANE, 4, THREE, 0);
  const error = assertThrows(() => mailbox.put(LANE, 4, THREE, 0), ProtocolError, "must be new");
  assertEquals(error.message.includes("request 0, step 1, stage 2, exchange 4"), true);
});

Deno.test("put() refuses messages beyond the limits before it keeps them", () => {
  const few = new Mailbox({ pendingCount: 2 });
  few.put(LANE, 0, THREE, 0);
  few.put(LANE, 1, THREE, 0);
  assertThrows(() => few.put(LANE, 2, THREE, 0), ProtocolError, "at most 2 messages");
  const small = new Mailbox({ pendingBytes: 10 });
  small.put(LANE, 0, THREE, 0);
  assertThrows(() => small.put(LANE, 1, THREE, 2 ** 32 - 4), ProtocolError, "of 10 bytes");
  small.put(LANE, 1, THREE, 4);
});

Deno.test("put() does not count a message that a take waits for", async () => {
  const mailbox = new Mailbox({ pendingCount: 0, pendingBytes: 0 });
  const take = mailbox.take(LANE, 0, 3);
  mailbox.put(LANE, 0, THREE, 0);
  assertEquals(await take, THREE);
});

Deno.test("take() refuses a message of another length, whichever comes first", async () => {
  const mailbox = new Mailbox();
  mailbox.put(LANE, 0, THREE, 0);
  assertThrows(() => mailbox.take(LANE, 0, 4), ProtocolError, "must have 4 bytes: received 3");
  const take = mailbox.take(LANE, 1, 4);
  assertThrows(() => mailbox.put(LANE, 1, THREE, 0), ProtocolError, "must have 4 bytes: received 3");
  await assertRejects(() => Promise.resolve(take), ProtocolError, "must have 4 bytes: received 3");
});

Deno.test("take() refuses to wait twice for one address", () => {
  const mailbox = new Mailbox();
  mailbox.take(LANE, 0, 1);
  assertThrows(() => mailbox.take(LANE, 0, 1), Error, "Internal error");
});

Deno.test("close() rejects waiting and later takes, and leaves what is here", async () => {
  const mailbox = new Mailbox();
  mailbox.put(LANE, 0, THREE, 0);
  mailbox.put(LANE, 1, THREE, 5);
  const takes = [mailbox.take(LANE, 1, 8), mailbox.take(LANE, 2, 3)];
  mailbox.close(new ProtocolError("Over"));
  mailbox.close(new ProtocolError("Over again"));
  for (const take of takes) await assertRejects(() => Promise.resolve(take), ProtocolError, "Over");
  assertEquals(mailbox.take(LANE, 0, 3), THREE);
  assertThrows(() => mailbox.take(LANE, 3, 3), ProtocolError, "Over");
  mailbox.put(LANE, 0, THREE, 0);
  assertEquals(mailbox.waitingCount, 0);
});
