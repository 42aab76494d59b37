/**
 * Exponential with a clip: e^(-t) = T_low[t_low]·T_high[t_high] where t_top = 0, and 0 where it is not, for t ≥ 0 whose
 * three digits have `low`, `high` and `top` bits.
 *
 * All three digits of r stand in one-hot vectors; the low digit's comparison gives the carry, and the high value is looked
 * up for both carries. Exchange 1 opens the symbols carry, less (the high digit borrows), equal_0 and equal_1 (the top one
 * is 0 without and with that borrow), and the signed values v_low, v_0, v_1 under pads; exchange 2 the clip bit
 * equal_0 ⊕ less·(equal_0 ⊕ equal_1); exchange 3 the value: formulas, which `formula.ts` has. The borrow out of equal high
 * digits may be ignored because the last entry of T_high is 0.
 *
 * The parties' own halves of mask bits serve as shares of them in exchange 2: its result stands under a fresh pad
 * (SPEC §3.3).
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.11; its m is the ring of the result
 * - **Exchanges:** `3`   **Sends:** `4 + 3m`, `1`, `m` bits per element
 * - **Key:** `oh(low) + oh(high) + oh(top) + 15m` bits per element
 * - **Source:** our own; lookups of SPEC §4.1
 *
 * @module
 */

import { oneHotBits } from "../../fss/flat_dpf.ts";
import { type KeyRecord, offsets, step, subtractTaken } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, assertWordRing, type Primitive } from "../primitive.ts";
import { blockCounts, elementCount, type Extent, maskWords, type TensorType, wire } from "../tensor.ts";
import { expTables } from "./tables.ts";
import { clipFormula, expFormula } from "./formula.ts";
import { CLIP, FINISH, SYMBOLS } from "./kernels.ts";

/** Parameters of {@linkcode exp}. */
export interface ExpParams {
  /** Digit sizes in bits, lowest first; their sum is the ring of t. */
  readonly digits: readonly [low: number, high: number, top: number];
  /** Fractional bits of each table; the result has twice as many. */
  readonly tableScale: number;
  /** Ring of the result, at most 32 bits; it must hold 2^(2·tableScale). */
  readonly ringBits: number;
}

/** Ring, scale and shape of the result. */
function typeOf(p: ExpParams, { extent }: TensorType): TensorType {
  return { ringBits: p.ringBits, scale: 2 * p.tableScale, extent };
}

function openings(p: ExpParams, extent: Extent): [OpeningSize[], OpeningSize[], OpeningSize[]] {
  const count = elementCount(extent), n = p.ringBits;
  return [
    [{ kind: "xor", count, bits: [4, 4] }, { kind: "add", count: 3 * count, bits: [n, n] }],
    [{ kind: "xor", count, bits: [1, 1] }],
    [{ kind: "add", count, bits: [n, n] }],
  ];
}

function key(p: ExpParams, extent: Extent): KeyRecord[] {
  const [low, high, top] = p.digits, counts = blockCounts(extent);
  return [{
    name: "given",
    kind: "given",
    counts,
    fields: [
      { name: "low", bits: oneHotBits(low) },
      { name: "high", bits: oneHotBits(high) },
      { name: "top", bits: oneHotBits(top) },
      { name: "words", bits: expFormula(p.ringBits).bits },
    ],
  }, {
    name: "free",
    kind: "free",
    counts,
    fields: [{ name: "symbols", bits: 4 }, { name: "clip", bits: 1 }, { name: "values", bits: 3 * p.ringBits }, {
      name: "pad",
      bits: p.ringBits,
    }],
  }];
}

