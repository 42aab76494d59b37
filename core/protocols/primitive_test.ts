import { assertEquals, assertThrows } from "@std/assert";
import { exp } from "./exp/gate.ts";
import { add } from "./local/gate.ts";
import { assertKnownToBoth, assertRange, assertWordRing, type Context } from "./primitive.ts";
import { hold, multiply } from "./products/gate.ts";
import { squares } from "./squares/gate.ts";
import { type Share, share, type Wire, wire } from "./tensor.ts";
import { truncate } from "./truncate/gate.ts";

const TYPE = { ringBits: 32, scale: 10, extent: { rows: 2, cols: [1, 3] } };

/** Never called: its lines must not compile, and `deno check` says so where one of them does. */
export function typing(
  clear: Context<"clear">,
  mask: Context<"mask">,
  masked: Context<"masked">,
  z: Share<"masked">,
  x: Wire<"masked">,
  r: Wire<"mask">,
): void {
  masked.gate("right", hold, {}, x);
  // @ts-expect-error A share is not a wire: it has to be opened first.
  masked.gate("share", hold, {}, z);
  // @ts-expect-error A share does not stand in for a masked value.
  masked.gate("share", squares, { outBits: 40, operandBits: 32 }, z);
  // @ts-expect-error Local operations read wires.
  masked.local(add, {}, x, z);
  // @ts-expect-error A wire has no standing share: it has to be held first.
  masked.gate("wire", multiply, { broadcast: false }, x, x);
  // @ts-expect-error The dealer's masks are not masked values.
  masked.gate("mask", hold, {}, r);
  // @ts-expect-error Masked values are not masks.
  mask.gate("masked", hold, {}, x);
  // @ts-expect-error Masked values are not clear.
  clear.gate("masked", hold, {}, x);
  // @ts-expect-error A mask context is not a masked context.
  const wrong: Context<"masked"> = mask;
  // @ts-expect-error Nor the other way round.
  const alsoWrong: Context<"mask"> = masked;
  // @ts-expect-error A wire of masks is not a wire of masked values.
  const data: Wire<"masked"> = r;
  // @ts-expect-error Every parameter is named: no ring by default.
  masked.gate("exp", exp, { digits: [8, 6, 6], tableScale: 11 }, x);
  masked.gate("share", truncate, { by: 1, to: 32, rounding: "nearest", full: 0, knownTo: "both" }, z);
  typing(clear, wrong as never, alsoWrong as never, z, data, r);
}

Deno.test("assertRange() accepts [-limit, limit) and names no value", () => {
  assertRange(Float64Array.of(-8, 7), 8, "hold it");
  for (const value of [8, -9, NaN]) {
    const error = assertThrows(() => assertRange(Float64Array.of(0, value), 8, "hold it"), RangeError, "±2^3");
    assertEquals(error.message.includes(String(value)), false);
  }
});

Deno.test("assertKnownToBoth() and assertWordRing() refuse what a gate cannot read", () => {
  const x = wire("plan", TYPE, null);
  assertKnownToBoth(x, "read");
  assertKnownToBoth(share("plan", TYPE, null), "read");
  assertThrows(() => assertKnownToBoth({ ...x, knownTo: "party0" }, "read"), RangeError, "both parties");
  for (const ringBits of [0, 33, 1.5]) assertThrows(() => assertWordRing(ringBits, "read"), RangeError, "1 to 32 bits");
});
