import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ProtocolError } from "../core/errors.ts";
import type { Duplex } from "./duplex.ts";
import { memoryDuplexPair } from "./memory.ts";
import {
  deriveLinkSecrets,
  LINK_KEY_BYTES,
  MAX_SEALED_FRAMES,
  Opener,
  SEAL_HANDSHAKE_BYTES,
  Sealer,
  sealStream,
  TAG_BYTES,
} from "./seal.ts";

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

function linkKey(fill: number): Uint8Array {
  return new Uint8Array(LINK_KEY_BYTES).fill(fill);
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

Deno.test("deriveLinkSecrets() is HKDF-SHA256 of both secrets under the transcript", async () => {
  const [shared, key, transcript] = [bytesOf(32, 1), bytesOf(32, 2), bytesOf(32, 3)];
  const secrets = deriveLinkSecrets(shared, key, transcript);
  const ikm = await crypto.subtle.importKey("raw", Uint8Array.of(...shared, ...key), "HKDF", false, ["deriveBits"]);
  for (const use of ["frames", "confirm"] as const) {
    for (const role of ["dialer", "listener"] as const) {
      const info = new TextEncoder().encode(`sluice/link/v1/${use}/${role}`);
      const salt = Uint8Array.from(transcript);
      const bits = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, ikm, 256);
      assertEquals(secrets[use][role], new Uint8Array(bits), `${use} ${role}`);
    }
  }
});

Deno.test("sealStream() gives both ends keys that fit, new ones each time", async () => {
  const frames: Uint8Array[] = [];
  for (let run = 0; run < 2; run++) {
    const [a, b] = memoryDuplexPair();
    const [listener, dialer] = await Promise.all([
      sealStream(a, { role: "listener", linkKey: linkKey(1) }),
      sealStream(b, { role: "dialer", linkKey: linkKey(1) }),
    ]);
    const frame = sealed(listener.sealer!, bytesOf(50));
    frames.push(frame);
    assertEquals(dialer.opener.open(frame), bytesOf(50));
    assertEquals(listener.opener.open(sealed(dialer.sealer!, bytesOf(7))), bytesOf(7));
    assertThrows(() => listener.opener.open(frame), ProtocolError);
  }
  assertEquals(frames[0]!.some((byte, i) => byte !== frames[1]![i]), true);
});

Deno.test("sealStream() names the link key on both sides when the keys differ", async () => {
  const [a, b] = memoryDuplexPair();
  await Promise.all([
    assertRejects(() => sealStream(a, { role: "listener", linkKey: linkKey(1) }), ProtocolError, "link key"),
    assertRejects(() => sealStream(b, { role: "dialer", linkKey: linkKey(2) }), ProtocolError, "link key"),
  ]);
});

Deno.test("sealStream() refuses an echo of its own bytes", async () => {
  const [a, b] = memoryDuplexPair();
  const ours = sealStream(a, { role: "listener", linkKey: linkKey(1) });
  const echo = new Uint8Array(SEAL_HANDSHAKE_BYTES);
  for (let at = 0; at < echo.length;) {
    const count = await b.read(echo.subarray(at));
    await b.write(echo.slice(at, at + count!));
    at += count!;
  }
  await assertRejects(() => ours, ProtocolError, "link key");
});

Deno.test("sealStream() refuses garbage, a key of low order and a peer that leaves", async () => {
  const magic = new TextEncoder().encode("SLUICEL1");
  const peers: [string, (peer: Duplex) => unknown, string][] = [
    ["garbage", (peer) => peer.write(new TextEncoder().encode("GET / HTTP/1.1\r\n")), "another greeting"],
    ["low order", (peer) => peer.write(Uint8Array.of(...magic, ...new Uint8Array(32))), "full order"],
    ["leaver", (peer) => peer.close(), "end of the connection"],
    ["half", (peer) => [peer.write(magic.subarray(0, 5)), peer.close()], "received 5 bytes"],
  ];
  for (const [name, act, message] of peers) {
    const [a, b] = memoryDuplexPair();
    await act(b);
    const error = await assertRejects(() => sealStream(a, { role: "dialer", linkKey: linkKey(1) }), ProtocolError);
    assertEquals(error.message.includes(message), true, `${name}: ${error.message}`);
  }
});

Deno.test("sealStream() refuses a link key of another length and does not show it", async () => {
  const [a] = memoryDuplexPair();
  const error = await assertRejects(
    () => sealStream(a, { role: "dialer", linkKey: new Uint8Array(31).fill(173) }),
    RangeError,
    "received 31",
  );
  assertEquals(error.message.includes("173"), false);
});

Deno.test("Sealer and Opener do not print their keys", () => {
  const key = new Uint8Array(32).fill(173);
  for (const value of [new Sealer(key), new Opener(key)]) {
    for (const text of [Deno.inspect(value), String(value), JSON.stringify(value)]) {
      assertEquals(text.includes("173"), false, text);
    }
  }
});
