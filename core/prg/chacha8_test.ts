import { assertEquals, assertThrows } from "@std/assert";
import { chacha8 } from "@noble/ciphers/chacha.js";
import { chacha8Block as chacha8BlockTwin } from "../../tests/reference/chacha8.ts";
import { chacha8Block, expandChacha8 } from "./chacha8.ts";

const key = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
const nonce = Uint8Array.from({ length: 12 }, (_, i) => 200 - i);

Deno.test("expandChacha8() equals @noble/ciphers for every length", () => {
  for (let length = 0; length <= 260; length++) {
    const out = new Uint8Array(length).fill(0xee);
    expandChacha8(key, nonce, out);
    assertEquals(out, chacha8(key, nonce, new Uint8Array(length)), `length=${length}`);
  }
});

Deno.test("expandChacha8() equals @noble/ciphers from any block and into unaligned arrays", () => {
  const expected = chacha8(key, nonce, new Uint8Array(64 * 20));
  for (let block = 0; block < 10; block++) {
    for (let shift = 0; shift < 4; shift++) {
      const out = new Uint8Array(304).subarray(shift, shift + 300);
      expandChacha8(key, nonce, out, block);
      assertEquals(out, expected.subarray(64 * block, 64 * block + 300), `block=${block} shift=${shift}`);
    }
  }
});

Deno.test("expandChacha8() and chacha8Block() equal the twin up to the last block", () => {
  for (const counter of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    const expected = chacha8BlockTwin(key, nonce, counter);
    const out = new Uint8Array(64);
    expandChacha8(key, nonce, out, counter);
    assertEquals(out, expected);
    const words = new Uint32Array(16);
    chacha8Block(new Uint32Array(key.slice().buffer), new Uint32Array(nonce.slice().buffer), counter, words);
    assertEquals(new Uint8Array(words.buffer), expected);
  }
});

Deno.test("expandChacha8() refuses malformed sizes and a counter that would wrap", () => {
  const out = new Uint8Array(65);
  assertThrows(() => expandChacha8(new Uint8Array(31), nonce, out), RangeError);
  assertThrows(() => expandChacha8(key, new Uint8Array(8), out), RangeError);
  assertThrows(() => expandChacha8(key, nonce, out, -1), RangeError);
  assertThrows(() => expandChacha8(key, nonce, out, 0.5), RangeError);
  assertThrows(() => expandChacha8(key, nonce, out, 2 ** 32 - 1), RangeError);
});

Deno.test("chacha8Block() refuses malformed sizes", () => {
  const [goodKey, goodNonce, goodOut] = [new Uint32Array(8), new Uint32Array(3), new Uint32Array(16)];
  assertThrows(() => chacha8Block(new Uint32Array(4), goodNonce, 0, goodOut), RangeError);
  assertThrows(() => chacha8Block(goodKey, new Uint32Array(2), 0, goodOut), RangeError);
  assertThrows(() => chacha8Block(goodKey, goodNonce, 0, new Uint32Array(15)), RangeError);
  assertThrows(() => chacha8Block(goodKey, goodNonce, 2 ** 32, goodOut), RangeError);
});
