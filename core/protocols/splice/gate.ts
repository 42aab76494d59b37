/**
 * Activation functions that are a ramp minus a bump: f(x) = x·1{x ≥ 0} - in·δ(x), where δ vanishes outside the window [-W, W) (SiLU, GELU); or a step minus
 * a bump: tanh(x) + 1 = 2·1{x ≥ 0} - in·δ(x), the same gate with the public constant 2 in place of x.
 *
 * Only the low m = l + k + u ≤ n bits of x are looked at: a low digit of l bits, the table's index of k bits, a top digit of u bits; W = 2^(l+k-1). From
 * the three one-hots of r's digits come, for x̂ (sign) and x̂ + W (window), with b the borrow of the index digit:
 *
 *   carry = 1{lo < r_lo},   neg = b ? S_1 : S_0,   in = l' ? E_1 : E_0,   w_1 = in·carry,   w_0 = in·(1 - carry),
 *
 * S_b = 1{msb(up - b - r_up)}, E_b = 1{r_up = up' - b}, l' = 1{idx' < r_idx}, b = 1{idx < r_idx} ⊕ 1{idx = r_idx}·carry; both end entries of δ are 0, so the
 * window may ignore equal index digits. Exchange 1 opens the eight symbols and the signed table values v_0, v_1 of both carries, exchange 2 the bits
 * pos, w_0, w_1, exchange 3 y = pos·x - Σ_b w_b·s·(v_b - ρ_b).
 *
 * Rings. The result has n bits. x may have fewer, a, and the opened table values have v ≤ n: both are then read in n bits with their spare bit,
 * x = u - r + k·2^a·msb(r), which takes two given words of the missing bits for x and for each value: π·msb(r), (1 - π)·msb(r), of which the public
 * bit selects one, and the same with ω_b·s·msb(ρ_b).
 *
 * Rounding. With `skip` > 0 the digits are those of x ≫ skip, rounded by the public coin x̂ mod 2^skip (`dither.ts`), which makes the low digit that
 * much smaller; the ramp reads x itself.
 *
 * - **Exchanges:** 3   **Sends:** 8 + 2·v, 3 and n bits per element
 * - **Key:** the three one-hots + 6 + 7·n + 2·(n - a) + 4·(n - v) given bits
 *
 * @module
 */

import { oneHotBits } from "../../fss/flat_dpf.ts";
import { lowMask } from "../../ring/words.ts";
import { dithered } from "../dither/gate.ts";
import { type KeyRecord, type RecordWriter, step } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, assertWordRing, type Primitive } from "../primitive.ts";
import {
  blockCounts,
  elementCount,
  type Extent,
  type Inputs,
  maskWords,
  type View,
  type Wire,
  wire,
} from "../tensor.ts";
import { asymptote, bumpTable, type SpliceFunction } from "./tables.ts";
import { BITS, FINISH, SYMBOLS } from "./kernels.ts";

/** Parameters of {@linkcode splice}. */
export interface SpliceParams {
  /** Which function. */
  readonly function: SpliceFunction;
  /** Digit sizes in bits, lowest first; the window has 2^index entries of 2^low units. */
  readonly digits: readonly [low: number, index: number, top: number];
  /** Low bits of x that are rounded away before its digits are read, below `low`. */
  readonly skip: number;
  /** Ring of the opened table values, in bits: two more than they need, or that of the result. */
  readonly valueBits: number;
  /** Ring of the result, in bits. */
  readonly ringBits: number;
  /** Who learns the result: party 0 alone where only linear layers read it. */
  readonly knownTo: "both" | "party0";
}

/** Bit positions of the symbols opened in exchange 1. */
export const SPLICE_SYMBOL = {
  carry: 0,
  windowLess: 1,
  equal0: 2,
  equal1: 3,
  signLess: 4,
  signEqual: 5,
  sign0: 6,
  sign1: 7,
} as const;

/** The products of two mask bits that exchange 2 needs, as pairs of symbols; `sign` and `equal` mean S_0 ⊕ S_1 and E_0 ⊕ E_1. */
export const SPLICE_PAIRS = [
  "signEqual·carry",
  "signEqual·sign",
  "carry·sign",
  "windowLess·equal",
  "windowLess·carry",
  "equal·carry",
] as const;

function openings(p: SpliceParams, extent: Extent): [OpeningSize[], OpeningSize[], OpeningSize[]] {
  const count = elementCount(extent), n = p.ringBits, v = p.valueBits;
  return [
    [{ kind: "xor", count, bits: [8, 8] }, { kind: "add", count: 2 * count, bits: [v, v] }],
    [{ kind: "xor", count, bits: [3, 3] }],
    [{ kind: "add", count, bits: p.knownTo === "both" ? [n, n] : [n, 0] }],
  ];
}

