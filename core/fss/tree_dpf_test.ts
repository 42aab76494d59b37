import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encode, evalLess, gen } from "../../tests/reference/tree_dpf.ts";
import { expandChacha8 } from "../prg/chacha8.ts";
import { evalTreeLess, genTreeDpf, treeDpf } from "./tree_dpf.ts";
import type { TreeDpf, TreeDpfKey } from "./tree_dpf.ts";

/** Generates a key pair from a deterministic stream; the corrections lie at `bitOffset` of a larger array. */
function makeKeys(params: TreeDpf, alpha: bigint, bitOffset: number): [TreeDpfKey, TreeDpfKey] {
  const bytes = new Uint8Array(48);
  expandChacha8(new Uint8Array(32).fill(params.domainBits), new Uint8Array(12), bytes, Number(alpha & 0xffffn));
  const [seed0, seed1, salt] = [bytes.slice(0, 16), bytes.slice(16, 32), bytes.slice(32)];
  const made = genTreeDpf(params, { alpha, seeds: [seed0, seed1], salt });
  const corrections = new Uint8Array(made.length + bitOffset / 8);
  corrections.set(made, bitOffset / 8);
  return [
    { party: 0, seed: seed0, salt, corrections, bitOffset },
    { party: 1, seed: seed1, salt, corrections, bitOffset },
  ];
}

for (const domainBits of [1, 2, 5, 8, 9]) {
  Deno.test(`evalTreeLess() shares x < alpha for every pair (${domainBits} bits)`, () => {
    const params = treeDpf(domainBits);
    for (let alpha = 0n; alpha < 1n << BigInt(domainBits); alpha++) {
      const [key0, key1] = makeKeys(params, alpha, 16);
      for (let x = 0n; x < 1n << BigInt(domainBits); x++) {
        const less = evalTreeLess(params, key0, x) ^ evalTreeLess(params, key1, x);
        // Plain comparisons: there are 2^18 pairs at 9 bits.
        if (less !== Number(x < alpha)) assert(false, `alpha=${alpha} x=${x}`);
      }
    }
  });
}

Deno.test("genTreeDpf() and evalTreeLess() equal their twins, share for share", () => {
  for (const [domainBits, alpha] of [[1, 1n], [5, 30n], [7, 64n], [8, 200n], [10, 0x2a5n], [12, 4000n]] as const) {
    const params = treeDpf(domainBits);
    const [key0, key1] = makeKeys(params, alpha, 0);
    const twin = gen(domainBits, alpha, [key0.seed, key1.seed], key0.salt);
    assertEquals(key0.corrections, encode(twin), `domainBits=${domainBits}`);
    for (const key of [key0, key1]) {
      for (let x = 0n; x < 1n << BigInt(domainBits); x += BigInt(Math.ceil(2 ** domainBits / 40))) {
        assertEquals(BigInt(evalTreeLess(params, key, x)), evalLess(twin, key.party, key.seed, key.salt, x), `x=${x}`);
      }
    }
  }
});

Deno.test("evalTreeLess() holds for random points up to 64 bits and equals the twin", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: 64 }),
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.integer({ min: 0, max: 63 }),
      (domainBits, wideAlpha, wideX, flipped) => {
        const params = treeDpf(domainBits);
        const alpha = BigInt.asUintN(domainBits, wideAlpha);
        const [key0, key1] = makeKeys(params, alpha, 8);
        const near = BigInt.asUintN(domainBits, alpha ^ (1n << BigInt(flipped)));
        for (const x of [BigInt.asUintN(domainBits, wideX), alpha, near, 0n, (1n << BigInt(domainBits)) - 1n]) {
          const less = evalTreeLess(params, key0, x) ^ evalTreeLess(params, key1, x);
          assertEquals(less, Number(x < alpha), `alpha=${alpha} x=${x}`);
        }
      },
    ),
    { seed: 4, numRuns: 150 },
  );
  const params = treeDpf(40);
  const [key0, key1] = makeKeys(params, 0x12_3456_789an, 0);
  const twin = gen(40, 0x12_3456_789an, [key0.seed, key1.seed], key0.salt);
  for (const key of [key0, key1]) {
    for (const x of [0x12_3456_789an, 0x12_3456_7899n, 0n, 2n ** 40n - 1n]) {
      assertEquals(BigInt(evalTreeLess(params, key, x)), evalLess(twin, key.party, key.seed, key.salt, x));
    }
  }
});

Deno.test("treeDpf() counts levels and correction bits", () => {
  assertEquals(treeDpf(1), { domainBits: 1, levels: 0, correctionBits: 2 });
  assertEquals(treeDpf(7), { domainBits: 7, levels: 0, correctionBits: 128 });
  assertEquals(treeDpf(8), { domainBits: 8, levels: 1, correctionBits: 258 });
  assertEquals(treeDpf(64), { domainBits: 64, levels: 57, correctionBits: 57 * 130 + 128 });
  for (const domainBits of [0, 65, 7.5]) assertThrows(() => treeDpf(domainBits), RangeError);
});

Deno.test("genTreeDpf() refuses alpha out of range without naming it, and malformed seeds", () => {
  const params = treeDpf(10);
  const [good, short] = [new Uint8Array(16), new Uint8Array(15)];
  for (const alpha of [1777n, -1n]) {
    const error = assertThrows(() => genTreeDpf(params, { alpha, seeds: [good, good], salt: good }), RangeError);
    assert(!error.message.includes("1777"));
  }
  assertThrows(() => genTreeDpf(params, { alpha: 0n, seeds: [short, good], salt: good }), RangeError);
  assertThrows(() => genTreeDpf(params, { alpha: 0n, seeds: [good, short], salt: good }), RangeError);
  assertThrows(() => genTreeDpf(params, { alpha: 0n, seeds: [good, good], salt: short }), RangeError);
});

Deno.test("tree evaluations refuse points out of range, malformed seeds and truncated corrections", () => {
  const params = treeDpf(10);
  const [key] = makeKeys(params, 5n, 0);
  assertThrows(() => evalTreeLess(params, key, 1024n), RangeError);
  assertThrows(() => evalTreeLess(params, key, -1n), RangeError);
  assertThrows(() => evalTreeLess(params, { ...key, seed: new Uint8Array(17) }, 0n), RangeError);
  assertThrows(() => evalTreeLess(params, { ...key, salt: new Uint8Array(0) }, 0n), RangeError);
  assertThrows(() => evalTreeLess(params, { ...key, corrections: key.corrections.subarray(0, -1) }, 0n), RangeError);
});
