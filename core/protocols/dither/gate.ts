/**
 * Dithered truncation: y = ⌊z / 2^by⌋ + 1{z mod 2^by > t} from Z_{2^n} into Z_{2^m}, where the coin t = ẑ mod 2^by is
 * public, uniform and independent of z.
 *
 * It is exact truncation without its carry: (ẑ ≫ by) - (r ≫ by) is that y. So it rounds up with the probability of the
 * fraction: unbiased, off by less than one unit. It realises the functionality "public coin t; up iff the fraction
 * exceeds t" perfectly: a simulator gets t and sets the low bits of ẑ to it. The oracle takes the coins that a run has
 * kept, and must then agree bit for bit.
 *
 * With s = ẑ ≫ by and r_s = r ≫ by in n' = n - by bits: where m ≤ n' the result is s, for nothing. Otherwise its low n'
 * bits are s, and its g = m - n' top bits hold w = msb(r)·k, k = 1 - msb(s + 2^(n'-2)), under a pad of g bits:
 *
 *   ŷ = ((s + 2^(n'-2)) mod 2^n') - 2^(n'-2) + 2^n'·(w + pad),     r_y = r_s + 2^n'·pad   mod 2^m,     |z| < 2^(n-2).
 *
 * Only w + pad is opened: the rest of ŷ is a function of ẑ, and its mask occurs nowhere else. Of a share whose result
 * party 0 alone learns, party 1 alone gets ẑ; it sends s and its share of w + pad.
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.15; share is 1 of a share, g = 0 where m ≤ n'
 * - **Exchanges:** `share + 1{g > 0}`
 * - **Sends:** `g` bits per element; of a share `n`, `g`; to party 0 alone: party 0 n bits, party 1 n' + g
 * - **Key:** `g` bits per element
 * - **Source:** our own; the objection to probabilistic truncation, that its coin depends on the value, does not hold
 *   for a public one (SPEC §5.15)
 *
 * @module
 */

import type { Handle } from "../../engine.ts";
import { dealTop, topShare } from "../extend/gate.ts";
import { widen } from "../extend/kernels.ts";
import { shift, sum } from "../local/kernels.ts";
import type { KeyRecord } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertRange, type Primitive } from "../primitive.ts";
import { blockCounts, elementCount, type Inputs, maskBits, type Share, type View, type Wire, wire } from "../tensor.ts";
import { assertTruncates, truncatedType } from "../truncate/gate.ts";

/** Parameters of {@linkcode dither}. */
export interface DitherParams {
  /** Bits to drop, 1 ≤ by ≤ min(32, n - 2). */
  readonly by: number;
  /** Ring of the result, in bits. */
  readonly to: number;
  /** Who learns the result: party 0 alone where only linear layers read it. */
  readonly knownTo: "both" | "party0";
}

/** ⌊v / 2^by⌋ + 1{v mod 2^by > coin}: what {@linkcode dither} makes of one value. */
export function dithered(v: number, by: number, coin: number): number {
  const floor = Math.floor(v / 2 ** by);
  return floor + (v - floor * 2 ** by > coin ? 1 : 0);
}

/** Fields of the key: shares of msb(r), and the pad of the top bits. */
const TOP = { given: "wrap", free: "pad" };

/** Everything that follows from the parameters and the input. */
function layout(p: DitherParams, z: Wire<View> | Share<View>) {
  const n = z.ringBits, lowBits = n - p.by, topBits = Math.max(0, p.to - lowBits), count = elementCount(z.extent);
  // Party 0 alone learns ŷ: then party 1 alone learns ẑ.
  const toParty0 = z.kind === "share" && topBits > 0 && p.knownTo === "party0";
  const openInput: OpeningSize[] = [{ kind: "add", count, bits: toParty0 ? [0, n] : [n, n] }];
  const openTop: OpeningSize[] = [{
    kind: "add",
    count,
    bits: p.knownTo === "both" ? [topBits, topBits] : [topBits, 0],
  }];
  const openResult: OpeningSize[] = [{ kind: "add", count, bits: [lowBits, 0] }, ...openTop];
  return { lowBits, topBits, toParty0, openInput, openSecond: toParty0 ? openResult : openTop };
}

