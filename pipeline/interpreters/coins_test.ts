import { assertEquals, assertThrows } from "@std/assert";
import { packBits } from "../../core/ring/bits.ts";
import { CoinRecord } from "./coins.ts";

Deno.test("CoinRecord keeps requests, stages and gates apart, through its file", async () => {
  const record = new CoinRecord(), coins = (...values: number[]): Uint8Array => packBits(Uint32Array.from(values), 10);
  record.keeper(0, 1)("a", coins(1, 2), 10, 2);
  record.keeper(1, 1)("a", Promise.resolve(coins(3)), 10, 1);
  record.keeper(0, 2)("a", coins(4), 10, 1);
  record.keeper(0, 1)("b", coins(1023), 10, 1);

  const file = await record.encode(),
    read = CoinRecord.decode(file).reader(0),
    other = CoinRecord.decode(file).reader(1);

  assertEquals(read(1, "a", 10, 2), Uint32Array.of(1, 2));
  assertEquals(read(2, "a", 10, 1), Uint32Array.of(4));
  assertEquals(read(1, "b", 10, 1), Uint32Array.of(1023));
  assertEquals(other(1, "a", 10, 1), Uint32Array.of(3));
});

Deno.test("CoinRecord refuses coins that were not kept, of another width, or not yet written", async () => {
  const record = new CoinRecord();
  record.keeper(0, 1)("a", packBits(Uint32Array.of(1), 4), 4, 1);
  const file = await record.encode(), read = CoinRecord.decode(file).reader(0);

  assertThrows(() => read(1, "a", 5, 1), RangeError, "5-bit coins of 1: a");
  assertThrows(() => CoinRecord.decode(file).reader(7)(1, "a", 4, 1), RangeError);
  record.keeper(0, 1)("a", Promise.resolve(new Uint8Array(1)), 4, 1);
  assertThrows(() => record.reader(0), RangeError);
});
