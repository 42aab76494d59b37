import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ProtocolError } from "../../core/errors.ts";
import type { Handle } from "../../core/engine.ts";
import type { Gate } from "../../core/protocols/opening.ts";
import { ReferenceEngine } from "../../core/reference/engine.ts";
import type { Session } from "../../transport/session.ts";
import { memoryPair } from "../../transport/memory.ts";
import { noCounts, receivedShares, runLane, type RunnerCounts } from "./runner.ts";

const LANE = { request: 1, step: 4, stage: 2 };

/**
 * Two exchanges: both open 5 values of 12 bits and party 1 alone receives 3 of 7 bits; then party 0 alone receives 2
 * bits.
 */
function* opening(engine: ReferenceEngine, party: 0 | 1): Gate<number[][]> {
  const share = (...words: number[]): Handle => engine.upload(Uint32Array.from(words));
  const first = [
    { kind: "add", bits: [12, 12], count: 5, share: share(1, 2, 3, 4, 4000 + party) },
    { kind: "xor", bits: [0, 7], count: 3, share: party === 0 ? share(5, 6, 127) : null },
  ] as const;
  const received = yield first;
  const second = [{ kind: "xor", bits: [2, 0], count: 1, share: party === 1 ? share(3) : null }] as const;
  return [...received, ...yield second].map((share) => [...share]);
}

/** Runs the lane at one party. */
async function run(link: Session): Promise<{ result: number[][]; counts: RunnerCounts }> {
  const engine = new ReferenceEngine(), counts = noCounts(), gate = opening(engine, link.party);
  const result = await runLane(gate, {
    engine,
    channel: link,
    lane: LANE,
    scope: engine.begin(),
    counts,
    now: () => 0,
  });
  return { result, counts };
}

Deno.test("runLane() gives every opening the peer's packed share and counts what it sends", async () => {
  const links = await memoryPair();

  const [mine, theirs] = await Promise.all(links.map(run));

  // 12 bits each, lowest first: 1, 2, 3, 4, 4001 and 4000.
  assertEquals(mine!.result, [[1, 32, 0, 3, 64, 0, 0xa1, 0x0f], [], [3]]);
  assertEquals(theirs!.result, [[1, 32, 0, 3, 64, 0, 0xa0, 0x0f], [5 + 6 * 128 & 255, 195, 31], []]);
  assertEquals([mine!.counts.exchanges, mine!.counts.sentBytes], [2, 8 + 3]);
  assertEquals([theirs!.counts.exchanges, theirs!.counts.sentBytes], [2, 8 + 1]);
  for (const link of links) link.close();
  await Promise.all(links.map((link) => link.closed));
});

Deno.test("receivedShares() cuts a message by the sizes of the plan and refuses what is not padded with zeros", () => {
  const openings = [{ kind: "add", bits: [3, 0], count: 3 }, { kind: "xor", bits: [8, 1], count: 1 }] as const;

  assertEquals(receivedShares(openings, Uint8Array.of(255, 1, 7), 0), [Uint8Array.of(255, 1), Uint8Array.of(7)]);
  assertEquals(receivedShares(openings, Uint8Array.of(1), 1), [new Uint8Array(0), Uint8Array.of(1)]);
  assertThrows(() => receivedShares(openings, Uint8Array.of(0, 2, 7), 0), ProtocolError, "last 7 bits must be zero");
  assertThrows(() => receivedShares(openings, Uint8Array.of(2), 1), ProtocolError, "last 7 bits must be zero");
});

Deno.test("runLane() rejects when the link ends while it waits", async () => {
  const links = await memoryPair(), running = run(links[0]);

  links[1].close();

  await assertRejects(() => running, ProtocolError);
  links[0].close();
  await Promise.all(links.map((link) => link.closed));
});
