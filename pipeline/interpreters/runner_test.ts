import { assertEquals, assertRejects } from "@std/assert";
import { ProtocolError } from "../../core/errors.ts";
import type { Handle } from "../../core/engine.ts";
import type { Gate } from "../../core/protocols/opening.ts";
import { ReferenceEngine } from "../../core/reference/engine.ts";
import type { Link } from "../../transport/link.ts";
import { memoryPair } from "../../transport/memory.ts";
import { noCounts, runLane, type RunnerCounts } from "./runner.ts";

const LANE = { request: 1, step: 4, layer: 2 };

/** Two exchanges: both open 5 values of 12 bits and party 1 alone receives 3 of 7 bits; then party 0 alone receives 2 bits. */
function* opening(engine: ReferenceEngine, party: 0 | 1): Gate<number[][]> {
  const share = (...words: number[]): Handle => engine.upload(Uint32Array.from(words));
  const first = [
    { kind: "add", bits: [12, 12], count: 5, share: share(1, 2, 3, 4, 4000 + party) },
    { kind: "xor", bits: [0, 7], count: 3, share: party === 0 ? share(5, 6, 127) : null },
  ] as const;
  yield first;
  const second = [{ kind: "xor", bits: [2, 0], count: 1, share: party === 1 ? share(3) : null }] as const;
  yield second;
  return [...first, ...second].map((opening) => [...(opening as { received?: Uint8Array }).received!]);
}

/** Runs the lane at one party. */
async function run(link: Link): Promise<{ result: number[][]; counts: RunnerCounts }> {
  const engine = new ReferenceEngine(), counts = noCounts(), gate = opening(engine, link.party);
  const result = await runLane(engine, link, LANE, gate, { scope: engine.begin(), counts, now: () => 0 });
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

Deno.test("runLane() rejects when the link ends while it waits", async () => {
  const links = await memoryPair(), running = run(links[0]);

  links[1].close();

  await assertRejects(() => running, ProtocolError);
  links[0].close();
  await Promise.all(links.map((link) => link.closed));
});
