import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { address, PURPOSE, Seed, SEED_BYTES } from "./seed.ts";
import type { Purpose, StreamAddress } from "./seed.ts";

Deno.test("Seed.from() copies, and expose() returns a copy", () => {
  const bytes = new Uint8Array(SEED_BYTES).fill(7);
  const seed = Seed.from(bytes);
  bytes.fill(0);
  seed.expose().fill(1);
  assertEquals(seed.expose(), new Uint8Array(SEED_BYTES).fill(7));
});

Deno.test("Seed.random() gives different seeds of 32 bytes", () => {
  assertEquals(Seed.random().expose().length, SEED_BYTES);
  assertNotEquals(Seed.random().expose(), Seed.random().expose());
});

Deno.test("Seed cannot print itself", () => {
  const seed = Seed.from(new Uint8Array(SEED_BYTES).fill(171));
  const printed = [`${seed}`, JSON.stringify({ seed }), Deno.inspect(seed), Deno.inspect([{ seed }]), String(seed)];
  for (const text of printed) {
    assert(text.includes("Seed(32 bytes)"), text);
    assert(!/171|ab/i.test(text), text);
  }
});

Deno.test("Seed.from() refuses another length", () => {
  for (const length of [0, 16, 31, 33]) assertThrows(() => Seed.from(new Uint8Array(length)), RangeError);
});

const streamArbitrary: fc.Arbitrary<StreamAddress> = fc.record({
  purpose: fc.constantFrom<Purpose>(...Object.values(PURPOSE)),
  request: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  position: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  stage: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 16 - 1 })),
});

Deno.test("address() is injective: every field can be read back", () => {
  fc.assert(
    fc.property(streamArbitrary, (stream) => {
      const nonce = address(stream);
      const view = new DataView(nonce.buffer);
      assertEquals(nonce.length, 12);
      assertEquals(nonce[1], 0);
      assertEquals({
        purpose: nonce[0],
        request: view.getUint32(4, true),
        position: view.getUint32(8, true),
        stage: view.getUint16(2, true),
      }, { ...stream });
    }),
    { seed: 3, numRuns: 500 },
  );
});

Deno.test("address() gives different nonces to all small addresses", () => {
  const seen = new Set<string>();
  let count = 0;
  for (const purpose of Object.values(PURPOSE)) {
    for (let request = 0; request < 3; request++) {
      for (let position = 0; position < 3; position++) {
        for (let stage = 0; stage < 3; stage++, count++) {
          seen.add(address({ purpose, request, position, stage }).toString());
        }
      }
    }
  }
  assertEquals(seen.size, count);
});

Deno.test("address() refuses fields out of range", () => {
  const good: StreamAddress = { purpose: PURPOSE.key, request: 0, position: 0, stage: 0 };
  for (const bad of [-1, 0.5, NaN, 2 ** 32]) {
    assertThrows(() => address({ ...good, request: bad }), RangeError);
    assertThrows(() => address({ ...good, position: bad }), RangeError);
    assertThrows(() => address({ ...good, stage: bad }), RangeError);
  }
  assertThrows(() => address({ ...good, stage: 2 ** 16 }), RangeError);
  assertThrows(() => address({ ...good, purpose: 256 as Purpose }), RangeError);
});

Deno.test("PURPOSE has no number twice", () => {
  assertEquals(new Set(Object.values(PURPOSE)).size, Object.values(PURPOSE).length);
});
