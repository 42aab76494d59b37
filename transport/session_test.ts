import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KeyError, ProtocolError } from "../core/errors.ts";
import type { Duplex } from "./duplex.ts";
import { encodeHead, FRAME_PAYLOAD_BYTES, type Head, MAX_FRAME_BYTES, MAX_HEAD_BYTES } from "./frame.ts";
import { HANDSHAKE_BYTES } from "./handshake.ts";
import { memoryDuplexPair, memoryPair } from "./memory.ts";
import { FrameSealer } from "./frame_sealer.ts";
import { Opener, Sealer, TAG_BYTES } from "./seal.ts";
import { Session, type SessionLimits } from "./session.ts";

const LANE = { request: 0, step: 0, stage: 1 };
const KEYS = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;

function patterned(count: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = i * 13 + (i >> 8) + salt;
  return bytes;
}

async function closeBoth(...links: Session[]): Promise<void> {
  for (const link of links) link.close();
  await Promise.all(links.map((link) => link.closed));
}

/** A session that has begun over one end of a stream, whose peer is the test. */
function sessionOn(duplex: Duplex, limits: SessionLimits = {}): Session {
  const session = new Session({ resumeMs: 0, ...limits, party: 0, peer: "peer" });
  session.begin();
  session.attach({ duplex, sealer: new FrameSealer(new Sealer(KEYS[0])), opener: new Opener(KEYS[1]) }, 0, 0);
  return session;
}

/** A session whose peer is the test: it can send any frame. */
function sessionWithRawPeer(limits: SessionLimits = {}): { link: Session; peer: Duplex; sealer: Sealer } {
  const [a, b] = memoryDuplexPair();
  return { link: sessionOn(a, limits), peer: b, sealer: new Sealer(KEYS[1]) };
}

function wireOf(sealer: Sealer, head: Head | Uint8Array, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const encoded = head instanceof Uint8Array ? head : encodeHead(head);
  const plain = new Uint8Array(4 + encoded.length + payload.length);
  new DataView(plain.buffer).setUint32(0, encoded.length, true);
  plain.set(encoded, 4);
  plain.set(payload, 4 + encoded.length);
  const wire = new Uint8Array(4 + plain.length + TAG_BYTES);
  new DataView(wire.buffer).setUint32(0, plain.length + TAG_BYTES, true);
  sealer.seal(plain, wire, 4);
  return wire;
}

function opening(exchange: number, bytes: number, restBytes = 0): Head {
  return { kind: "open", parts: [{ ...LANE, exchange, bytes, restBytes }], received: 0 };
}

async function waitForFailure(link: Session): Promise<Error> {
  const taken = link.take({ ...LANE, request: 999 }, 0, 1);
  return await assertRejects(() => Promise.resolve(taken), Error);
}

