/**
 * The exponential, step by step.
 *
 * @module
 */

import type { ExpStep, Handle, RecordView } from "../engine.ts";
import { flatEqual, flatLess, flatLookup, oneHotBits } from "../fss/flat_dpf.ts";
import { clipFormula, expFormula } from "../protocols/exp/formula.ts";
import { Cursor, reduce, signOf, stepRing, tensor, words } from "./memory.ts";

/** {@linkcode Engine.expSymbols}, as loops. */
export function expSymbols(
  party: 0 | 1,
  step: ExpStep,
  t: Handle,
  given: RecordView,
  free: RecordView,
): { symbols: Handle; values: Handle } {
  const data = words(t),
    symbols = new Uint32Array(data.length),
    values = new Uint32Array(3 * data.length),
    key = new Cursor(given),
    pads = new Cursor(free);
  const [low, high, top] = step.digits,
    sign = signOf(party),
    highMask = 2 ** high - 1,
    topSize = 2 ** top,
    n = stepRing(free, 5, 4);
  for (let e = 0; e < data.length; e++) {
    key.seek(e);
    pads.seek(e);
    const { bytes, at, parity } = key,
      t0 = data[e]! & (2 ** low - 1),
      t1 = (data[e]! >>> low) & highMask,
      t2 = data[e]! >>> (low + high);
    const highAt = at + oneHotBits(low), topAt = highAt + oneHotBits(high);
    const equal = (b: number): number => flatEqual(bytes, topAt, top, parity, (t2 + topSize - b) % topSize);
    symbols[e] =
      (flatLess(bytes, at, low, parity, t0) | (flatLess(bytes, highAt, high, parity, t1) << 1) | (equal(0) << 2) |
        (equal(1) << 3)) ^ pads.field(0, 4);
    values[3 * e] = sign * flatLookup(bytes, at, low, parity, t0, (i) => step.lowTable[i]!) + pads.field(5, n);
    for (const b of [0, 1]) {
      values[3 * e + 1 + b] = sign * flatLookup(bytes, highAt, high, parity, (t1 - b) & highMask, (i) =>
            step.highTable[i]!) + pads.field(5 + n + n * b, n);
    }
  }
  return { symbols: tensor(symbols), values: tensor(reduce(values, n)) };
}

/** {@linkcode Engine.expClip}, as loops. */
export function expClip(party: 0 | 1, _step: ExpStep, symbols: Handle, _given: RecordView, free: RecordView): Handle {
  const opened = words(symbols), out = new Uint32Array(opened.length), pads = new Cursor(free);
  for (let e = 0; e < opened.length; e++) {
    const bits = (symbols: number) => ({ less: symbols >>> 1, equal0: symbols >>> 2, equal1: symbols >>> 3 });
    const mine = pads.seek(e).field(0, 4), word = () => 0;
    out[e] = pads.field(4, 1) ^ clipFormula.share({ party, values: bits(opened[e]!), halves: bits(mine), word });
  }
  return tensor(out);
}

/** {@linkcode Engine.expFinish}, as loops. */
export function expFinish(
  step: ExpStep,
  symbols: Handle,
  values: Handle,
  clip: Handle,
  given: RecordView,
  free: RecordView,
): Handle {
  const out = new Uint32Array(symbols.count), key = new Cursor(given), pads = new Cursor(free);
  const base = step.digits.reduce((bits, k) => bits + oneHotBits(k), 0), n = stepRing(free, 5, 4);
  for (let e = 0; e < out.length; e++) {
    key.seek(e);
    const [low, v0, v1] = words(values).subarray(3 * e) as unknown as [number, number, number];
    const share = expFormula(n).share({
      party: 0, // no term is public
      values: { low, v0, v1, carry: words(symbols)[e]! & 1, clip: words(clip)[e]! },
      word: (at, bits) => key.field(base + at, bits),
    });
    out[e] = pads.seek(e).field(5 + 3 * n, n) + share;
  }
  return tensor(reduce(out, n));
}
