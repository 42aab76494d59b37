/**
 * The dithered exponential, step by step.
 *
 * @module
 */

import type { ExpDitheredStep, Handle, RecordView } from "../engine.ts";
import { flatLookup, flatLookupSigned, oneHotBits } from "../fss/flat_dpf.ts";
import { Cursor, reduce, signOf, stepRing, tensor, words } from "./memory.ts";

/** {@linkcode Engine.expDitheredValues}, as loops. */
export function expDitheredValues(
  party: 0 | 1,
  step: ExpDitheredStep,
  t: Handle,
  given: RecordView,
  free: RecordView,
): Handle {
  const data = words(t), values = new Uint32Array(2 * data.length), key = new Cursor(given), pads = new Cursor(free);
  const [low, high] = step.digits, sign = signOf(party), n = stepRing(free, 0, 3);
  for (let e = 0; e < data.length; e++) {
    const { bytes, at, parity } = key.seek(e), shifted = data[e]! >>> step.skip;
    const low0 = shifted & (2 ** low - 1), high0 = (shifted >>> low) & (2 ** high - 1);
    pads.seek(e);
    values[2 * e] = sign * flatLookupSigned(bytes, at, low, parity, low0, (d) => step.lowTable[d]!) + pads.field(0, n);
    values[2 * e + 1] = sign * flatLookup(bytes, at + oneHotBits(low), high, parity, high0, (d) => step.highTable[d]!) +
      pads.field(n, n);
  }
  return tensor(reduce(values, n));
}

/** {@linkcode Engine.expDitheredFinish}, as loops. */
export function expDitheredFinish(step: ExpDitheredStep, values: Handle, given: RecordView, free: RecordView): Handle {
  const v = words(values), out = new Uint32Array(v.length / 2), key = new Cursor(given), pads = new Cursor(free);
  const base = oneHotBits(step.digits[0]) + oneHotBits(step.digits[1]), n = stepRing(free, 0, 3);
  for (let e = 0; e < out.length; e++) {
    key.seek(e);
    const v0 = v[2 * e]!, v1 = v[2 * e + 1]!, word = (i: number): number => key.field(base + n * i, n);
    // s·(v_0 - μ_0)·(v_1 - μ_1) without the monomial of masks alone.
    out[e] = Math.imul(Math.imul(v0, v1), word(0)) - Math.imul(v1, word(1)) - Math.imul(v0, word(2)) +
      pads.seek(e).field(2 * n, n);
  }
  return tensor(reduce(out, n));
}
