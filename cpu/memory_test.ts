import { assert, assertEquals, assertThrows } from "@std/assert";
import { Heap, HEAP_BASE } from "./memory.ts";

/** A small generator of lengths: mostly small blocks, some large. */
function lengths(count: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % 8 === 0 ? state % 300_000 : state % 5000;
  });
}

Deno.test("Heap.allocate() makes aligned blocks that do not overlap and have slack behind them", () => {
  const heap = new Heap(), blocks: { at: number; bytes: number }[] = [];
  lengths(600).forEach((bytes, i) => {
    const at = heap.allocate(bytes);
    assertEquals(at % 64, 0);
    assert(at >= HEAP_BASE && at + bytes + 16 <= heap.u8.length);
    blocks.push({ at, bytes });
    if (i % 3 === 2) {
      const [freed] = blocks.splice(i % blocks.length, 1);
      heap.free(freed!.at, freed!.bytes);
    }
  });
  blocks.sort((a, b) => a.at - b.at);
  for (let i = 1; i < blocks.length; i++) assert(blocks[i - 1]!.at + blocks[i - 1]!.bytes + 16 <= blocks[i]!.at);
});

Deno.test("Heap.free() lets the same blocks be made again without growth", () => {
  const heap = new Heap(), sizes = lengths(300);
  const cycle = (): void => {
    const blocks = sizes.map((bytes) => heap.allocate(bytes));
    blocks.forEach((at, i) => heap.free(at, sizes[i]!));
  };
  cycle();
  const grown = heap.u8.length;
  for (let i = 0; i < 20; i++) cycle();
  assertEquals([heap.u8.length, heap.usedBytes], [grown, 0]);
});

Deno.test("Heap.free() merges neighbours, so that a large block fits where small ones were", () => {
  const heap = new Heap(), parts = Array.from({ length: 16 }, () => heap.allocate(200_000));
  const grown = heap.u8.length;
  for (const i of [3, 5, 4, 0, 1, 2, 15, 7, 6, 8, 9, 11, 13, 10, 14, 12]) heap.free(parts[i]!, 200_000);
  heap.allocate(16 * 200_000);
  assertEquals(heap.u8.length, grown);
});

Deno.test("Heap.allocate() refuses more than 4 GiB", () => {
  assertThrows(() => new Heap().allocate(2 ** 32), RangeError, "ends at 4 GiB");
});
