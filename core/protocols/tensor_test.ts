import { assertEquals, assertThrows } from "@std/assert";
import { recordBits } from "./key.ts";
import { blockCounts, columnExtent, elementCount, maskBits, maskWords } from "./tensor.ts";

const extent = { rows: 2, cols: [1, 3] };

Deno.test("extents count elements by block", () => {
  assertEquals(blockCounts(extent), [2, 6]);
  assertEquals(elementCount(extent), 8);
  assertEquals(columnExtent(extent), { rows: 2, cols: [1, 1] });
  assertEquals(recordBits([{ name: "a", bits: 3 }, { name: "b", bits: 32 }]), 35);
});

Deno.test("maskBits() cuts the same bits out of masks of one and of two words", () => {
  const wide = BigUint64Array.of(0n, 0x123456789abcdef0n, 2n ** 64n - 1n, 1n << 31n, 1n << 32n);
  for (
    const [from, bits] of [[0, 1], [0, 32], [0, 64], [1, 32], [31, 1], [31, 20], [32, 32], [33, 12], [10, 54], [63, 1]]
  ) {
    const expected = Array.from(wide, (mask) => BigInt.asUintN(bits!, mask >> BigInt(from!)));
    assertEquals(Array.from(maskBits(wide, from!, bits!), BigInt), expected);
    if (from! > 31) continue;
    const narrow = Uint32Array.from(wide, (mask) => Number(BigInt.asUintN(32, mask)));
    const low = Array.from(narrow, (mask) => BigInt.asUintN(bits!, BigInt(mask) >> BigInt(from!)));
    assertEquals(Array.from(maskBits(narrow, from!, bits!), BigInt), low);
  }
});

Deno.test("maskWords() refuses masks of two words", () => {
  assertThrows(() => maskWords({ data: new BigUint64Array(1) }), TypeError);
});
