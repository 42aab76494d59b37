/**
 * The products of the reference engine.
 *
 * @module
 */

import { toBigInts } from "../ring/words.ts";
import type { AttentionStep, CacheHandle, Extent, Handle, RecordView, Weights } from "../engine.ts";
import {
  CachedTokens,
  Cursor,
  eachElement,
  elements,
  integers,
  Matrix,
  recordIntegers,
  recordWords,
  reduce,
  Tensor,
  tensor,
  words,
} from "./memory.ts";

function matrixProduct(x: Uint32Array, matrix: Matrix): Uint32Array {
  const { inputs, outputs } = matrix, rows = x.length / inputs, out = new Uint32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inputs; i++) {
      const factor = x[row * inputs + i]!, from = i * outputs, to = row * outputs;
      for (let j = 0; j < outputs; j++) out[to + j]! += Math.imul(factor, matrix.words[from + j]!);
    }
  }
  return out;
}

/** The same of entries of two words, over the integers. */
function wideProduct(x: readonly bigint[], matrix: Matrix): bigint[] {
  const { inputs, outputs } = matrix, w = toBigInts(matrix.words, 64), rows = x.length / inputs;
  const out = new Array<bigint>(rows * outputs).fill(0n);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inputs; i++) {
      const factor = x[row * inputs + i]!;
      for (let j = 0; j < outputs; j++) out[row * outputs + j]! += factor * w[i * outputs + j]!;
    }
  }
  return out;
}

/** {@linkcode linear} of a matrix of two words per entry. */
function wideLinear(x: Handle | null, mask: RecordView | null, matrix: Matrix, pad: RecordView): Handle {
  const pads = recordIntegers(pad), count = pads.length / matrix.outputs * matrix.inputs;
  const masks = mask === null ? new Array<bigint>(count).fill(0n) : recordIntegers(mask),
    data = x === null ? new Array<bigint>(count).fill(0n) : integers(x);
  const product = wideProduct(data.map((word, i) => word - masks[i]!), matrix);
  return elements(product.map((word, i) => word + pads[i]!), pad.bits);
}

/** Calls `visit(q, k, at)` for every (query head, cached token): offsets of `width` values, and the score's index. */
function eachScore(step: AttentionStep, visit: (q: number, k: number, at: number) => void): void {
  const group = step.heads / step.kvHeads, perToken = step.kvHeads * step.width;
  let at = 0, q = 0;
  for (const [block, cols] of step.cols.entries()) {
    const start = step.starts[block]!;
    for (let token = 0; token < step.tokens; token++) {
      for (let head = 0; head < step.heads; head++, q += step.width) {
        const base = Math.floor(head / group) * step.width;
        for (let column = 0; column < cols; column++, at++) visit(q, (start + column) * perToken + base, at);
      }
    }
  }
}

/** {@linkcode Engine.linear}, as loops. */
export function linear(x: Handle | null, mask: RecordView | null, weights: Weights, pad: RecordView): Handle {
  if (weights.wordsPerElement === 2) return wideLinear(x, mask, weights as Matrix, pad);
  const pads = recordWords(pad), count = pads.length / weights.outputs * weights.inputs;
  const masks = mask === null ? new Uint32Array(count) : recordWords(mask),
    data = x === null ? new Uint32Array(count) : words(x);
  const product = matrixProduct(data.map((word, i) => word - masks[i]!), weights as Matrix);
  return tensor(reduce(product.map((word, i) => word + pads[i]!), pad.bits));
}

/** {@linkcode Engine.multiplyWeights}, as loops. */
export function multiplyWeights(x: Handle, weights: Weights): Handle {
  if (weights.wordsPerElement === 2) return elements(wideProduct(integers(x), weights as Matrix), 64);
  return tensor(matrixProduct(words(x), weights as Matrix));
}