/**
 * z keeps the spare bit free where w is needed, may be any value of the ring elsewhere, and fits the result's ring when
 * it is shifted.
 */
function limit(p: DitherParams, [z]: Inputs<View, ["value"]>): number {
  return 2 ** Math.min(z.ringBits - (layout(p, z).topBits > 0 ? 2 : 1), p.to - 1 + p.by);
}

/**
 * Truncates a wire, or opens a share and truncates it, by a public coin.
 *
 * @example 5/4 becomes 1 or 2, as the coin falls
 * ```ts
 * import { clearOf, costOf } from "sluice/core/protocols/cost.ts";
 * import { dither } from "sluice/core/protocols/dither/gate.ts";
 * import { wire } from "sluice/core/protocols/tensor.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { by: 2, to: 30, knownTo: "both" } as const, coins = () => Uint32Array.of(0, 1);
 * const x = wire("clear", { ringBits: 32, scale: 2, extent: { rows: 1, cols: [2] } }, Float64Array.of(5, 5));
 *
 * assertEquals([...clearOf(dither, params, [x], { coins }).data], [2, 1]);
 * assertEquals(costOf(dither, params, x), { exchanges: 0, sentBytes: [0, 0], keyBits: 0 });
 * ```
 */
export const dither: Primitive<DitherParams, ["value"], "wire"> = {
  name: "dither",
  limit,

  clear(p, [z], reader) {
    const coins = reader.coins(p.by, z.data.length);
    assertRange(z.data, limit(p, [z]), `truncate a ${z.ringBits}-bit value`);
    const data = z.data.map((v, e) => dithered(v, p.by, coins[e]!));
    assertRange(data, 2 ** (p.to - 1), `truncate into ${p.to} bits`);
    return wire("clear", truncatedType(p, z), data, p.knownTo);
  },

  plan(p, [z]) {
    assertTruncates(p, z);
    const { topBits, openInput, openSecond } = layout(p, z), counts = blockCounts(z.extent);
    const key: KeyRecord[] = topBits === 0 ? [] : [
      { name: "given", kind: "given", counts, fields: [{ name: "wrap", bits: topBits }] },
      { name: "free", kind: "free", counts, fields: [{ name: "pad", bits: topBits }] },
    ];
    const opens = [...(z.kind === "share" ? [openInput] : []), ...(topBits > 0 ? [openSecond] : [])];
    return {
      out: wire("plan", truncatedType(p, z), null, p.knownTo),
      key,
      opens,
    };
  },

  deal(p, [z], key) {
    const { lowBits, topBits } = layout(p, z), low = maskBits(z.data, p.by, Math.min(lowBits, p.to));
    const data = topBits === 0 ? low : dealTop(key, lowBits, p.to, low);
    return wire("mask", truncatedType(p, z), data, p.knownTo);
  },

  *run(p, [z], key) {
    const { lowBits, topBits, toParty0, openInput, openSecond } = layout(p, z), { engine, party } = key;
    const [masked] = z.kind === "share" ? yield* open(openInput, z.data) : [z.data];
    if (party === 1) key.keepCoins?.(masked, p.by);
    const shifted = shift(engine, masked, { in_bits: z.ringBits, by: p.by, out_bits: Math.min(lowBits, p.to) });
    const widened = { in_bits: lowBits, out_bits: p.to };
    let data: Handle;
    if (topBits === 0) data = shifted;
    else if (!toParty0) {
      const [top] = yield* open(openSecond, topShare(key, TOP, lowBits, shifted));
      data = widen(engine, { x: shifted, top }, widened);
    } else if (party === 1) {
      const share = topShare(key, TOP, lowBits, shifted);
      yield* open(openSecond, shifted, share);
      data = share; // nobody reads it: party 0 alone learns the result
    } else {
      const [low, theirs] = yield* open(openSecond, null, null);
      const top = sum(engine, theirs, topShare(key, TOP, lowBits, low), topBits);
      data = widen(engine, { x: low, top }, widened);
    }
    return wire("masked", truncatedType(p, z), data, p.knownTo);
  },
};
