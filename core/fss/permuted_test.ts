import { assert, assertEquals, assertThrows } from "@std/assert";
import { expandChacha8 } from "../prg/chacha8.ts";
import { xorBits } from "../ring/bits.ts";
import { genFlat } from "./flat_dpf.ts";
import {
  choosePermuted,
  dealPermuted,
  pathCount,
  permutedBits,
  permutedPath,
  permutedSymbols,
  symbolCount,
} from "./permuted.ts";

/** Deals at a bit offset into a copy of a deterministic seed half; returns both halves and the masks of the paths. */
function deal(
  chunks: readonly number[],
  alpha: number,
  maskBits: number,
  offset: number,
): [Uint8Array, Uint8Array, number] {
  const half = new Uint8Array(Math.ceil((offset + permutedBits(chunks)) / 8));
  expandChacha8(new Uint8Array(32).fill(alpha + 1), new Uint8Array(12).fill(chunks.length), half);
  const explicit = half.slice();
  const sink = {
    flip: (at: number) => xorBits(explicit, at, 1, 1),
    oneHot: (at: number, k: number, point: number) => genFlat(explicit, at, k, point),
  };
  return [half, explicit, dealPermuted(sink, offset, chunks, alpha, maskBits)];
}

for (const chunks of [[1], [3], [1, 1], [2, 1], [1, 2], [2, 2], [1, 1, 1], [2, 1, 1], [1, 1, 1, 1]]) {
  const bits = chunks.reduce((a, b) => a + b), count = symbolCount(chunks.length);

  Deno.test(`permutedSymbols() lead to u < alpha for every u, alpha and all mask bits (chunks ${chunks})`, () => {
    // Four chunks have 2^15 masks: every 61st of them.
    const stride = count > 7 ? 61 : 1;
    for (let alpha = 0; alpha < 2 ** bits; alpha++) {
      for (let maskBits = 0; maskBits < 2 ** count; maskBits += stride) {
        const offset = (alpha + maskBits) % 9, [half0, half1, masks] = deal(chunks, alpha, maskBits, offset);
        assertEquals(masks >>> pathCount(chunks.length), 0);
        for (let u = 0; u < 2 ** bits; u++) {
          const opened = permutedSymbols(half0, offset, chunks, 0, u) ^ permutedSymbols(half1, offset, chunks, 1, u) ^
            maskBits;
          const selected = permutedPath(opened, chunks.length);
          const less = (selected & 1) ^ ((masks >>> (selected >>> 1)) & 1);
          if (less !== Number(u < alpha)) throw new Error(`u=${u} alpha=${alpha} masks=${maskBits}`);
        }
      }
    }
  });
}

Deno.test("permutedSymbols() open each candidate under its own mask bit: every symbol is a function of the secrets plus that bit", () => {
  const chunks = [2, 2, 1],
    count = symbolCount(3),
    symbols = (alpha: number, maskBits: number, u: number): number => {
      const [half0, half1] = deal(chunks, alpha, maskBits, 0);
      return permutedSymbols(half0, 0, chunks, 0, u) ^ permutedSymbols(half1, 0, chunks, 1, u) ^ maskBits;
    };
  for (let alpha = 0; alpha < 32; alpha += 3) {
    for (let u = 0; u < 32; u += 5) {
      assertEquals(
        new Set(Array.from({ length: 2 ** count }, (_, masks) => symbols(alpha, masks, u))).size,
        2 ** count,
      );
    }
  }
});

Deno.test("dealPermuted() gives fixed vectors", () => {
  const bytes = new Uint8Array(7), flip = (at: number) => xorBits(bytes, at, 1, 1);
  const masks = dealPermuted(
    { flip, oneHot: (at, k, alpha) => genFlat(bytes, at, k, alpha) },
    0,
    [3, 2, 1],
    0b1_01_110,
    0b101_1011,
  );
  // One-hot of 6 in 7 bits; of 1 in 3 bits, and 4 bits for the mask bit 1 of level 0; of 1 in 1 bit (the last: nothing), and 2 vectors of 2 for the mask bits 1, 0 of level 1.
  assertEquals(permutedBits([3, 2, 1]), 7 + 3 + 4 + 1 + 4);
  assertEquals(bytes, Uint8Array.of(0b0100_0000, 0b0000_1001, 0b0000_0001, 0, 0, 0, 0));
  assertEquals(masks, 0b1011);
});

Deno.test("permutedPath() follows the selected symbols", () => {
  assertEquals(permutedPath(0b1, 1), 1);
  assertEquals(permutedPath(0b101, 2), 0b11); // bit 1 selects candidate 1 of level 1, which is 1
  assertEquals(permutedPath(0b011, 2), 0b10);
  assertEquals(permutedPath(0b0100000_101 >>> 0, 3), 0b110);
});

Deno.test("choosePermuted() finds the chunks and costs of the protocol", () => {
  for (
    const [bits, perPath, chunks, cost] of [
      // A 32-bit result after a shift by 12, 10 and 8, without the wrap correction of `by` bits.
      [12, 32, [5, 4, 3], 213],
      [10, 32, [6, 4], 158],
      [8, 32, [5, 3], 110],
      [12, 20, [5, 4, 3], 165],
    ] as const
  ) {
    const best = choosePermuted(bits, perPath);
    assertEquals(best, chunks);
    assertEquals(permutedBits(best) + pathCount(best.length) * perPath, cost);
  }
  assertEquals(choosePermuted(1, 32), [1]);
  assertEquals(choosePermuted(32, 128).reduce((a, b) => a + b), 32);
});

Deno.test("choosePermuted() returns one array for one question, and refuses what no chunks can hold", () => {
  assert(choosePermuted(12, 32) === choosePermuted(12, 32));
  assertThrows(() => choosePermuted(33, 32), RangeError, "received 33");
});