/** {@linkcode Engine.multiply}, as loops. */
export function multiply(
  party: 0 | 1,
  x: Handle,
  maskX: Handle,
  y: Handle,
  maskY: Handle,
  extent: Extent,
  broadcast: boolean,
  pad: RecordView,
): Handle {
  if (pad.bits > 32) {
    const out = recordIntegers(pad), [a, ra, b, rb] = [x, maskX, y, maskY].map(integers);
    eachElement(extent, (e, row) => {
      const j = broadcast ? row : e, both = party === 0 ? a![e]! * b![j]! : 0n;
      out[e]! += both - a![e]! * rb![j]! - ra![e]! * b![j]!;
    });
    return elements(out, pad.bits);
  }
  const out = recordWords(pad), a = words(x), ra = words(maskX), b = words(y), rb = words(maskY);
  eachElement(extent, (e, row) => {
    const j = broadcast ? row : e, both = party === 0 ? Math.imul(a[e]!, b[j]!) : 0;
    out[e] = out[e]! + both - Math.imul(a[e]!, rb[j]!) - Math.imul(ra[e]!, b[j]!);
  });
  return tensor(reduce(out, pad.bits));
}

/** {@linkcode Engine.store}, as loops. */
export function store(party: 0 | 1, cache: CacheHandle, fromToken: number, x: Handle, mask: Handle): void {
  const { pairs, widthPerToken } = cache as CachedTokens,
    data = words(x),
    r = words(mask),
    base = 2 * fromToken * widthPerToken;
  for (let i = 0; i < data.length; i++) {
    pairs[base + 2 * i] = (party === 0 ? data[i]! : 0) - r[i]!;
    pairs[base + 2 * i + 1] = -data[i]!;
  }
}

/** {@linkcode Engine.scores}, as loops. */
export function scores(q: Handle, maskQ: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
  const out = recordWords(pad), data = words(q), r = words(maskQ), { pairs } = cache as CachedTokens;
  eachScore(step, (qAt, kAt, at) => {
    let sum = out[at]!;
    for (let d = 0; d < step.width; d++) {
      sum =
        (sum + Math.imul(data[qAt + d]!, pairs[2 * (kAt + d)]!) + Math.imul(r[qAt + d]!, pairs[2 * (kAt + d) + 1]!)) |
        0;
    }
    out[at] = sum;
  });
  return tensor(reduce(out, pad.bits));
}

/** {@linkcode Engine.mix}, as loops. */
export function mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
  const out = recordWords(pad), data = words(p), r = words(maskP), { pairs } = cache as CachedTokens;
  eachScore(step, (outAt, vAt, at) => {
    for (let d = 0; d < step.width; d++) {
      out[outAt + d]! += Math.imul(data[at]!, pairs[2 * (vAt + d)]!) + Math.imul(r[at]!, pairs[2 * (vAt + d) + 1]!);
    }
  });
  return tensor(reduce(out, pad.bits));
}

/** {@linkcode Engine.squareSum}, as loops. */
export function squareSum(
  party: 0 | 1,
  x: Handle,
  extent: Extent,
  n: number,
  outBits: number,
  given: RecordView,
  free: RecordView,
): Handle {
  const data = integers(x),
    sums = new Array<bigint>(extent.cols.length * extent.rows).fill(0n),
    key = new Cursor(given),
    pads = new Cursor(free);
  // Where the sums are not wider than x, r has all of x's bits and there is no b.
  const lift = Math.max(0, outBits - n), rBits = Math.max(outBits, n);
  const top = BigInt(n + 1), half = 1n << BigInt(n - 2);
  eachElement(extent, (e, row) => {
    key.seek(e);
    const shifted = BigInt.asUintN(n, data[e]! + half),
      u = shifted - half,
      k = 1n - (shifted >> BigInt(n - 1));
    const r = key.wide(0, rBits), b = key.wide(rBits, lift), br = key.wide(rBits + lift, Math.max(0, lift - 1));
    sums[row]! += (party === 0 ? u * u : 0n) - 2n * u * r +
      k * (((u * b) << top) - (br << top) + (b << BigInt(2 * n)));
  });
  const wide = outBits > 32 ? 2 : 1, out = new Uint32Array(wide * sums.length);
  sums.forEach((sum, row) => {
    const value = BigInt.asUintN(outBits, sum + pads.seek(row).wide(0, outBits));
    out[wide * row] = Number(value & 0xffffffffn);
    if (wide === 2) out[2 * row + 1] = Number(value >> 32n);
  });
  return new Tensor(out, wide);
}
