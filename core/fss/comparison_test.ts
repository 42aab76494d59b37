import { assertEquals, assertThrows } from "@std/assert";
import { expandChacha8 } from "../prg/chacha8.ts";
import { cheaperComparison, flatComparison, treeComparison } from "./comparison.ts";
import type { Comparison, ComparisonKey } from "./comparison.ts";

/** Copies `bits` bits to bit 3 of a new array, to check that offsets are respected. */
function shift3(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + 1);
  bytes.forEach((byte, i) => {
    out[i]! |= byte << 3;
    out[i + 1]! |= byte >>> 5;
  });
  return out;
}

/** Generates both halves from a deterministic stream, at bit offset 3 everywhere. */
function makeKeys(comparison: Comparison, alpha: bigint): [ComparisonKey, ComparisonKey] {
  const [drawn0, drawn1, salt] = [0, 1, 2].map((index) => {
    const bytes = new Uint8Array(index === 2 ? 16 : Math.ceil(comparison.drawnBits[index as 0 | 1] / 8));
    expandChacha8(new Uint8Array(32).fill(comparison.domainBits), new Uint8Array(12).fill(index), bytes);
    return bytes;
  }) as [Uint8Array, Uint8Array, Uint8Array];
  const written = comparison.gen({ alpha, drawn: [drawn0, drawn1], salt });
  assertEquals(written.length, Math.ceil((comparison.explicitBits + comparison.commonBits) / 8));
  const make = (half: 0 | 1, drawn: Uint8Array): ComparisonKey => ({
    half,
    drawn: shift3(drawn),
    drawnOffset: 3,
    written: comparison.commonBits === 0 && half === 0 ? new Uint8Array(0) : shift3(written),
    writtenOffset: 3,
    salt,
  });
  return [make(0, drawn0), make(1, drawn1)];
}

const COMPARISONS = [
  ...[1, 2, 5].flatMap((domainBits) => [flatComparison(domainBits), treeComparison(domainBits)]),
  flatComparison(8),
  treeComparison(9),
];

for (const comparison of COMPARISONS) {
  const { kind, domainBits } = comparison;
  const size = 1n << BigInt(domainBits);
  const stride = domainBits > 5 ? 37n : 1n;

  Deno.test(`Comparison shares equality and order (${kind}, ${domainBits} bits)`, () => {
    for (let alpha = 0n; alpha < size; alpha += stride) {
      const [key0, key1] = makeKeys(comparison, alpha);
      for (let u = 0n; u < size; u++) {
        assertEquals(comparison.evalEqual(key0, u) ^ comparison.evalEqual(key1, u), Number(u === alpha));
        assertEquals(comparison.evalLess(key0, u) ^ comparison.evalLess(key1, u), Number(u < alpha));
      }
    }
  });

  Deno.test(`Comparison looks a table up, exact up to the sign (${kind}, ${domainBits} bits)`, () => {
    const table = (index: number): number => 1000 + index * index;
    for (let alpha = 0n; alpha < size; alpha += stride) {
      const [key0, key1] = makeKeys(comparison, alpha);
      const sign = comparison.evalEqual(key0, alpha) === 1 ? 1 : -1;
      for (const u of [0n, alpha, size - 1n]) {
        const difference = comparison.lookup(key0, u, table) - comparison.lookup(key1, u, table);
        assertEquals(sign * (difference | 0), table(Number((u - alpha + size) % size)));
      }
    }
  });
}

Deno.test("cheaperComparison() takes the flat kind up to 10 bits", () => {
  assertEquals([1, 7, 10, 11, 16, 17, 64].map((bits) => cheaperComparison(bits).kind), [
    "flat",
    "flat",
    "flat",
    "tree",
    "tree",
    "tree",
    "tree",
  ]);
  assertThrows(() => cheaperComparison(0), RangeError);
  assertThrows(() => cheaperComparison(65), RangeError);
});

Deno.test("Comparison refuses points and tables out of range", () => {
  for (const comparison of [flatComparison(13), treeComparison(13)]) {
    const [key] = makeKeys(comparison, 1n);
    assertThrows(() => comparison.evalEqual(key, 8192n), RangeError);
    assertThrows(() => comparison.evalLess(key, -1n), RangeError);
    assertThrows(() => comparison.lookup(key, 0n, () => 0), RangeError);
  }
});
