import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { reduce, signed } from "../../tests/reference/ring.ts";
import {
  addWords,
  fromBigInts,
  lowMask,
  mulWords,
  signExtend,
  subWords,
  toBigInts,
  toSigned,
  toSignedNumbers,
  wordsPerElement,
} from "./words.ts";

const RINGS = [1, 2, 8, 16, 31, 32, 33, 36, 40, 48, 63, 64];

/** Pairs of vectors with extreme and random elements. */
function pairsArbitrary(ringBits: number): fc.Arbitrary<[bigint, bigint][]> {
  const top = (1n << BigInt(ringBits)) - 1n;
  const element = fc.oneof(fc.constantFrom(0n, 1n, top, top >> 1n, top & 0xffffffffn), fc.bigInt(0n, top));
  return fc.array(fc.tuple(element, element), { maxLength: 8 });
}

Deno.test("addWords(), subWords() and mulWords() equal their twins", () => {
  for (const n of RINGS) {
    fc.assert(
      fc.property(pairsArbitrary(n), (pairs) => {
        const x = fromBigInts(pairs.map(([left]) => left), n);
        const y = fromBigInts(pairs.map(([, right]) => right), n);
        assertEquals(toBigInts(addWords(x, y, n), n), pairs.map(([a, b]) => reduce(a + b, n)), `n=${n}`);
        assertEquals(toBigInts(subWords(x, y, n), n), pairs.map(([a, b]) => reduce(a - b, n)), `n=${n}`);
        assertEquals(toBigInts(mulWords(x, y, n), n), pairs.map(([a, b]) => reduce(a * b, n)), `n=${n}`);
        for (const word of addWords(x, y, n)) assertEquals(n < 32 ? word >>> n : 0, 0, "reduced");
      }),
      { seed: 2, numRuns: 50 },
    );
  }
});

Deno.test("toSigned() and toBigInts() read two's complement", () => {
  for (let n = 1; n <= 32; n++) {
    for (const word of [0, 1, lowMask(n), (lowMask(n) >>> 1) + 1, lowMask(n) >>> 1]) {
      assertEquals(BigInt(toSigned(word, n)), signed(BigInt(word), n), `n=${n}`);
    }
  }
  assertEquals(toBigInts(Uint32Array.of(0xffffffff, 0xff), 40, true), [-1n]);
  assertThrows(() => toSigned(0, 33), RangeError);
});

Deno.test("signExtend() and toSignedNumbers() keep what a word means, and refuse what a double cannot hold", () => {
  const values = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)], words = Int32Array.from(values);

  assertEquals([...toSignedNumbers(signExtend(words), 64)], values);
  assertEquals([...toSignedNumbers(signExtend(new Uint32Array(words.buffer)), 64)], values);
  assertEquals([...toSignedNumbers(new Uint32Array(words.buffer), 32)], values);
  assertEquals([...toSignedNumbers(Uint32Array.of(5, 0x80), 40)], [5 - 2 ** 39]);
  assertThrows(() => toSignedNumbers(Uint32Array.of(1, 0x200000), 64), RangeError, "exact");
});

Deno.test("fromBigInts() and toBigInts() are inverse", () => {
  for (const n of RINGS) {
    const values = [-1n, 0n, 1n, 1n << BigInt(n - 1)];
    assertEquals(toBigInts(fromBigInts(values, n), n), values.map((value) => reduce(value, n)));
  }
});

Deno.test("wordsPerElement() and lowMask() refuse widths out of range", () => {
  assertEquals([wordsPerElement(1), wordsPerElement(32), wordsPerElement(33), wordsPerElement(64)], [1, 1, 2, 2]);
  assertEquals([lowMask(1), lowMask(32)], [1, 0xffffffff]);
  for (const n of [0, 65, 2.5]) assertThrows(() => wordsPerElement(n), RangeError);
  for (const n of [0, 33]) assertThrows(() => lowMask(n), RangeError);
});

Deno.test("addWords() refuses unequal lengths and elements cut short", () => {
  assertThrows(() => addWords(new Uint32Array(2), new Uint32Array(4), 40), RangeError);
  assertThrows(() => addWords(new Uint32Array(3), new Uint32Array(3), 40), RangeError);
});
