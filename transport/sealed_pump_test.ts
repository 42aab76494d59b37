import { assert, assertEquals } from "@std/assert";
import { type Duplex, writeFully } from "./duplex.ts";
import { FRAME_PAYLOAD_BYTES } from "./frame.ts";
import { HANDSHAKE_BYTES } from "./handshake.ts";
import { memoryDuplexPair, memoryPair } from "./memory.ts";
import { pumpSealed } from "./sealed_pump.ts";

const LANE = { request: 0, step: 0, stage: 1 };

/** A party's stream whose other end seals, and the peer's; `carried` keeps what went from the one to the pump and from the pump to the other. */
function pumped(): { party: Duplex; peer: Duplex; carried: Record<"party" | "peer", number[]>; ended: Promise<void> } {
  const [near, inner] = memoryDuplexPair(), [socket, peer] = memoryDuplexPair();
  const carried = { party: [] as number[], peer: [] as number[] };
  const watched = (duplex: Duplex, bytes: number[]): Duplex => ({
    ...duplex,
    read: async (into) => {
      const count = await duplex.read(into);
      for (const byte of into.subarray(0, count ?? 0)) bytes.push(byte);
      return count;
    },
  });
  return {
    party: {
      ...near,
      // As a ring in shared memory: takes everything at once.
      write: (bytes) => {
        void near.write(bytes);
        return bytes.length;
      },
      sealWith: async (key) => await writeFully(near, key),
    },
    peer: watched(peer, carried.peer),
    carried,
    ended: pumpSealed(watched(inner, carried.party), socket, HANDSHAKE_BYTES[0]),
  };
}

/** Whether `part` occurs in `bytes`. */
function includes(bytes: readonly number[], part: readonly number[]): boolean {
  return bytes.some((_, at) => part.every((byte, i) => bytes[at + i] === byte));
}

Deno.test("pumpSealed() seals what a party sends, frame by frame, and carries what comes in as it is", async () => {
  const { party, peer, carried, ended } = pumped(), marker = [..."a masked value"].map((unit) => unit.charCodeAt(0));
  const [link0, link1] = await memoryPair({ duplexes: [party, peer] });
  const large = new Uint8Array(2 * FRAME_PAYLOAD_BYTES + 5).fill(7);
  link0.post(LANE, 0, [Uint8Array.from(marker)]);
  link0.post(LANE, 1, [large]);
  link1.post(LANE, 0, [Uint8Array.of(3)]);

  assertEquals([...await link1.take(LANE, 0, marker.length)], marker);
  assertEquals((await link1.take(LANE, 1, large.length)).every((byte) => byte === 7), true);
  assertEquals(await link0.take(LANE, 0, 1), Uint8Array.of(3));
  assert(includes(carried.party, marker));
  assert(!includes(carried.peer, marker));
  link0.close();
  link1.close();
  await Promise.all([link0.closed, link1.closed, ended]);
  assertEquals(link0.stats.wireBytes, carried.peer.length);
});

Deno.test("a link shares frames between what is posted in one turn, also over a stream that takes everything at once", async () => {
  const { party, peer, ended } = pumped(), [link0, link1] = await memoryPair({ duplexes: [party, peer] });
  const before = link0.stats.frames, bytes = Uint8Array.of(0);
  for (let exchange = 0; exchange < 100; exchange++) {
    bytes[0] = exchange;
    link0.post(LANE, exchange, [bytes]);
  }

  for (let exchange = 0; exchange < 100; exchange++) assertEquals((await link1.take(LANE, exchange, 1))[0], exchange);
  assertEquals(link0.stats.frames - before, 2);
  link0.close();
  link1.close();
  await Promise.all([link0.closed, link1.closed, ended]);
});

Deno.test("pumpSealed() tells either side that the other one is gone, also in the middle of a frame", async () => {
  for (
    const sent of [
      [],
      [1],
      new Uint8Array(HANDSHAKE_BYTES[0] + 32),
      Uint8Array.of(...new Uint8Array(HANDSHAKE_BYTES[0] + 32), 99, 0, 0, 0, 5),
      new Uint8Array(HANDSHAKE_BYTES[0] + 36),
    ]
  ) {
    const { party, peer, ended } = pumped();
    await party.write(Uint8Array.from(sent));
    party.close();
    const into = new Uint8Array(200);
    let count = 0;
    for (let read = await peer.read(into); read !== null; read = await peer.read(into)) count += read;
    assertEquals(count, Math.min(HANDSHAKE_BYTES[0], sent.length));
    await ended;
  }
  const { party, peer, ended } = pumped();
  peer.close();
  assertEquals(await party.read(new Uint8Array(1)), null);
  await ended;
});
