/**
 * The exponential, step by step.
 *
 * @module
 */

import type { ExpStep, Handle, RecordView } from "../engine.ts";
import { flatEqual, flatLess, flatLookup, oneHotBits } from "../fss/flat_dpf.ts";
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
    // g = E_0 ⊕ l·(E_0 ⊕ E_1) in masked bits; the product of both mask bits went into the result's mask.
    const s = opened[e]!, l = (s >>> 1) & 1, e0 = (s >>> 2) & 1, d = e0 ^ (s >>> 3), mine = pads.seek(e).field(0, 4);
    const rhoL = (mine >>> 1) & 1, rhoD = ((mine >>> 2) ^ (mine >>> 3)) & 1;
    out[e] = pads.field(4, 1) ^ (d & rhoL) ^ (l & rhoD) ^ (party === 0 ? e0 ^ (l & d) : 0);
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
  const opened = words(symbols),
    v = words(values),
    clips = words(clip),
    out = new Uint32Array(opened.length),
    key = new Cursor(given),
    pads = new Cursor(free);
  const base = step.digits.reduce((bits, k) => bits + oneHotBits(k), 0), n = stepRing(free, 5, 4);
  for (let e = 0; e < opened.length; e++) {
    key.seek(e);
    const c = opened[e]! & 1,
      vLow = v[3 * e]!,
      v0 = v[3 * e + 1]!,
      v1 = v[3 * e + 2]!,
      own = c === 1 ? v1 : v0,
      step01 = (c === 1 ? -1 : 1) * (v1 - v0);
    // Monomials S, S·ρ_c, A_0, A_1, S·m_low, S·m_low·ρ_c, m_low·A_0, m_low·A_1; the second eight carry the clip's mask bit.
    const polynomial = (from: number): number => {
      const word = (i: number): number => key.field(base + n * (from + i), n);
      return Math.imul(Math.imul(own, vLow), word(0)) + Math.imul(Math.imul(step01, vLow), word(1)) -
        Math.imul(vLow, word(2 + c)) - Math.imul(own, word(4)) -
        Math.imul(step01, word(5)) + word(6 + c);
    };
    const g = clips[e]!;
    out[e] = pads.seek(e).field(5 + 3 * n, n) + g * polynomial(0) + (1 - 2 * g) * polynomial(8);
  }
  return tensor(reduce(out, n));
}
