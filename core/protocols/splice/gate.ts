/**
 * Activation functions that are a ramp minus a bump: f(x) = x·1{x ≥ 0} - inside·δ(x), where δ vanishes outside the
 * window [-W, W) (SiLU, GELU); or a step minus a bump: tanh(x) + 1 = 2·1{x ≥ 0} - inside·δ(x), the same gate with the
 * public constant 2 in place of x.
 *
 * Only three digits of x are looked at, of `low`, `index` and `top` bits; W = 2^(low+index-1). From the one-hots at r's
 * digits come, for x̂ and for x̂ + W, the eight symbols of SPEC.md §5.12: they say whether x is negative, whether it is
 * inside the window, and whether its low digit carries. Both end entries of δ are 0, so the window may ignore equal index
 * digits. Exchange 1 opens the symbols and the signed table values v_0, v_1 of both carries, exchange 2 the bits pos,
 * w_0 = inside·(1 - carry) and w_1 = inside·carry, exchange 3
 *
 *   y = pos·x - Σ_b w_b·s·(v_b - μ_b):
 *
 * formulas, which `formula.ts` has.
 *
 * Rings. The result has m bits. x may have fewer, n, and the opened table values have d ≤ m: both are then read in m bits
 * with their spare bit, x = u - r + k·2^n·msb(r), which takes two given words of the missing bits for x and for each value.
 *
 * Rounding. With `skip` > 0 the digits are those of x ≫ skip, rounded by the public coin x̂ mod 2^skip (`dither`), which
 * makes the low digit that much smaller; the ramp reads x itself.
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.12; ramp is 1 of a ramp
 * - **Exchanges:** `3`   **Sends:** `8 + 2d`, `3`, `m` bits per element
 * - **Key:** `oh(low - skip) + oh(index) + oh(top) + 6 + 7m + 2(m - n)·ramp + 4(m - d)` bits per element
 * - **Source:** ramp minus bump as in [SIGMA]; the rest is our own
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
  type Inputs,
  maskWords,
  type View,
  type Wire,
  wire,
} from "../tensor.ts";
import { type ActivationName, activationOf } from "../activations.ts";
import { bitsFormula, spliceFormula, SYMBOLS as NAMES } from "./formula.ts";
import { BITS, FINISH, SYMBOLS } from "./kernels.ts";
import { bumpTable } from "./tables.ts";

/** Parameters of {@linkcode splice}. */
export interface SpliceParams {
  /** Which function. */
  readonly function: ActivationName;
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
    inBits: activationOf(p.function).asymptote === "ramp" ? x.ringBits : p.ringBits,
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
      { name: "pairs", bits: bitsFormula.bits },
      { name: "words", bits: spliceFormula(n, inBits, valueBits).bits },
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
  const isWider = activationOf(p.function).asymptote === "ramp" && p.ringBits > x.ringBits;
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
      ramp = activationOf(p.function).asymptote === "ramp",
      coins = p.skip > 0 ? reader.coins(p.skip, x.data.length) : null;
    assertRange(x.data, limit(p, [x]), `apply ${p.function} to ${low + index + top} bits`);
    const data = x.data.map((v, e) => {
      const read = coins === null ? v : dithered(v, p.skip, coins[e]!) * unit,
        i = Math.floor((read + window) / 2 ** low);
      const far = read >= 0 ? (ramp ? v : 2 ** (x.scale + 1)) : 0;
      return far - (i >= 0 && i < 2 ** index ? table[i]! | 0 : 0);
    });
    return wire("clear", { ...x, ringBits: p.ringBits }, data, p.knownTo);
  },
  plan: (p, [x]) => ({
    out: wire("plan", { ...x, ringBits: p.ringBits }, null, p.knownTo),
    key: key(p, x),
    opens: openings(p, x.extent),
  }),
  deal(p, [x], keys) {
    const { digits: [low, index, top], inBits, valueBits, ringBits: n } = stepOf(p, x),
      r = maskWords(x),
      formula = spliceFormula(n, inBits, valueBits),
      bits = bitsFormula.masks(r.length),
      columns = NAMES.map((name) => bits[name]),
      masks = formula.masks(r.length),
      given = keys.record("given"),
      free = keys.record("free"),
      at = offsets(keys, "given", ["low", "index", "top", "pairs", "words"]),
      pads = offsets(keys, "free", ["symbols", "bits", "values", "pad"]),
      opened = new Uint32Array(r.length),
      data = new Uint32Array(r.length);
    for (let e = 0; e < r.length; e++) {
      given.seek(e);
      free.seek(e);
      const mask = r[e]! >>> p.skip;
      given.oneHot(at.low, low, mask & (2 ** low - 1));
      masks.s[e] = 2 * given.oneHot(at.index, index, (mask >>> low) & (2 ** index - 1)) - 1;
      given.oneHot(at.top, top, (mask >>> (low + index)) & (2 ** top - 1));
      const symbols = free.xor(pads.symbols, 8);
      for (let i = 0; i < columns.length; i++) columns[i]![e] = symbols >>> i;
      opened[e] = free.xor(pads.bits, 3);
      masks.v0[e] = free.sum(pads.values, valueBits);
      masks.v1[e] = free.sum(pads.values + valueBits, valueBits);
      data[e] = free.sum(pads.pad, n);
    }
    // A step is a public constant times pos: it has no mask.
    if (activationOf(p.function).asymptote === "ramp") masks.x.set(r);
    bitsFormula.deal(bits, keys.record("given"), at.pairs).forEach((taken, i) => {
      const own = masks[(["pos", "w0", "w1"] as const)[i]!];
      for (let e = 0; e < r.length; e++) own[e] = (opened[e]! >>> i) ^ taken[e]!;
    });
    const [taken] = formula.deal(masks, keys.record("given"), at.words);
    subtractTaken(data, taken!, n);
    return wire("mask", { ...x, ringBits: p.ringBits }, data, p.knownTo);
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
    const far = activationOf(p.function).asymptote === "ramp"
      ? x.data
      : keys.engine.upload(new Uint32Array(elementCount(x.extent)).fill(2 ** (x.scale + 1)));
    const { result } = step(keys, FINISH, {
      reads: { x: far, values, opened: bits },
      params: { in_bits: inBits, value_bits: valueBits, ring_bits: p.ringBits },
    });
    const [data] = yield* open(openValue, result);
    return wire("masked", { ...x, ringBits: p.ringBits }, data, p.knownTo);
  },
};
