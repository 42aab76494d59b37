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
 * - **Exchanges:** 3   **Sends:** 8 + 2·n, 3 and n bits per element
 * - **Key:** the three one-hots + 6 + 7·n given bits
 *
 * @module
 */

import type { SpliceStep } from "../engine.ts";
import { oneHotBits } from "../fss/flat_dpf.ts";
import { lowMask } from "../ring/words.ts";
import {
  assertKnownToBoth,
  assertRange,
  assertWordRing,
  blockCounts,
  elementCount,
  type Extent,
  type KeyRecord,
  maskWords,
  open,
  type OpeningSize,
  type Primitive,
  type View,
  type Wire,
  wire,
} from "./gate.ts";
import { asymptote, bumpTable, type SpliceFunction } from "./tables.ts";

/** Parameters of {@linkcode splice}. */
export interface SpliceParams {
  /** Which function. */
  readonly function: SpliceFunction;
  /** Digit sizes in bits, lowest first; the window has 2^index entries of 2^low units. */
  readonly digits: readonly [low: number, index: number, top: number];
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

function openings(
  extent: Extent,
  n: number,
  knownTo: SpliceParams["knownTo"],
): [OpeningSize[], OpeningSize[], OpeningSize[]] {
  const count = elementCount(extent);
  return [
    [{ kind: "xor", count, bits: [8, 8] }, { kind: "add", count: 2 * count, bits: [n, n] }],
    [{ kind: "xor", count, bits: [3, 3] }],
    [{ kind: "add", count, bits: knownTo === "both" ? [n, n] : [n, 0] }],
  ];
}

function key(p: SpliceParams, x: Wire<View>): KeyRecord[] {
  const [low, index, top] = p.digits, n = x.ringBits;
  assertKnownToBoth(x, `apply ${p.function}`);
  assertWordRing(n, `apply ${p.function}`);
  if (low + index + top > n) {
    throw new RangeError(
      `Cannot apply ${p.function} as the ring must have at least ${low + index + top} bits: received ${n}`,
    );
  }
  const counts = blockCounts(x.extent);
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
    ],
  }, {
    name: "free",
    kind: "free",
    counts,
    fields: [{ name: "symbols", bits: 8 }, { name: "bits", bits: 3 }, { name: "values", bits: 2 * n }, {
      name: "pad",
      bits: n,
    }],
  }];
}

/** SiLU, GELU or tanh + 1 of a wire, in its ring. */
export const splice: Primitive<SpliceParams, ["wire"], "wire"> = {
  name: "splice",
  clear(p, [x]) {
    const [low, index, top] = p.digits,
      table = bumpTable(p.function, p.digits, x.scale),
      window = 2 ** (low + index - 1),
      far = asymptote(p.function) === "ramp"
        ? (v: number) => Math.max(v, 0)
        : (v: number) => v >= 0 ? 2 ** (x.scale + 1) : 0;
    assertRange(x.data, 2 ** (low + index + top - 1) - window, `apply ${p.function} to ${low + index + top} bits`);
    const data = x.data.map((v) => {
      const i = Math.floor((v + window) / 2 ** low);
      return far(v) - (i >= 0 && i < 2 ** index ? table[i]! | 0 : 0);
    });
    return { ...wire("clear", x.ringBits, x.scale, x.extent, data), knownTo: p.knownTo };
  },
  plan: (p, [x]) => ({
    out: { ...wire("plan", x.ringBits, x.scale, x.extent, null), knownTo: p.knownTo },
    key: key(p, x),
    opens: openings(x.extent, x.ringBits, p.knownTo),
  }),
  deal(p, [x], keys) {
    const [low, index, top] = p.digits,
      n = x.ringBits,
      ring = lowMask(n),
      r = maskWords(x),
      data = new Uint32Array(r.length),
      ramp = asymptote(p.function) === "ramp",
      given = keys.record("given"),
      free = keys.record("free");
    const indexAt = oneHotBits(low),
      topAt = indexAt + oneHotBits(index),
      pairs = topAt + oneHotBits(top),
      words = pairs + SPLICE_PAIRS.length;
    for (let e = 0; e < r.length; e++) {
      given.seek(e);
      free.seek(e);
      const mask = r[e]!, rampMask = ramp ? mask : 0; // a step is a public constant times pos: it has no mask
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
      const rho0 = free.sum(11, n) | 0, rho1 = free.sum(11 + n, n) | 0;
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
      data[e] = (free.sum(11 + 2 * n, n) + pos * rampMask - w0 * s * rho0 - w1 * s * rho1) & ring;
    }
    return { ...wire("mask", n, x.scale, x.extent, data), knownTo: p.knownTo };
  },
  *run(p, [x], keys) {
    const { engine, party } = keys,
      step: SpliceStep = { digits: p.digits, table: bumpTable(p.function, p.digits, x.scale) };
    const [openFirst, openBits, openValue] = openings(x.extent, x.ringBits, p.knownTo),
      given = keys.record("given"),
      free = keys.record("free");
    const first = engine.spliceSymbols(party, step, x.data, given, free);
    const [symbols, values] = yield* open(openFirst, first.symbols, first.values);
    const [bits] = yield* open(openBits, engine.spliceBits(party, step, symbols, given, free));
    const far = asymptote(p.function) === "ramp"
      ? x.data
      : engine.upload(new Uint32Array(elementCount(x.extent)).fill(2 ** (x.scale + 1)));
    const [data] = yield* open(openValue, engine.spliceFinish(party, step, far, values, bits, given, free));
    return { ...wire("masked", x.ringBits, x.scale, x.extent, data), knownTo: p.knownTo };
  },
};
