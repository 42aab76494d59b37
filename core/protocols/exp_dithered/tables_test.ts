import { assert } from "@std/assert";
import { expDitheredTables } from "./tables.ts";

Deno.test("expDitheredTables() give e^-t within 4.01 units of 2^-12 for either split, 30.2 where t is rounded", () => {
  const { lowTable, highTable } = expDitheredTables([8, 8], 7, 11);
  let table = 0, rounded = 0;
  for (let t = 0; t < 64 * 1024; t++) {
    for (const t7 of [Math.floor(t / 8), Math.ceil(t / 8)]) { // either neighbour of t: what a coin may make of it
      for (const borrow of [0, 1]) {
        const digit = t7 % 256;
        if (borrow === 1 && digit === 0) continue; // no coin is below 0
        const d = digit - 256 * borrow, top = Math.floor(t7 / 256) + borrow;
        const y = lowTable[(d + 512) % 512]! * highTable[top % 256]! / 2 ** 22;
        table = Math.max(table, 4096 * Math.abs(y - Math.exp(-t7 / 128)));
        rounded = Math.max(rounded, 4096 * Math.abs(y - Math.exp(-t / 1024)));
      }
    }
  }
  assert(table <= 4.01 && table > 3.99, `table ${table}`);
  assert(rounded <= 30.2 && rounded > 30, `rounded ${rounded}`);
});
