/**
 * Extension: the same x, read in a wider ring, from Z_{2^n} into Z_{2^m}, m > n.
 *
 * x̂ may have wrapped, so reading it in a wider ring is not enough. With the spare bit (-2^(n-2) ≤ x < 2^(n-2)),
 * û = (x̂ + 2^(n-2)) mod 2^n, k = 1 - msb(û) and b = msb(r) there is no comparison:
 *
 *   x = û - 2^(n-2) - r + 2^n·k·b.
 *
 * The new mask keeps r as its low bits, r' = r + 2^n·t with a fresh pad t of m - n bits. So the low n bits of x̂' are
 * those of x̂, which both parties have already, and only τ = k·b + t mod 2^(m-n) is opened:
 *
 *   x̂' = û - 2^(n-2) + 2^n·τ mod 2^m.
 *
 * Secrecy: r' is uniform because r and t are. τ stands under t, a fresh value with a half in each party's seed that
 * appears nowhere else; k is a bit of the public x̂; b is given, so its halves are uniform. That r lies under x̂ and
 * under the low bits of x̂' shows nothing: both are the same public number.
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.17
 * - **Exchanges:** `1`   **Sends:** `m - n` bits per element   **Key:** `m - n` bits per element
 * - **Source:** our own; the sign as in [SIGMA]'s truncation with a spare bit
 *
 * @module
 */

import type { Handle } from "../../engine.ts";
import { addPad, type KeyReader, type KeyWriter, writeMask } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, assertRing, type Primitive } from "../primitive.ts";
import {
  blockCounts,
  elementCount,
  type Inputs,
  maskBits,
  type MaskWords,
  type View,
  type Wire,
  wire,
} from "../tensor.ts";
import { addWrap, widen } from "./kernels.ts";

/** Parameters of {@linkcode extend}. */
export interface ExtendParams {
  /** Ring of the result, in bits; wider than the input's. */
  readonly to: number;
  /** Who learns the result: party 0 alone where only linear layers read it. */
  readonly knownTo: "both" | "party0";
}

function opening(p: ExtendParams, x: Wire<View>): OpeningSize[] {
  const bits = p.to - x.ringBits;
  return [{ kind: "add", count: elementCount(x.extent), bits: [bits, p.knownTo === "both" ? bits : 0] }];
}

/** x keeps the spare bit free. */
function limit(_p: ExtendParams, [x]: Inputs<View, ["wire"]>): number {
  return 2 ** (x.ringBits - 2);
}

/**
 * This party's share of τ = k·msb(r) + pad, the bits above the `inBits` of a masked value, from the fields of these
 * names.
 */
export function topShare(key: KeyReader, fields: { given: string; free: string }, inBits: number, x: Handle): Handle {
  const { engine } = key, given = key.record("given"), c = engine.unpack(given, fields.given);
  const a = engine.unpack(key.record("free"), fields.free), { bits } = given.fields[fields.given]!;
  return addWrap(engine, { a, x, c }, { in_bits: inBits, shift: 0, subtracts: 0, out_bits: bits });
}

/**
 * What {@linkcode topShare} reads, dealt for masks r of `inBits` bits: shares of msb(r), and pads of the bits above.
 * Returns r + 2^inBits·pad.
 */
export function dealTop(key: KeyWriter, inBits: number, outBits: number, masks: MaskWords): MaskWords {
  const given = key.record("given"), free = key.record("free"), pad = { offset: 0, bits: outBits - inBits, at: inBits };
  const top = maskBits(masks, inBits - 1, 1), data = maskBits(masks, 0, outBits);
  for (let e = 0; e < data.length; e++) {
    given.seek(e);
    free.seek(e);
    writeMask(given, 0, pad.bits, top[e]!);
    addPad(free, pad, data, e);
  }
  return data;
}

/**
 * Reads a wire in a wider ring.
 *
 * @example A value that is multiplied in 40 bits, and what that costs
 * ```ts
 * import { clearOf, costOf } from "sluice/core/protocols/cost.ts";
 * import { extend } from "sluice/core/protocols/extend/gate.ts";
 * import { wire } from "sluice/core/protocols/tensor.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { to: 40, knownTo: "both" } as const;
 * const x = wire("clear", { ringBits: 32, scale: 10, extent: { rows: 1, cols: [2] } }, Float64Array.of(-3, 7));
 *
 * assertEquals([...clearOf(extend, params, [x]).data], [-3, 7]);
 * assertEquals(costOf(extend, params, x), { exchanges: 1, sentBytes: [2, 2], keyBits: 16 }); // 8 bits of each value
 * ```
 */
export const extend: Primitive<ExtendParams, ["wire"], "wire"> = {
  name: "extend",
  limit,
  clear(p, [x]) {
    assertRange(x.data, limit(p, [x]), `extend a ${x.ringBits}-bit value`);
    return wire("clear", { ...x, ringBits: p.to }, x.data, p.knownTo);
  },
  plan(p, [x]) {
    const n = x.ringBits, counts = blockCounts(x.extent);
    assertKnownToBoth(x, "extend a wire");
    assertRing(p.to, "extend a wire");
    if (!(n >= 2 && p.to > n)) {
      throw new RangeError(
        `Cannot extend a wire as its ring must have 2 to ${p.to - 1} bits to become one of ${p.to}: received ${n}`,
      );
    }
    return {
      out: wire("plan", { ...x, ringBits: p.to }, null, p.knownTo),
      key: [
        { name: "given", kind: "given", counts, fields: [{ name: "b", bits: p.to - n }] },
        { name: "free", kind: "free", counts, fields: [{ name: "t", bits: p.to - n }] },
      ],
      opens: [opening(p, x)],
    };
  },
  deal(p, [x], key) {
    return wire("mask", { ...x, ringBits: p.to }, dealTop(key, x.ringBits, p.to, x.data), p.knownTo);
  },
  *run(p, [x], key) {
    const [top] = yield* open(opening(p, x), topShare(key, { given: "b", free: "t" }, x.ringBits, x.data));
    const data = widen(key.engine, { x: x.data, top }, { in_bits: x.ringBits, out_bits: p.to });
    return wire("masked", { ...x, ringBits: p.to }, data, p.knownTo);
  },
};
