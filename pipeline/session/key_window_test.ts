import { assertEquals, assertRejects } from "@std/assert";
import { KeyError } from "../../core/errors.ts";
import { Seed } from "../../core/prg/seed.ts";
import { ReferenceEngine } from "../../core/reference/engine.ts";
import { specOf, TINY_LLAMA } from "../../tests/tiny_models.ts";
import { expandBlock } from "../interpreters/deal.ts";
import { type KeySource, KeyWindow, type LaneAddress, type LoadedLane, placeLane } from "./key_window.ts";
import { SessionPlan } from "./session_plan.ts";

const PLAN = new SessionPlan(specOf(TINY_LLAMA, 9), { promptTokens: 6, generate: 4, requests: 2 });
const SEED = Seed.from(Uint8Array.from({ length: 32 }, (_, i) => i));

/** Four lanes of the two layers, in the order of a run. */
const LANES: LaneAddress[] = [
  { request: 0, stage: 1, positions: { from: 0, count: 3 } },
  { request: 1, stage: 1, positions: { from: 0, count: 2 } },
  { request: 0, stage: 2, positions: { from: 0, count: 3 } },
  { request: 0, stage: 1, positions: { from: 3, count: 1 } },
];

/** A key stream in memory that writes down the offsets at which it was read. */
function recorded(party: 0 | 1): { source: KeySource; stream: Uint8Array; reads: number[] } {
  const stream = Uint8Array.from({ length: PLAN.keyBytes[party] }, (_, i) => (i * 2654435761) >>> 24),
    reads: number[] = [];
  const read = (into: Uint8Array, offset: number): Promise<void> => {
    reads.push(offset);
    into.set(stream.subarray(offset, offset + into.length));
    return Promise.resolve();
  };
  return { source: { read }, stream, reads };
}

function windowOf(source: KeySource, windowBytes: number, party: 0 | 1 = 0): KeyWindow {
  return new KeyWindow({ party, engine: new ReferenceEngine(), plan: PLAN, seed: SEED, source, windowBytes });
}

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** Where the lanes begin in the stream. */
function beginnings(lanes: readonly LaneAddress[]): number[] {
  return lanes.map(({ request, stage, positions }) => PLAN.offset(0, request, stage, positions.from));
}

Deno.test("KeyWindow.take() gives both parts of every block of a lane", async () => {
  for (const party of [0, 1] as const) {
    const { source, stream } = recorded(party), window = windowOf(source, 1 << 20, party);
    window.schedule(LANES);
    for (const lane of LANES) {
      const { memory, blocks } = await window.take(lane);
      const positions = PLAN.blocksOf(lane.positions);
      assertEquals(blocks.map(({ layout }) => layout), positions.map((position) => PLAN.layout(lane.stage, position)));
      for (const [i, { layout, explicitAt, seedAt }] of blocks.entries()) {
        const position = positions[i]!;
        const offset = PLAN.offset(party, lane.request, lane.stage, position), bytes = layout.explicitBytes[party];
        assertEquals(memory.view(explicitAt, bytes), stream.subarray(offset, offset + bytes));
        const address = { request: lane.request, position, stage: lane.stage };
        assertEquals(
          memory.view(seedAt, layout.seedBytes[party]),
          expandBlock(SEED, address, layout.seedBytes[party]),
        );
      }
    }
  }
});

Deno.test("KeyWindow reads lanes in the order in which they were scheduled, neighbouring blocks together", async () => {
  const { source, reads } = recorded(0), window = windowOf(source, 1 << 20);

  window.schedule(LANES.slice(0, 2));
  window.schedule(LANES.slice(2));
  await Promise.all([...LANES].reverse().map((lane) => window.take(lane)));

  assertEquals(reads, beginnings(LANES));
});

Deno.test("KeyWindow holds two lanes however small it is, and loads the next when one is released", async () => {
  const { source, reads } = recorded(0), window = windowOf(source, 1), held: LoadedLane[] = [];
  window.schedule(LANES);
  for (let released = 0; released < LANES.length; released++) {
    await settle();
    assertEquals(reads, beginnings(LANES.slice(0, 2 + released)));
    held.push(await window.take(LANES[released]!));
    window.release(held[released]!);
  }
});

Deno.test("KeyWindow loads as many lanes ahead as its bytes allow", async () => {
  const bytes = LANES.map((lane) => placeLane(PLAN, 0, lane).bytes), three = bytes[0]! + bytes[1]! + bytes[2]!;
  for (const [windowBytes, lanes] of [[three - 1, 2], [three, 3], [three + bytes[3]!, 4]] as const) {
    const { source, reads } = recorded(0), window = windowOf(source, windowBytes);

    window.schedule(LANES);
    await settle();

    assertEquals(reads, beginnings(LANES.slice(0, lanes)));
  }
});

Deno.test("KeyWindow.take() rejects for the lane whose keys cannot be read and for all after it", async () => {
  const { source, reads } = recorded(0), failure = new KeyError("Cannot read key stream as a test ends it");
  const window = windowOf({
    read: (into, offset) => reads.length === 1 ? Promise.reject(failure) : source.read(into, offset),
  }, 1 << 20);
  window.schedule(LANES.slice(0, 3));
  await settle();
  window.schedule(LANES.slice(3));

  assertEquals((await window.take(LANES[0]!)).blocks.length, 3);
  for (const lane of LANES.slice(1)) await assertRejects(() => window.take(lane), KeyError, failure.message);
});

Deno.test("KeyWindow.fail() rejects lanes that are not loaded, with its first reason", async () => {
  const { source } = recorded(0), window = windowOf(source, 1);
  window.schedule(LANES.slice(0, 3));
  await settle();

  window.fail(new KeyError("Cannot go on as a test ends it"));
  window.fail(new KeyError("Cannot go on for another reason"));
  window.schedule(LANES.slice(3));

  const first = await window.take(LANES[0]!);
  window.release(first);
  await window.take(LANES[1]!);
  for (const lane of LANES.slice(2)) await assertRejects(() => window.take(lane), KeyError, "as a test ends it");
});

Deno.test("KeyWindow.take() rejects a lane that is not scheduled or was taken before", async () => {
  const { source } = recorded(0), window = windowOf(source, 1 << 20);
  window.schedule(LANES.slice(0, 1));
  await window.take(LANES[0]!);

  for (const lane of LANES.slice(0, 2)) await assertRejects(() => window.take(lane), Error, "Internal error: the lane");
});
