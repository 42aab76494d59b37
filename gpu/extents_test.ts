/**
 * Which words some items touch.
 */

import { assertEquals } from "@std/assert";
import { perRow } from "../core/kernel.ts";
import { Spread } from "./extents.ts";

const EXTENT = { rows: 3, cols: [4, 0, 5, 1] };

/** What each block has of a domain. */
function countsOf(over: "row" | "pair" | "element"): number[] {
  return EXTENT.cols.map((cols) => EXTENT.rows * perRow(over, cols));
}

/** The words of every item by walking the blocks: `words(row, column)` of each pair, row or element. */
function assertRanges(
  spread: Spread,
  unitItems: (b: number) => number,
  unitsOf: readonly (readonly [number, number])[],
): void {
  const range = spread.range(unitItems);
  for (let first = 0; first < unitsOf.length; first++) {
    for (let end = first + 1; end <= unitsOf.length; end++) {
      const [from, to] = range(first, end);
      assertEquals([from, to], [unitsOf[first]![0], unitsOf[end - 1]![1]], `items ${first} to ${end}`);
    }
  }
}

/** First element and element behind the last of every row. */
function rowsOf({ rows, cols }: typeof EXTENT): (readonly [number, number, number])[] {
  const out: (readonly [number, number, number])[] = [];
  let at = 0;
  for (const count of cols) for (let row = 0; row < rows; row++) out.push([at, at += count, count]);
  return out;
}

Deno.test("Spread.range() gives a row's elements for an item that is a row", () => {
  const elements = new Spread(countsOf("row"), countsOf("element"));

  const [from, to] = elements.range(() => 1)(1, 3);
  assertEquals([from, to], [4, 12]);
  assertEquals(elements.range(() => 1)(0, 12), [0, 30]);
  assertEquals(elements.words, 30);
});

Deno.test("Spread.range() gives whole rows for items that are pairs", () => {
  const elements = new Spread(countsOf("pair"), countsOf("element")),
    units = rowsOf(EXTENT).flatMap(([from, to, count]) =>
      Array.from({ length: count >> 1 }, (): readonly [number, number] => [from, to])
    );

  assertRanges(elements, (b) => EXTENT.cols[b]! >> 1, units);
});

Deno.test("Spread.range() gives the rows of items that are elements", () => {
  const rows = new Spread(countsOf("element"), countsOf("row")),
    units = rowsOf(EXTENT).flatMap(([, , count], row) =>
      Array.from({ length: count }, (): readonly [number, number] => [row, row + 1])
    );

  assertRanges(rows, (b) => EXTENT.cols[b]!, units);
});