/** What engines need to know. */
function stepOf(p: SpliceParams, x: Wire<View>) {
  const [low, index, top] = p.digits;
  return {
    skip: p.skip,
    digits: [low - p.skip, index, top] as const,
    table: bumpTable(p.function, p.digits, x.scale),
    inBits: asymptote(p.function) === "ramp" ? x.ringBits : p.ringBits,
    valueBits: p.valueBits,
    ringBits: p.ringBits,
  };
}

function check(p: SpliceParams, x: Wire<View>): void {
  const [low, index, top] = p.digits,
    n = p.ringBits,
    largest = Math.max(...stepOf(p, x).table.map((v) => Math.abs(v | 0)));
  assertKnownToBoth(x, `apply ${p.function}`);
  assertWordRing(n, `apply ${p.function}`);
  const refuse = (what: string, received: number): never => {
    throw new RangeError(`Cannot apply ${p.function} as ${what}: received ${received}`);
  };
  if (low + index + top > x.ringBits) refuse(`the ring must have at least ${low + index + top} bits`, x.ringBits);
  if (x.ringBits > n) refuse(`the result's ring must have at least ${x.ringBits} bits`, n);
  if (!(p.skip >= 0 && p.skip < low)) refuse(`the low digit must keep 1 to ${low} of its bits`, low - p.skip);
  if (p.valueBits !== n && !(p.valueBits < n && largest < 2 ** (p.valueBits - 2))) {
    refuse(`opened values must have ${n} bits, or two more than the table's`, p.valueBits);
  }
}

function key(p: SpliceParams, x: Wire<View>): KeyRecord[] {
  check(p, x);
  const { digits: [low, index, top], inBits, valueBits, ringBits: n } = stepOf(p, x), counts = blockCounts(x.extent);
  return [{
    name: "given",
    kind: "given",
    counts,
    fields: [
      { name: "low", bits: oneHotBits(low) },
      { name: "index", bits: oneHotBits(index) },
      { name: "top", bits: oneHotBits(top) },
      { name: "pairs", bits: SPLICE_PAIRS.length },
      { name: "words", bits: 7 * n },
      { name: "input_tops", bits: 2 * (n - inBits) },
      { name: "value_tops", bits: 4 * (n - valueBits) },
    ],
  }, {
    name: "free",
    kind: "free",
    counts,
    fields: [{ name: "symbols", bits: 8 }, { name: "bits", bits: 3 }, { name: "values", bits: 2 * valueBits }, {
      name: "pad",
      bits: n,
    }],
  }];
}

/** The digits hold x + W, and x keeps the spare bit free where the ramp reads it in a wider ring. */
function limit(p: SpliceParams, [x]: Inputs<View, ["wire"]>): number {
  const [low, index, top] = p.digits, digits = 2 ** (low + index + top - 1) - 2 ** (low + index - 1);
  const isWider = asymptote(p.function) === "ramp" && p.ringBits > x.ringBits;
  return isWider ? Math.min(digits, 2 ** (x.ringBits - 2)) : digits;
}

