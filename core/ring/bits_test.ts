import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { pack, readBits as readBitsTwin } from "../../tests/reference/ring.ts";
import { ProtocolError } from "../errors.ts";
import {
  packBits,
  packedBytes,
  readBits,
  readWide,
  subtractBits,
  unpackBits,
  writeBits,
  writeWide,
  xorBits,
} from "./bits.ts";
import { fromBigInts, toBigInts, wordsPerElement } from "./words.ts";

const SEED = { seed: 1 };
const bytesArbitrary = fc.uint8Array({ minLength: 16, maxLength: 16 });
const rangeArbitrary = fc.tuple(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 64 }));

Deno.test("readBits() and readWide() equal their twin", () => {
  fc.assert(
    fc.property(bytesArbitrary, rangeArbitrary, (bytes, [offset, bits]) => {
      assertEquals(readWide(bytes, offset, bits), readBitsTwin(bytes, offset, bits));
      if (bits <= 32) assertEquals(BigInt(readBits(bytes, offset, bits)), readBitsTwin(bytes, offset, bits));
    }),
    { ...SEED, numRuns: 500 },
  );
});

Deno.test("writeWide() writes what readWide() reads and leaves the other bits", () => {
  fc.assert(
    fc.property(bytesArbitrary, rangeArbitrary, fc.bigInt(0n, 2n ** 64n - 1n), (bytes, [offset, bits], value) => {
      const before = bytes.slice();
      writeWide(bytes, offset, bits, value);
      assertEquals(readWide(bytes, offset, bits), BigInt.asUintN(bits, value));
      writeWide(bytes, offset, bits, readBitsTwin(before, offset, bits));
      assertEquals(bytes, before);
    }),
    { ...SEED, numRuns: 500 },
  );
});

Deno.test("xorBits() equals reading, XORing and writing", () => {
  fc.assert(
    fc.property(
      bytesArbitrary,
      fc.integer({ min: 0, max: 96 }),
      fc.integer({ min: 0, max: 32 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      (bytes, offset, bits, value) => {
        const expected = bytes.slice();
        writeBits(expected, offset, bits, readBits(bytes, offset, bits) ^ value);
        xorBits(bytes, offset, bits, value);
        assertEquals(bytes, expected);
      },
    ),
    { ...SEED, numRuns: 500 },
  );
});

Deno.test("subtractBits() equals reading, subtracting and writing", () => {
  fc.assert(
    fc.property(
      bytesArbitrary,
      fc.integer({ min: 0, max: 32 }),
      fc.oneof(fc.constant(32), fc.integer({ min: 0, max: 32 })),
      fc.int32Array({ maxLength: 3 }),
      (bytes, offset, bits, values) => {
        const expected = bytes.slice();
        values.forEach((value, i) => {
          const at = offset + i * bits;
          writeBits(expected, at, bits, value - readBits(bytes, at, bits));
        });
        subtractBits(bytes, offset, bits, values);
        assertEquals(bytes, expected);
      },
    ),
    { ...SEED, numRuns: 500 },
  );
});

Deno.test("readBits() and writeBits() work beyond bit 2^32", () => {
  // The pages of an untouched array cost nothing.
  const bytes = new Uint8Array(2 ** 29 + 16);
  const offset = 2 ** 32 + 5;
  writeBits(bytes, offset, 32, 0xdeadbeef);
  xorBits(bytes, offset, 4, 1);
  assertEquals(readBits(bytes, offset, 32), 0xdeadbeee);
  assertEquals(readBits(bytes, offset + 28, 4), 0xd);
  assertEquals(bytes[0], 0);
});

Deno.test("readBits() and writeBits() refuse a range outside the array", () => {
  const bytes = new Uint8Array(4);
  for (const [offset, bits] of [[1, 32], [-1, 1], [32, 1], [0, 33], [0, -1], [NaN, 1]] as const) {
    assertThrows(() => readBits(bytes, offset, bits), RangeError);
    assertThrows(() => writeBits(bytes, offset, bits, 0), RangeError);
    assertThrows(() => xorBits(bytes, offset, bits, 0), RangeError);
  }
  assertThrows(() => readWide(bytes, 0, 65), RangeError);
});

Deno.test("packBits() equals its twin and unpackBits() inverts it, for every width", () => {
  for (let bits = 1; bits <= 64; bits++) {
    fc.assert(
      fc.property(fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { maxLength: 40 }), (values) => {
        const reduced = values.map((value) => BigInt.asUintN(bits, value));
        const packed = packBits(fromBigInts(values, 32 * wordsPerElement(bits)), bits);
        assertEquals(packed, pack(values, bits));
        assertEquals(toBigInts(unpackBits(packed, bits, values.length), bits), reduced);
      }),
      { ...SEED, numRuns: 10 },
    );
  }
});

Deno.test("packBits() and unpackBits() write into a given array, unaligned too", () => {
  const whole = new Uint8Array(8).fill(0xff);
  const out = whole.subarray(1, 4);
  assertEquals(packBits(Uint32Array.of(1, 2, 3), 7, out), Uint8Array.of(0x01, 0xc1, 0x00));
  assertEquals(whole[4], 0xff);
  const words = new Uint32Array(3);
  assertEquals(unpackBits(out, 7, 3, words), Uint32Array.of(1, 2, 3));
  assertThrows(() => packBits(Uint32Array.of(1), 7, new Uint8Array(2)), RangeError);
  assertThrows(() => unpackBits(out, 7, 3, new Uint32Array(4)), RangeError);
});

Deno.test("packBits() refuses a two-word element cut short", () => {
  assertThrows(() => packBits(new Uint32Array(3), 40), RangeError);
});

Deno.test("packedBytes() rounds up and refuses bad widths and counts", () => {
  assertEquals([packedBytes(1, 0), packedBytes(1, 9), packedBytes(64, 2), packedBytes(13, 3)], [0, 2, 16, 5]);
  assertEquals(packedBytes(32, 2 ** 31), 2 ** 33);
  for (const [bits, count] of [[65, 1], [1.5, 1], [8, -1], [8, 0.5]] as const) {
    assertThrows(() => packedBytes(bits, count), RangeError);
  }
});

Deno.test("unpackBits() refuses another length and non-zero padding", () => {
  assertThrows(() => unpackBits(new Uint8Array(2), 3, 2), ProtocolError);
  assertThrows(() => unpackBits(new Uint8Array(0), 3, 2), ProtocolError);
  assertThrows(() => unpackBits(Uint8Array.of(0x40), 3, 2), ProtocolError);
  assertEquals(unpackBits(Uint8Array.of(0x3f), 3, 2), Uint32Array.of(7, 7));
});