Deno.test("post() and take() move messages of several chunks both ways", async () => {
  const [link0, link1] = await memoryPair();
  link0.post(LANE, 0, [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
  link1.post(LANE, 0, [Uint8Array.of(4)]);
  assertEquals(await link1.take(LANE, 0, 3), Uint8Array.of(1, 2, 3));
  assertEquals(await link0.take(LANE, 0, 1), Uint8Array.of(4));
  await closeBoth(link0, link1);
});

Deno.test("post() copies: the caller may reuse its bytes at once", async () => {
  const [link0, link1] = await memoryPair();
  const bytes = Uint8Array.of(7);
  for (let exchange = 0; exchange < 5; exchange++) {
    bytes[0] = exchange;
    link0.post(LANE, exchange, [bytes]);
  }
  const large = patterned(2 * FRAME_PAYLOAD_BYTES + 5, 1);
  const expected = large.slice();
  link0.post(LANE, 5, [large]);
  large.fill(0);
  for (let exchange = 0; exchange < 5; exchange++) {
    assertEquals((await link1.take(LANE, exchange, 1))[0], exchange);
  }
  assert(sameBytes(await link1.take(LANE, 5, expected.length), expected));
  await closeBoth(link0, link1);
});

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

Deno.test("post() sends no empty message and take() needs none", async () => {
  const [link0, link1] = await memoryPair();
  const { frames } = link0.stats;
  link0.post(LANE, 0, []);
  link0.post(LANE, 1, [new Uint8Array(0)]);
  assertEquals(link0.stats.frames, frames);
  assertEquals(link1.take(LANE, 0, 0), new Uint8Array(0));
  await closeBoth(link0, link1);
});

Deno.test("post() starts the write in the same tick and later posts share the next frame", async () => {
  const [link0, link1] = await memoryPair();
  // The handshake's write has been confirmed by now; let its continuation run.
  await Promise.resolve();
  const before = { ...link0.stats };
  for (let exchange = 0; exchange < 10; exchange++) link0.post(LANE, exchange, [Uint8Array.of(exchange)]);
  assertEquals(link0.stats.frames, before.frames + 1);
  for (let exchange = 0; exchange < 10; exchange++) await link1.take(LANE, exchange, 1);
  assertEquals(link0.stats.frames, before.frames + 2);
  assertEquals(link0.stats.payloadBytes, before.payloadBytes + 10);
  await closeBoth(link0, link1);
});

Deno.test("stats count what is written, the handshake included", async () => {
  const counts = [0, 0];
  const duplexes = memoryDuplexPair().map((duplex, i): Duplex => ({
    ...duplex,
    write: (bytes) => {
      counts[i]! += bytes.length;
      return duplex.write(bytes);
    },
  })) as [Duplex, Duplex];
  const [link0, link1] = await memoryPair({ duplexes });
  link0.post(LANE, 0, [new Uint8Array(1000)]);
  await link1.take(LANE, 0, 1000);
  assertEquals(link0.stats.wireBytes, counts[0]);
  assertEquals(link1.stats.wireBytes, counts[1]);
  assertEquals(link1.stats.wireBytes, HANDSHAKE_BYTES[1]);
  await closeBoth(link0, link1);
});

Deno.test("many lanes interleave in any order", async () => {
  const [link0, link1] = await memoryPair();
  const lanes = Array.from({ length: 40 }, (_, i) => ({ request: i % 5, step: i % 3, stage: i }));
  const run = async (link: Session, lane: typeof LANE): Promise<void> => {
    for (let exchange = 0; exchange < 10; exchange++) {
      const bytes = 1 + (lane.stage * 37 + exchange * 101) % 3000;
      link.post(lane, exchange, [patterned(bytes, lane.stage + exchange + link.party)]);
      const theirs = await link.take(lane, exchange, bytes);
      assert(sameBytes(theirs, patterned(bytes, lane.stage + exchange + 1 - link.party)));
    }
  };
  await Promise.all([link0, link1].flatMap((link) => lanes.map((lane) => run(link, lane))));
  await closeBoth(link0, link1);
});

Deno.test("a message of several frames arrives whole beside small ones", async () => {
  const [link0, link1] = await memoryPair();
  const large = patterned(2 * FRAME_PAYLOAD_BYTES + 12345, 3);
  const before = link0.stats.frames;
  link0.post(LANE, 0, [Uint8Array.of(1)]);
  link0.post(LANE, 1, [large.subarray(0, 1000), large.subarray(1000)]);
  link0.post(LANE, 2, [Uint8Array.of(2)]);
  link0.sendControl("file", { name: "tokenizer" }, large);
  link0.post(LANE, 3, [Uint8Array.of(3)]);
  assertEquals(await link1.take(LANE, 3, 1), Uint8Array.of(3));
  assertEquals(await link1.take(LANE, 2, 1), Uint8Array.of(2));
  assert(sameBytes(await link1.take(LANE, 1, large.length), large));
  const control = await link1.receiveControl("file");
  assertEquals(control.body, { name: "tokenizer" });
  assert(sameBytes(control.payload, large));
  // One, then three with the large message and its neighbour, three for the file, one.
  assertEquals(link0.stats.frames - before, 8);
  await closeBoth(link0, link1);
});

Deno.test("sendControl() and receiveControl() keep order within a type", async () => {
  const [link0, link1] = await memoryPair();
  const early = link1.receiveControl("seed");
  link0.sendControl("config", { a: 1 });
  link0.sendControl("seed", null, Uint8Array.of(1));
  link0.sendControl("seed", null, Uint8Array.of(2));
  assertEquals((await early).payload, Uint8Array.of(1));
  assertEquals((await link1.receiveControl("seed")).payload, Uint8Array.of(2));
  assertEquals((await link1.receiveControl("config")).body, { a: 1 });
  assertThrows(() => link0.sendControl("x", { text: "x".repeat(MAX_HEAD_BYTES) }), RangeError, "at most");
  await closeBoth(link0, link1);
});

Deno.test("close() loses nothing that was posted before it", async () => {
  const [link0, link1] = await memoryPair();
  const large = patterned(FRAME_PAYLOAD_BYTES + 1, 5);
  link0.post(LANE, 0, [large]);
  link0.post(LANE, 1, [Uint8Array.of(9)]);
  link0.close();
  link0.close();
  assert(sameBytes(await link1.take(LANE, 0, large.length), large));
  assertEquals(await link1.take(LANE, 1, 1), Uint8Array.of(9));
  await closeBoth(link1, link0);
  assertEquals([link0.signal.aborted, link1.signal.aborted], [false, false]);
});

Deno.test("close() rejects waiting takes and refuses later calls", async () => {
  const [link0, link1] = await memoryPair();
  const take = link0.take(LANE, 0, 1);
  const receive = link0.receiveControl("x");
  link0.close();
  await assertRejects(() => Promise.resolve(take), ProtocolError, "after close");
  await assertRejects(() => receive, ProtocolError, "after close");
  assertThrows(() => link0.post(LANE, 0, [Uint8Array.of(1)]), ProtocolError, "after close");
  assertThrows(() => link0.sendControl("x"), ProtocolError, "after close");
  assertThrows(() => link0.take(LANE, 1, 1), ProtocolError, "after close");
  await assertRejects(() => link0.receiveControl("x"), ProtocolError, "after close");
  await closeBoth(link0, link1);
  assertEquals(link0.signal.aborted, false);
});

Deno.test("a goodbye fails the peer's takes that nothing can satisfy, waiting or later", async () => {
  for (const waits of [true, false]) {
    const [link0, link1] = await memoryPair();
    link0.post(LANE, 0, [Uint8Array.of(1)]);
    const take = waits ? link1.take(LANE, 1, 1) : null;
    link0.close();
    assertEquals(await link1.take(LANE, 0, 1), Uint8Array.of(1));
    if (take === null) {
      await link1.take(LANE, 0, 0);
      const late = await assertRejects(async () => await link1.take(LANE, 1, 1), ProtocolError, "goodbye");
      assertEquals(link1.signal.reason, late);
    } else {
      await assertRejects(() => Promise.resolve(take), ProtocolError, "received its goodbye");
    }
    assert(link1.signal.aborted);
    await closeBoth(link0, link1);
  }
});

Deno.test("close() with a reason rejects takes on both sides, and tells the peer only what is public", async () => {
  const cases: [Error, string][] = [
    [new ProtocolError("Cannot do X as Y: received Z"), "received ProtocolError: Cannot do X as Y: received Z"],
    [new KeyError("Cannot open secret-path"), "received KeyError: Its own work has failed"],
  ];
  for (const [reason, told] of cases) {
    const [link0, link1] = await memoryPair();
    const takes = [link0, link1].map((link) => link.take(LANE, 0, 1));
    link0.close(reason);
    link0.close(new Error("Later"));
    const mine = await assertRejects(() => Promise.resolve(takes[0]), Error);
    assertEquals(mine, reason);
    assertEquals(link0.signal.reason, reason);
    const theirs = await assertRejects(() => Promise.resolve(takes[1]), ProtocolError, told);
    assertEquals(theirs.message.includes("party 0"), true);
    assertEquals(link1.signal.reason, theirs);
    assertThrows(() => link1.post(LANE, 0, [Uint8Array.of(1)]), ProtocolError, told);
    await Promise.all([link0.closed, link1.closed]);
  }
});

Deno.test("abort() says what happened, and nothing that a terminal would act on", async () => {
  const [link0, link1] = await memoryPair();
  const take = link1.take(LANE, 0, 1);
  link0.abort("gate", "Cannot run \u001b[2Jgate\n");
  const error = await assertRejects(() => Promise.resolve(take), ProtocolError, "received gate: Cannot run  [2Jgate ");
  assertEquals(/\p{Cc}/u.test(error.message), false);
  await Promise.all([link0.closed, link1.closed]);
});

Deno.test("two parties that fail at once both end without waiting for each other", async () => {
  const [link0, link1] = await memoryPair({ closeMs: 2 ** 30 });
  link0.close(new Error("A"));
  link1.close(new Error("B"));
  await Promise.all([link0.closed, link1.closed]);
});

Deno.test("a peer that leaves rejects every waiting take with one error", async () => {
  const { link, peer } = sessionWithRawPeer();
  const takes = [0, 1, 2].map((exchange) => link.take(LANE, exchange, 4));
  const receive = link.receiveControl("x");
  peer.close();
  const errors = await Promise.all(
    [...takes, receive].map((wait) => assertRejects(() => Promise.resolve(wait as Promise<unknown>), ProtocolError)),
  );
  for (const error of errors) assertEquals(error, errors[0]);
  assertEquals(link.signal.reason, errors[0]);
  assert(errors[0]!.message.includes("party 1 must stay open"));
  await link.closed;
});

Deno.test("what a peer said before it left is the reason of the failure, also where a write fails first", async () => {
  const sealer = new Sealer(KEYS[1]);
  const write = (): never => {
    throw new Deno.errors.BrokenPipe("Gone");
  };
  for (const [end, told] of [["abort", "received gate: Overflow"], ["close", "received Gone"]] as const) {
    const [near, far] = memoryDuplexPair();
    const link = sessionOn({ ...near, write });
    const take = link.take(LANE, 0, 1);
    if (end === "abort") await far.write(wireOf(sealer, { kind: "abort", reason: "gate", message: "Overflow" }));
    far.close();
    link.post(LANE, 0, [Uint8Array.of(1)]);
    await assertRejects(() => Promise.resolve(take), ProtocolError, told);
    await link.closed;
  }
});

Deno.test("a broken peer fails the link with the reason, and is told", async () => {
  const tampered = (sealer: Sealer): Uint8Array => {
    const wire = wireOf(sealer, opening(0, 1), Uint8Array.of(1));
    wire[9]! ^= 4;
    return wire;
  };
  const cases: [string, (sealer: Sealer) => Uint8Array[], string][] = [
    ["tampered frame", (s) => [tampered(s)], "seal must verify"],
    ["replayed frame", (s) => {
      const wire = wireOf(s, opening(0, 1), Uint8Array.of(1));
      return [wire, wire];
    }, "seal must verify"],
    ["garbage", () => [new TextEncoder().encode("GET / HTTP/1.1\r\nhost: x\r\n\r\n")], "Cannot read frame"],
    ["length 0", () => [new Uint8Array(4)], "received 0"],
    ["length above the limit", () => [Uint8Array.of(1, 0, 128, 0)], String(MAX_FRAME_BYTES)],
    ["bad head", (s) => [wireOf(s, Uint8Array.of(0x18, 0x01))], "canonical"],
    ["duplicate", (s) => [0, 1].map(() => wireOf(s, opening(0, 1), Uint8Array.of(1))), "must be new"],
    [
      "parts",
      (s) => [wireOf(s, opening(0, 1, 5), new Uint8Array(1)), wireOf(s, opening(0, 2), new Uint8Array(2))],
      "5",
    ],
    ["after goodbye", (s) => [wireOf(s, { kind: "bye" }), wireOf(s, opening(0, 1), new Uint8Array(1))], "goodbye"],
    ["controls", (s) => {
      const head = { kind: "control", type: "x", body: null, bytes: 0, restBytes: 0 } as const;
      return Array.from({ length: 65 }, () => wireOf(s, head));
    }, "at most 64"],
    [
      "flood",
      (s) => [wireOf(s, opening(0, 1, 2 ** 32 - 2), Uint8Array.of(1)), wireOf(s, opening(1, 3), new Uint8Array(3))],
      "may wait",
    ],
  ];
  for (const [name, frames, message] of cases) {
    const { link, peer, sealer } = sessionWithRawPeer();
    const failure = name === "after goodbye" ? null : waitForFailure(link);
    for (const frame of frames(sealer)) await peer.write(frame);
    const error = failure === null ? null : await failure;
    if (error !== null) assert(error instanceof ProtocolError && error.message.includes(message), `${name}: ${error}`);
    const notice = new Uint8Array(5000);
    const count = await peer.read(notice);
    const told = new TextDecoder().decode(new Opener(KEYS[0]).open(notice.subarray(4, count!)));
    assert(told.includes(message), `${name}: ${told}`);
    peer.close();
    await link.closed;
    assert(link.signal.aborted, name);
  }
});

Deno.test("take() of another length fails the link on both sides", async () => {
  const [link0, link1] = await memoryPair();
  link0.post(LANE, 0, [Uint8Array.of(1)]);
  const waiting = link0.take(LANE, 0, 1);
  await assertRejects(async () => await link1.take(LANE, 0, 2), ProtocolError, "must have 2 bytes: received 1");
  await assertRejects(() => Promise.resolve(waiting), ProtocolError, "must have 2 bytes: received 1");
  await Promise.all([link0.closed, link1.closed]);
});

Deno.test("frames cut at any byte by the stream are put together", async () => {
  const { link, peer, sealer } = sessionWithRawPeer();
  const message = patterned(300, 1);
  const wire = [0, 1, 2].flatMap((exchange) => [...wireOf(sealer, opening(exchange, 300), message)]);
  for (let at = 0; at < wire.length; at += 7) await peer.write(Uint8Array.from(wire.slice(at, at + 7)));
  for (let exchange = 0; exchange < 3; exchange++) assertEquals(await link.take(LANE, exchange, 300), message);
  peer.close();
  await link.closed;
});

Deno.test("a link that closes ends although its peer never answers", async () => {
  const { link, peer } = sessionWithRawPeer({ closeMs: 1 });
  link.close();
  await link.closed;
  assertEquals(link.signal.aborted, false);
  peer.close();
});

Deno.test("await using closes a link in order", async () => {
  const [link0, link1] = await memoryPair();
  const take = link1.take(LANE, 0, 1);
  const answer = Promise.resolve(take).then(() => link1.close());
  {
    await using link = link0;
    link.post(LANE, 0, [Uint8Array.of(1)]);
  }
  await answer;
  await link1.closed;
  assertEquals([link0.signal.aborted, link1.signal.aborted], [false, false]);
});