/** SiLU, GELU or tanh + 1 of a wire, in its ring. */
export const splice: Primitive<SpliceParams, ["wire"], "wire"> = {
  name: "splice",
  limit,
  clear(p, [x], reader) {
    const [low, index, top] = p.digits,
      { table } = stepOf(p, x),
      window = 2 ** (low + index - 1),
      unit = 2 ** p.skip,
      ramp = asymptote(p.function) === "ramp",
      coins = p.skip > 0 ? reader.coins(p.skip, x.data.length) : null;
    assertRange(x.data, limit(p, [x]), `apply ${p.function} to ${low + index + top} bits`);
    const data = x.data.map((v, e) => {
      const read = coins === null ? v : dithered(v, p.skip, coins[e]!) * unit,
        i = Math.floor((read + window) / 2 ** low);
      const far = read >= 0 ? (ramp ? v : 2 ** (x.scale + 1)) : 0;
      return far - (i >= 0 && i < 2 ** index ? table[i]! | 0 : 0);
    });
    return { ...wire("clear", p.ringBits, x.scale, x.extent, data), knownTo: p.knownTo };
  },
  plan: (p, [x]) => ({
    out: { ...wire("plan", p.ringBits, x.scale, x.extent, null), knownTo: p.knownTo },
    key: key(p, x),
    opens: openings(p, x.extent),
  }),
  deal(p, [x], keys) {
    const { digits: [low, index, top], inBits, valueBits, ringBits: n } = stepOf(p, x),
      ring = lowMask(n),
      r = maskWords(x),
      data = new Uint32Array(r.length),
      ramp = asymptote(p.function) === "ramp",
      given = keys.record("given"),
      free = keys.record("free");
    const indexAt = oneHotBits(low),
      topAt = indexAt + oneHotBits(index),
      pairs = topAt + oneHotBits(top),
      words = pairs + SPLICE_PAIRS.length,
      inputTops = words + 7 * n,
      valueTops = inputTops + 2 * (n - inBits);
    for (let e = 0; e < r.length; e++) {
      given.seek(e);
      free.seek(e);
      // A step is a public constant times pos: it has no mask.
      const rampMask = ramp ? r[e]! : 0, mask = r[e]! >>> p.skip;
      given.oneHot(0, low, mask & (2 ** low - 1));
      const s = 2 * given.oneHot(indexAt, index, (mask >>> low) & (2 ** index - 1)) - 1;
      given.oneHot(topAt, top, (mask >>> (low + index)) & (2 ** top - 1));
      const symbols = free.xor(0, 8),
        bit = (at: number): number => (symbols >>> at) & 1,
        { carry, windowLess, signLess, signEqual, equal0 } = SPLICE_SYMBOL;
      const rhoC = bit(carry), rhoW = bit(windowLess), rhoL = bit(signLess), rhoQ = bit(signEqual), rhoE0 = bit(equal0);
      const rhoE = rhoE0 ^ bit(SPLICE_SYMBOL.equal1),
        rhoS0 = bit(SPLICE_SYMBOL.sign0),
        rhoS = rhoS0 ^ bit(SPLICE_SYMBOL.sign1);
      [rhoQ & rhoC, rhoQ & rhoS, rhoC & rhoS, rhoW & rhoE, rhoW & rhoC, rhoE & rhoC].forEach((value, i) => {
        if (value === 1) given.flip(pairs + i);
      });
      // Masks of exchange 2: the fresh pad, plus the monomials of mask bits alone (their public coefficient is 1).
      const own = free.xor(8, 3), inside = rhoE0 ^ (rhoW & rhoE), one = (rhoE0 & rhoC) ^ (rhoW & rhoE & rhoC);
      const pos = (own & 1) ^ 1 ^ rhoS0 ^ (rhoL & rhoS) ^ (rhoQ & rhoC & rhoS),
        w1 = ((own >>> 2) & 1) ^ one,
        w0 = ((own >>> 1) & 1) ^ inside ^ one;
      const rho0 = free.sum(11, valueBits) | 0, rho1 = free.sum(11 + valueBits, valueBits) | 0;
      const monomials = [
        pos,
        (1 - 2 * pos) * (rampMask | 0),
        s,
        s * w0,
        (1 - 2 * w0) * s * rho0,
        s * w1,
        (1 - 2 * w1) * s * rho1,
      ];
      monomials.forEach((value, i) => given.word(words + n * i, n, value));
      const topOf = (value: number, bits: number): number => (value >>> (bits - 1)) & 1,
        inputTop = topOf(rampMask, inBits);
      writeTops(given, inputTops, n - inBits, [pos * inputTop, (1 - pos) * inputTop]);
      const s0 = s * topOf(rho0, valueBits), s1 = s * topOf(rho1, valueBits);
      writeTops(given, valueTops, n - valueBits, [w0 * s0, (1 - w0) * s0, w1 * s1, (1 - w1) * s1]);
      data[e] = (free.sum(11 + 2 * valueBits, n) + pos * rampMask - w0 * s * rho0 - w1 * s * rho1) & ring;
    }
    return { ...wire("mask", n, x.scale, x.extent, data), knownTo: p.knownTo };
  },
  *run(p, [x], keys) {
    const { digits: [low_bits, index_bits, top_bits], skip, table, inBits, valueBits } = stepOf(p, x);
    const [openFirst, openBits, openValue] = openings(p, x.extent);
    if (keys.party === 1 && p.skip > 0) keys.keepCoins?.(x.data, p.skip);
    const first = step(keys, SYMBOLS, {
      reads: { x: x.data },
      params: { skip, low_bits, index_bits, top_bits, value_bits: valueBits },
      tables: { table },
    });
    const [symbols, values] = yield* open(openFirst, first.symbols, first.values);
    const [bits] = yield* open(openBits, step(keys, BITS, { reads: { opened: symbols }, params: {} }).result);
    // A step is a public constant in place of x.
    const far = asymptote(p.function) === "ramp"
      ? x.data
      : keys.engine.upload(new Uint32Array(elementCount(x.extent)).fill(2 ** (x.scale + 1)));
    const { result } = step(keys, FINISH, {
      reads: { x: far, values, opened: bits },
      params: { in_bits: inBits, value_bits: valueBits, ring_bits: p.ringBits },
    });
    const [data] = yield* open(openValue, result);
    return { ...wire("masked", p.ringBits, x.scale, x.extent, data), knownTo: p.knownTo };
  },
};

/** Words of `bits` bits from `at` on; none where nothing is missing. */
function writeTops(given: RecordWriter, at: number, bits: number, values: readonly number[]): void {
  if (bits > 0) values.forEach((value, i) => given.word(at + bits * i, bits, value));
}
