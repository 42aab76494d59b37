/**
 * Exponential by two digits without a carry: e^(-t) = e^(-d)·e^(-D·2^low) for every split t' = d + D·2^low, also one with a negative d.
 *
 * t' is t without its low `skip` bits, rounded by the public coin t̂ mod 2^skip as `dither.ts` does. With u and α the digits of t̂ ≫ skip and of r ≫ skip, the
 * split that costs nothing is d = u_0 - α_0, between -2^low and 2^low, and D = (u_1 - α_1) mod 2^high: the borrow of the low digit is in both and cancels, and
 * the table of the high digit falls to 0 long before its end, so that no clip is needed. Both values are looked up in flat DPFs at the digits of α and opened
 * under pads with the dealer's sign s; their product's monomials are given:
 *
 *   y = s·(v_0 - μ_0)·(v_1 - μ_1),     r_y = pad - s·μ_0·μ_1.
 *
 * Which split it is depends on the borrow 1{t' mod 2^low > u_0}, and with it how the product's two roundings fall: u_0 is a public coin too, the same bits of t̂
 * that follow the others. Range: 0 ≤ t < 2^(skip+low+high) - 2^(skip+low+1).
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.16; its m is the ring of the result
 * - **Exchanges:** `2`   **Sends:** `2m`, `m` bits per element   **Key:** `oh(low) + oh(high) + 3m` bits per element
 * - **Source:** our own
 *
 * @module
 */

import { oneHotBits } from "../../fss/flat_dpf.ts";
import { dithered } from "../dither/gate.ts";
import { type KeyRecord, offsets, step, subtractTaken } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, assertWordRing, type Primitive } from "../primitive.ts";
import {
  blockCounts,
  elementCount,
  type Extent,
  maskWords,
  type TensorType,
  type View,
  type Wire,
  wire,
} from "../tensor.ts";
import { expDitheredTables } from "./tables.ts";
import { expDitheredFormula } from "./formula.ts";
import { FINISH, VALUES } from "./kernels.ts";

/** Parameters of {@linkcode expDithered}. */
export interface ExpDitheredParams {
  /** Low bits of t that are rounded away. */
  readonly skip: number;
  /** Digit sizes in bits, lowest first. */
  readonly digits: readonly [low: number, high: number];
  /** Half of the result's fractional bits. */
  readonly tableScale: number;
  /** Ring of the result, at most 32 bits; it must hold 2^(2·tableScale). */
  readonly ringBits: number;
}

/** Ring, scale and shape of the result. */
function typeOf(p: ExpDitheredParams, { extent }: TensorType): TensorType {
  return { ringBits: p.ringBits, scale: 2 * p.tableScale, extent };
}

function openings(p: ExpDitheredParams, extent: Extent): [OpeningSize[], OpeningSize[]] {
  const count = elementCount(extent), n = p.ringBits;
  return [[{ kind: "add", count: 2 * count, bits: [n, n] }], [{ kind: "add", count, bits: [n, n] }]];
}

function tablesOf(p: ExpDitheredParams, t: Wire<View>): ReturnType<typeof expDitheredTables> {
  return expDitheredTables(p.digits, t.scale - p.skip, p.tableScale);
}

/** e^(-t) of a non-negative t. */
export const expDithered: Primitive<ExpDitheredParams, ["wire"], "wire"> = {
  name: "exp_dithered",
  clear(p, [t], reader) {
    const [low, high] = p.digits,
      { lowTable, highTable } = tablesOf(p, t),
      coins = reader.coins(p.skip + low, t.data.length);
    const limit = 2 ** (p.skip + low + high) - 2 ** (p.skip + low + 1);
    assertRange(t.data.map((v) => v < 0 ? Infinity : v), limit, "exponentiate");
    const data = t.data.map((v, e) => {
      const coin = coins[e]!, rounded = dithered(v, p.skip, coin % 2 ** p.skip), digit = rounded % 2 ** low;
      const borrow = digit > Math.floor(coin / 2 ** p.skip) ? 1 : 0;
      const d = digit - borrow * 2 ** low, top = Math.floor(rounded / 2 ** low) + borrow;
      return lowTable[(d + 2 ** (low + 1)) % 2 ** (low + 1)]! * highTable[top % 2 ** high]!;
    });
    assertRange(data, 2 ** (p.ringBits - 1), `exponentiate into ${p.ringBits} bits`);
    return wire("clear", typeOf(p, t), data);
  },
  plan(p, [t]) {
    const [low, high] = p.digits, n = p.ringBits, counts = blockCounts(t.extent), bits = p.skip + low + high;
    if (t.ringBits < bits) {
      throw new RangeError(`Cannot exponentiate as the ring must have at least ${bits} bits: received ${t.ringBits}`);
    }
    assertKnownToBoth(t, "exponentiate");
    assertWordRing(n, "exponentiate");
    const key: KeyRecord[] = [{
      name: "given",
      kind: "given",
      counts,
      fields: [{ name: "low", bits: oneHotBits(low) }, { name: "high", bits: oneHotBits(high) }, {
        name: "words",
        bits: expDitheredFormula(n).bits,
      }],
    }, {
      name: "free",
      kind: "free",
      counts,
      fields: [{ name: "values", bits: 2 * n }, { name: "pad", bits: n }],
    }];
    return {
      out: wire("plan", typeOf(p, t), null),
      key,
      opens: openings(p, t.extent),
    };
  },
  deal(p, [t], keys) {
    const [low, high] = p.digits,
      n = p.ringBits,
      r = maskWords(t),
      masks = expDitheredFormula(n).masks(r.length),
      given = keys.record("given"),
      free = keys.record("free"),
      at = offsets(keys, "given", ["low", "high", "words"]),
      pads = offsets(keys, "free", ["values", "pad"]);
    const data = new Uint32Array(r.length);
    for (let e = 0; e < r.length; e++) {
      given.seek(e);
      free.seek(e);
      const mask = r[e]! >>> p.skip;
      const signLow = 2 * given.oneHot(at.low, low, mask & (2 ** low - 1)) - 1,
        signHigh = 2 * given.oneHot(at.high, high, (mask >>> low) & (2 ** high - 1)) - 1;
      masks.s[e] = signLow * signHigh;
      masks.v0[e] = free.sum(pads.values, n);
      masks.v1[e] = free.sum(pads.values + n, n);
      data[e] = free.sum(pads.pad, n);
    }
    const [taken] = expDitheredFormula(n).deal(masks, keys.record("given"), at.words);
    subtractTaken(data, taken!, n);
    return wire("mask", typeOf(p, t), data);
  },
  *run(p, [t], keys) {
    const { lowTable, highTable } = tablesOf(p, t), [low_bits, high_bits] = p.digits, ring_bits = p.ringBits;
    const [openValues, openResult] = openings(p, t.extent);
    if (keys.party === 1) keys.keepCoins?.(t.data, p.skip + p.digits[0]);
    const shares = step(keys, VALUES, {
      reads: { t: t.data },
      params: { skip: p.skip, low_bits, high_bits, ring_bits },
      tables: { low: lowTable, high: highTable },
    });
    const [values] = yield* open(openValues, shares.values);
    const [data] = yield* open(openResult, step(keys, FINISH, { reads: { values }, params: { ring_bits } }).result);
    return wire("masked", typeOf(p, t), data);
  },
};