/** e^(-t) of a non-negative t at scale s, digits (low, high, top). */
export const exp: Primitive<ExpParams, ["wire"], "wire"> = {
  name: "exp",
  clear(p, [t]) {
    const [low, high] = p.digits,
      { lowTable, highTable } = expTables(p.digits, t.scale, p.tableScale),
      window = 2 ** (low + high);
    assertRange(
      t.data.map((v) => v - 2 ** (t.ringBits - 1)),
      2 ** (t.ringBits - 1),
      `exponentiate in ${t.ringBits} bits`,
    );
    const data = t.data.map((v) => v < window ? lowTable[v % 2 ** low]! * highTable[Math.floor(v / 2 ** low)]! : 0);
    assertRange(data, 2 ** (p.ringBits - 1), `exponentiate into ${p.ringBits} bits`);
    return wire("clear", typeOf(p, t), data);
  },
  plan(p, [t]) {
    const digitBits = p.digits[0] + p.digits[1] + p.digits[2];
    if (t.ringBits !== digitBits) {
      throw new RangeError(`Cannot exponentiate as the ring must have ${digitBits} bits: received ${t.ringBits}`);
    }
    assertKnownToBoth(t, "exponentiate");
    assertWordRing(p.ringBits, "exponentiate");
    return {
      out: wire("plan", typeOf(p, t), null),
      key: key(p, t.extent),
      opens: openings(p, t.extent),
    };
  },
  deal(p, [t], keys) {
    const [low, high, top] = p.digits,
      n = p.ringBits,
      r = maskWords(t),
      masks = expFormula(n).masks(r.length),
      bits = clipFormula.masks(r.length),
      given = keys.record("given"),
      free = keys.record("free"),
      at = offsets(keys, "given", ["low", "high", "top", "words"]),
      pads = offsets(keys, "free", ["symbols", "clip", "values", "pad"]);
    const data = new Uint32Array(r.length);
    for (let e = 0; e < r.length; e++) {
      given.seek(e);
      free.seek(e);
      const mask = r[e]!;
      const signLow = 2 * given.oneHot(at.low, low, mask & (2 ** low - 1)) - 1,
        signHigh = 2 * given.oneHot(at.high, high, (mask >>> low) & (2 ** high - 1)) - 1;
      given.oneHot(at.top, top, mask >>> (low + high));
      const symbols = free.xor(pads.symbols, 4);
      masks.s[e] = signLow * signHigh;
      masks.low[e] = free.sum(pads.values, n);
      masks.v0[e] = free.sum(pads.values + n, n);
      masks.v1[e] = free.sum(pads.values + 2 * n, n);
      masks.carry[e] = symbols;
      bits.less[e] = symbols >>> 1;
      bits.equal0[e] = symbols >>> 2;
      bits.equal1[e] = symbols >>> 3;
      masks.clip[e] = free.xor(pads.clip, 1);
      data[e] = free.sum(pads.pad, n);
    }
    const [ofClip] = clipFormula.deal(bits, null);
    for (let e = 0; e < r.length; e++) masks.clip[e]! ^= ofClip![e]!;
    const [ofValue] = expFormula(n).deal(masks, keys.record("given"), at.words);
    subtractTaken(data, ofValue!, n);
    return wire("mask", typeOf(p, t), data);
  },
  *run(p, [t], keys) {
    const [low_bits, high_bits, top_bits] = p.digits, ring_bits = p.ringBits;
    const { lowTable, highTable } = expTables(p.digits, t.scale, p.tableScale);
    const [openFirst, openClip, openValue] = openings(p, t.extent);
    const first = step(keys, SYMBOLS, {
      reads: { t: t.data },
      params: { low_bits, high_bits, top_bits, ring_bits },
      tables: { low: lowTable, high: highTable },
    });
    const [opened, values] = yield* open(openFirst, first.symbols, first.values);
    const [clip] = yield* open(openClip, step(keys, CLIP, { reads: { opened }, params: {} }).clip);
    const { result } = step(keys, FINISH, { reads: { opened, values, clip }, params: { ring_bits } });
    const [data] = yield* open(openValue, result);
    return wire("masked", typeOf(p, t), data);
  },
};
