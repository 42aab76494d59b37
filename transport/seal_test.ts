import { assertEquals, assertThrows } from "@std/assert";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ProtocolError } from "../core/errors.ts";
import { MAX_SEALED_FRAMES, Opener, Sealer, TAG_BYTES } from "./seal.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7);

function bytesOf(count: number, start = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => start + i * 31);
}

function sealed(sealer: Sealer, plain: Uint8Array): Uint8Array {
  const out = new Uint8Array(plain.length + TAG_BYTES);
  sealer.seal(plain, out, 0);
  return out;
}

function nonceOf(index: bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, index, true);
  return nonce;
}

Deno.test("seal() equals ChaCha20-Poly1305 with the frame's index as nonce", () => {
  for (const first of [0, 2 ** 32 - 2, 2 ** 40]) {
    const sealer = new Sealer(KEY, first);
    for (const [i, count] of [0, 1, 63, 64, 65, 1000].entries()) {
      const nonce = nonceOf(BigInt(first) + BigInt(i));
      assertEquals(sealed(sealer, bytesOf(count)), chacha20poly1305(KEY, nonce).encrypt(bytesOf(count)));
    }
  }
});

Deno.test("seal() writes at the offset and nowhere else", () => {
  const out = new Uint8Array(3 + 5 + TAG_BYTES + 2).fill(9);
  new Sealer(KEY).seal(bytesOf(5), out, 3);
  assertEquals([...out.subarray(0, 3), ...out.subarray(-2)], [9, 9, 9, 9, 9]);
  assertEquals(new Opener(KEY).open(out.subarray(3, -2)), bytesOf(5));
});

Deno.test("open() undoes seal() frame by frame", () => {
  const sealer = new Sealer(KEY);
  const opener = new Opener(KEY);
  for (const count of [0, 1, 100, 70000]) {
    assertEquals(opener.open(sealed(sealer, bytesOf(count))), bytesOf(count));
  }
});

Deno.test("open() refuses a frame with any byte changed", () => {
  const frame = sealed(new Sealer(KEY), bytesOf(20));
  for (let at = 0; at < frame.length; at++) {
    const changed = frame.slice();
    changed[at]! ^= 1;
    assertThrows(() => new Opener(KEY).open(changed), ProtocolError, "seal must verify");
  }
});

Deno.test("open() refuses replayed, reordered and truncated frames and another key", () => {
  const sealer = new Sealer(KEY);
  const frame0 = sealed(sealer, bytesOf(20));
  const frame1 = sealed(sealer, bytesOf(20));
  const opener = new Opener(KEY);
  opener.open(frame0);
  assertThrows(() => opener.open(frame0), ProtocolError, "frame 1");
  assertThrows(() => new Opener(KEY).open(frame1), ProtocolError, "frame 0");
  for (const count of [0, 1, TAG_BYTES - 1, TAG_BYTES, frame0.length - 1]) {
    assertThrows(() => new Opener(KEY).open(frame0.subarray(0, count)), ProtocolError, "cut");
  }
  assertThrows(() => new Opener(bytesOf(32, 1)).open(frame0), ProtocolError, "seal must verify");
});

Deno.test("seal() and open() refuse a frame past the last nonce", () => {
  const sealer = new Sealer(KEY, MAX_SEALED_FRAMES - 1);
  const opener = new Opener(KEY, MAX_SEALED_FRAMES - 1);
  opener.open(sealed(sealer, bytesOf(3)));
  assertThrows(() => sealed(sealer, bytesOf(3)), ProtocolError, "Cannot seal frame");
  assertThrows(() => opener.open(new Uint8Array(40)), ProtocolError, "Cannot open frame");
});

Deno.test("Sealer and Opener do not print their keys", () => {
  const key = new Uint8Array(32).fill(173);
  for (const value of [new Sealer(key), new Opener(key)]) {
    for (const text of [Deno.inspect(value), String(value), JSON.stringify(value)]) {
      assertEquals(text.includes("173"), false, text);
    }
  }
});
