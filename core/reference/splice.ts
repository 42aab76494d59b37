/**
 * Ramp or step minus bump, step by step.
 *
 * @module
 */

import type { Handle, RecordView, SpliceStep } from "../engine.ts";
import { flatEqual, flatLess, flatLookup, flatPredicate, oneHotBits } from "../fss/flat_dpf.ts";
import { Cursor, reduce, signOf, tensor, words } from "./memory.ts";

/** {@linkcode Engine.spliceSymbols}, as loops. */
export function spliceSymbols(
  party: 0 | 1,
  step: SpliceStep,
  x: Handle,
  given: RecordView,
  free: RecordView,
): { symbols: Handle; values: Handle } {
  const data = words(x),
    symbols = new Uint32Array(data.length),
    values = new Uint32Array(2 * data.length),
    key = new Cursor(given),
    pads = new Cursor(free);
  const [low, index, top] = step.digits,
    indexMask = 2 ** index - 1,
    topMask = 2 ** top - 1,
    window = 2 ** (low + index - 1),
    w = step.valueBits;
  for (let e = 0; e < data.length; e++) {
    key.seek(e);
    pads.seek(e);
    const { bytes, at, parity } = key,
      x0 = data[e]! >>> step.skip,
      raisedX = (x0 + window) >>> 0,
      indexAt = at + oneHotBits(low),
      topAt = indexAt + oneHotBits(index);
    const lo = x0 & (2 ** low - 1), signIndex = (x0 >>> low) & indexMask, signTop = (x0 >>> (low + index)) & topMask;
    const windowIndex = (raisedX >>> low) & indexMask, windowTop = (raisedX >>> (low + index)) & topMask;
    const bits = [
      flatLess(bytes, at, low, parity, lo),
      flatLess(bytes, indexAt, index, parity, windowIndex),
      flatEqual(bytes, topAt, top, parity, windowTop),
      flatEqual(bytes, topAt, top, parity, (windowTop - 1) & topMask),
      flatLess(bytes, indexAt, index, parity, signIndex),
      flatEqual(bytes, indexAt, index, parity, signIndex),
      flatPredicate(bytes, topAt, top, parity, (r) => ((signTop - r) & topMask) > topMask >> 1),
      flatPredicate(bytes, topAt, top, parity, (r) => ((signTop - 1 - r) & topMask) > topMask >> 1),
    ];
    symbols[e] = bits.reduce((word: number, bit, i) => word | (bit << i), 0) ^ pads.field(0, 8);
    for (const b of [0, 1]) {
      values[2 * e + b] =
        signOf(party) * flatLookup(bytes, indexAt, index, parity, (windowIndex - b) & indexMask, (i) =>
            step.table[i]!) + pads.field(11 + w * b, w);
    }
  }
  return { symbols: tensor(symbols), values: tensor(reduce(values, w)) };
}

/** {@linkcode Engine.spliceBits}, as loops. */
export function spliceBits(
  party: 0 | 1,
  step: SpliceStep,
  symbols: Handle,
  given: RecordView,
  free: RecordView,
): Handle {
  const opened = words(symbols),
    out = new Uint32Array(opened.length),
    key = new Cursor(given),
    pads = new Cursor(free);
  const pairs = step.digits.reduce((bits, k) => bits + oneHotBits(k), 0);
  for (let e = 0; e < opened.length; e++) {
    const s = opened[e]!, mine = pads.seek(e).field(0, 8), own = pads.field(8, 3), pair = key.seek(e).field(pairs, 6);
    const bit = (word: number, at: number): number => (word >>> at) & 1;
    // Public masked symbols, and this party's shares of their mask bits.
    const [c, w, e0, q, l, s0] = [bit(s, 0), bit(s, 1), bit(s, 2), bit(s, 5), bit(s, 4), bit(s, 6)],
      de = e0 ^ bit(s, 3),
      ds = s0 ^ bit(s, 7);
    const [rc, rw, re0, rq, rl] = [bit(mine, 0), bit(mine, 1), bit(mine, 2), bit(mine, 5), bit(mine, 4)];
    const rde = re0 ^ bit(mine, 3), rds = bit(mine, 6) ^ bit(mine, 7);
    const [qc, qs, cs, we, wc, ec] = [0, 1, 2, 3, 4, 5].map((at) => bit(pair, at)) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const constant = party === 0 ? 1 : 0;
    // neg = S_0 ⊕ l·DS ⊕ q·c·DS, without the monomials of mask bits alone.
    const neg = (constant & (s0 ^ (l & ds) ^ (q & c & ds))) ^ (ds & rl) ^ (l & rds) ^ (c & ds & rq) ^ (q & ds & rc) ^
      (q & c & rds) ^ (ds & qc) ^ (c & qs) ^ (q & cs);
    // in = E_0 ⊕ w·DE and w_1 = in·c.
    const inside = (constant & (e0 ^ (w & de))) ^ (de & rw) ^ (w & rde);
    const upper = (constant & ((e0 & c) ^ (w & de & c))) ^ (c & re0) ^ (e0 & rc) ^ (de & c & rw) ^ (w & c & rde) ^
      (w & de & rc) ^ (c & we) ^ (de & wc) ^ (w & ec);
    out[e] = own ^ neg ^ ((inside ^ upper) << 1) ^ (upper << 2);
  }
  return tensor(out);
}

/** {@linkcode Engine.spliceFinish}, as loops. */
export function spliceFinish(
  party: 0 | 1,
  step: SpliceStep,
  x: Handle,
  values: Handle,
  bits: Handle,
  given: RecordView,
  free: RecordView,
): Handle {
  const data = words(x),
    v = words(values),
    opened = words(bits),
    out = new Uint32Array(data.length),
    key = new Cursor(given),
    pads = new Cursor(free);
  const { inBits: a, valueBits: w, ringBits: n } = step,
    base = step.digits.reduce((sum, k) => sum + oneHotBits(k), 0) + 6,
    inputTops = base + 7 * n,
    valueTops = inputTops + 2 * (n - a);
  for (let e = 0; e < data.length; e++) {
    key.seek(e);
    const word = (i: number): number => key.field(base + n * i, n), pos = opened[e]! & 1;
    const x0 = spare(data[e]!, a, n), inputTop = key.field(inputTops + pos * (n - a), n - a) * 2 ** a;
    let sum = pads.seek(e).field(11 + 2 * w, n) + (1 - 2 * pos) * Math.imul(x0.value, word(0)) - pos * word(1) +
      (party === 0 ? pos * x0.value : 0) + x0.wraps * inputTop;
    for (const b of [0, 1]) {
      const on = (opened[e]! >>> (1 + b)) & 1, { value, wraps } = spare(v[2 * e + b]!, w, n);
      sum -= on * Math.imul(value, word(2)) + (1 - 2 * on) * Math.imul(value, word(3 + 2 * b)) - on * word(4 + 2 * b);
      sum -= wraps * key.field(valueTops + (2 * b + on) * (n - w), n - w) * 2 ** w;
    }
    out[e] = sum;
  }
  return tensor(reduce(out, n));
}

/** A masked value of a narrow ring read in a wider one: its integer with the spare bit, and whether its mask may have wrapped. Rings as wide as the result need neither. */
function spare(x: number, from: number, to: number): { value: number; wraps: 0 | 1 } {
  if (from === to) return { value: x | 0, wraps: 0 };
  const raised = (x + 2 ** (from - 2)) % 2 ** from;
  return { value: raised - 2 ** (from - 2), wraps: raised < 2 ** (from - 1) ? 1 : 0 };
}
