import { assert, assertEquals } from "@std/assert";
import { expTables } from "./tables.ts";

Deno.test("expTables() give e^-t within 1.25 units of 2^-12, and 0 from the last upper digit on", () => {
  const { lowTable, highTable } = expTables([8, 6, 6], 10, 11);
  let worst = 0;
  for (let t = 0; t < 2 ** 15; t++) {
    const e = t < 2 ** 14 ? lowTable[t % 256]! * highTable[Math.floor(t / 256)]! : 0;
    worst = Math.max(worst, Math.abs(e / 2 ** 22 - Math.exp(-t / 2 ** 10)));
  }
  assert(worst <= 0.00030385, `worst ${worst}`);
  assert(worst * 2 ** 12 < 2.7, "SIGMA's worst, in units of 2^-12");
  assertEquals(highTable[63], 0);
  assertEquals([lowTable[0], highTable[0]], [2048, 2048]);
});
