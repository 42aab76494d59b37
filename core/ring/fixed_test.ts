import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodeFixed, encodeFixed } from "./fixed.ts";
import { toBigInts } from "./words.ts";

Deno.test("encodeFixed() rounds to nearest, ties to even", () => {
  const words = encodeFixed([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 2.6, -2.6], {
    ringBits: 32,
    scale: 0,
  });
  assertEquals(toBigInts(words, 32, true), [0n, 2n, 2n, 0n, -2n, -2n, 0n, 3n, -3n]);
});

Deno.test("decodeFixed() inverts encodeFixed() in every ring", () => {
  const values = [0, 1, -1, 0.5, -0.5, 1.75, -2, 1.984375];
  for (let ringBits = 8; ringBits <= 64; ringBits++) {
    assertEquals([...decodeFixed(encodeFixed(values, { ringBits, scale: 6 }), { ringBits, scale: 6 })], values);
  }
});

Deno.test("encodeFixed() takes the whole signed range and nothing beyond", () => {
  for (const ringBits of [1, 2, 31, 32, 33, 48, 53]) {
    const limit = 2 ** (ringBits - 1);
    const words = encodeFixed([-limit, limit - 1], { ringBits, scale: 0 });
    assertEquals(toBigInts(words, ringBits, true), [BigInt(-limit), BigInt(limit - 1)], `n=${ringBits}`);
    assertThrows(() => encodeFixed([limit], { ringBits, scale: 0 }), RangeError);
    assertThrows(() => encodeFixed([-limit - 1], { ringBits, scale: 0 }), RangeError);
  }
  assertEquals(toBigInts(encodeFixed([-(2 ** 63)], { ringBits: 64, scale: 0 }), 64, true), [-(2n ** 63n)]);
  assertThrows(() => encodeFixed([2 ** 63], { ringBits: 64, scale: 0 }), RangeError);
});

Deno.test("encodeFixed() does not print a value that does not fit", () => {
  for (const value of [123.4375, NaN, Infinity]) {
    const error = assertThrows(() => encodeFixed([0, value], { ringBits: 8, scale: 4 }), RangeError);
    assert(error.message.includes("value 1"));
    assert(!/123|1975|NaN|Infinity/.test(error.message));
  }
});

Deno.test("encodeFixed() refuses a scale out of range", () => {
  for (const scale of [-1, 0.5, 1001]) assertThrows(() => encodeFixed([0], { ringBits: 8, scale }), RangeError);
});
