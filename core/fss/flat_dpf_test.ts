import { assert, assertEquals, assertThrows } from "@std/assert";
import { expandChacha8 } from "../prg/chacha8.ts";
import { flatEqual, flatLess, flatLookup, flatPredicate, genFlat, oneHotBits } from "./flat_dpf.ts";

/** Makes both halves at a bit offset, from a deterministic seed half, in arrays that carry other bits around them. */
function makeHalves(domainBits: number, alpha: number, bitOffset: number): [Uint8Array, Uint8Array] {
  const half0 = new Uint8Array(Math.ceil((bitOffset + oneHotBits(domainBits)) / 8) + 2);
  expandChacha8(new Uint8Array(32).fill(domainBits), new Uint8Array(12).fill(alpha), half0);
  const half1 = half0.slice();
  genFlat(half1, bitOffset, domainBits, alpha);
  return [half0, half1];
}

for (const domainBits of [1, 2, 5]) {
  const size = 2 ** domainBits;

  Deno.test(`flatEqual() and flatLess() share u = alpha and u < alpha for every pair (${domainBits} bits)`, () => {
    for (let alpha = 0; alpha < size; alpha++) {
      const offset = 3 + alpha;
      const [half0, half1] = makeHalves(domainBits, alpha, offset);
      for (let u = 0; u < size; u++) {
        const equal = flatEqual({ bytes: half0, at: offset, bits: domainBits, parity: 0 }, u) ^
          flatEqual({ bytes: half1, at: offset, bits: domainBits, parity: 1 }, u);
        const less = flatLess({ bytes: half0, at: offset, bits: domainBits, parity: 0 }, u) ^
          flatLess({ bytes: half1, at: offset, bits: domainBits, parity: 1 }, u);
        assertEquals(equal, Number(u === alpha), `alpha=${alpha} u=${u}`);
        assertEquals(less, Number(u < alpha), `alpha=${alpha} u=${u}`);
      }
    }
  });

  Deno.test(`flatPredicate() shares a predicate of alpha (${domainBits} bits)`, () => {
    for (let alpha = 0; alpha < size; alpha++) {
      const [half0, half1] = makeHalves(domainBits, alpha, 0);
      for (let pattern = 0; pattern < 16; pattern++) {
        const holds = (point: number): boolean => ((pattern >> (point & 3)) & 1) === 1;
        const opened = flatPredicate({ bytes: half0, at: 0, bits: domainBits, parity: 0 }, holds) ^
          flatPredicate({ bytes: half1, at: 0, bits: domainBits, parity: 1 }, holds);
        assertEquals(opened, Number(holds(alpha)), `alpha=${alpha} pattern=${pattern}`);
      }
    }
  });

  Deno.test(`flatLookup() differs between the halves by the signed entry (${domainBits} bits)`, () => {
    const table = (index: number): number => Math.imul(index + 1, 0x9e3779b1) >>> 0;
    for (let alpha = 0; alpha < size; alpha++) {
      const [half0, half1] = makeHalves(domainBits, alpha, 5);
      const sign = flatEqual({ bytes: half0, at: 5, bits: domainBits, parity: 0 }, alpha) === 1 ? 1 : -1;
      for (let u = 0; u < size; u++) {
        const result0 = flatLookup({ bytes: half0, at: 5, bits: domainBits, parity: 0 }, u, table);
        const result1 = flatLookup({ bytes: half1, at: 5, bits: domainBits, parity: 1 }, u, table);
        const entry = table((u - alpha + size) % size);
        assertEquals(Math.imul(sign, result0 - result1) >>> 0, entry, `alpha=${alpha} u=${u}`);
      }
    }
  });
}

Deno.test("flatEqual() equals flatPredicate() and flatLess() its sum, at 10 bits", () => {
  const domainBits = 10;
  for (const alpha of [0, 1, 511, 512, 1022, 1023]) {
    const [half0, half1] = makeHalves(domainBits, alpha, 7);
    for (const [parity, half] of [[0, half0], [1, half1]] as const) {
      for (const u of [0, 1, 31, 32, 511, 512, alpha, 1022, 1023]) {
        assertEquals(
          flatEqual({ bytes: half, at: 7, bits: domainBits, parity: parity }, u),
          flatPredicate({ bytes: half, at: 7, bits: domainBits, parity: parity }, (point) => point === u),
        );
        assertEquals(
          flatLess({ bytes: half, at: 7, bits: domainBits, parity: parity }, u),
          flatPredicate({ bytes: half, at: 7, bits: domainBits, parity: parity }, (point) => point > u),
        );
      }
    }
  }
});

Deno.test("genFlat() changes one bit, and none for the last point", () => {
  const bytes = new Uint8Array(4);
  genFlat(bytes, 9, 3, 7);
  assertEquals(bytes, new Uint8Array(4));
  genFlat(bytes, 9, 3, 6);
  assertEquals(bytes, Uint8Array.of(0, 0x80, 0, 0));
});

Deno.test("genFlat() refuses alpha out of range without naming it", () => {
  for (const alpha of [777, -1, 0.5]) {
    const error = assertThrows(() => genFlat(new Uint8Array(100), 0, 9, alpha), RangeError);
    assert(!error.message.includes(String(alpha)));
  }
});

Deno.test("flat functions refuse bad domains, points and halves that leave the array", () => {
  const bytes = new Uint8Array(1);
  for (const domainBits of [0, 17, 1.5]) assertThrows(() => oneHotBits(domainBits), RangeError);
  for (const u of [-1, 8, 0.5]) {
    assertThrows(() => flatEqual({ bytes: bytes, at: 0, bits: 3, parity: 0 }, u), RangeError);
    assertThrows(() => flatLess({ bytes: bytes, at: 0, bits: 3, parity: 0 }, u), RangeError);
    assertThrows(() => flatLookup({ bytes: bytes, at: 0, bits: 3, parity: 0 }, u, () => 0), RangeError);
  }
  assertThrows(() => genFlat(bytes, 2, 3, 7), RangeError);
  assertThrows(() => flatLess({ bytes: bytes, at: 2, bits: 3, parity: 0 }, 6), RangeError);
  assertThrows(() => flatPredicate({ bytes: bytes, at: 2, bits: 3, parity: 0 }, () => true), RangeError);
});
