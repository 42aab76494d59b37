/**
 * The products of the reference engine.
 *
 * @module
 */

import { lowMask, toBigInts } from "../ring/words.ts";
import type { AttentionStep, CacheHandle, Handle, RecordView, Weights } from "../engine.ts";
import { type CachedTokens, elements, integers, type Matrix, recordIntegers, Tensor, words } from "./memory.ts";

/** The one field of a record. */
function only({ fields }: RecordView): string {
  return Object.keys(fields)[0]!;
}

/** The pads of a record of at most 32 bits. */
function padWords(pad: RecordView): Uint32Array {
  return Uint32Array.from(recordIntegers(pad, only(pad)), Number);
}

/** x·W over the integers, row-major. */
function matrixProduct(x: readonly bigint[], matrix: Matrix): bigint[] {
  const { inputs, outputs } = matrix,
    w = toBigInts(matrix.words, 32 * matrix.wordsPerElement),
    rows = x.length / inputs;
  const out = new Array<bigint>(rows * outputs).fill(0n);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inputs; i++) {
      const factor = x[row * inputs + i]!;
      for (let j = 0; j < outputs; j++) out[row * outputs + j]! += factor * w[i * outputs + j]!;
    }
  }
  return out;
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
  const pads = recordIntegers(pad, only(pad)),
    zeros = (): bigint[] => new Array<bigint>(pads.length / weights.outputs * weights.inputs).fill(0n);
  const masks = mask === null ? zeros() : recordIntegers(mask, only(mask)), data = x === null ? zeros() : integers(x);
  const product = matrixProduct(data.map((word, i) => word - masks[i]!), weights as Matrix);
  return elements(product.map((word, i) => word + pads[i]!), pad.bits);
}

/** {@linkcode Engine.multiplyWeights}, as loops. */
export function multiplyWeights(x: Handle, weights: Weights): Handle {
  return elements(matrixProduct(integers(x), weights as Matrix), 32 * weights.wordsPerElement);
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
  const out = padWords(pad), data = words(q), r = words(maskQ), { pairs } = cache as CachedTokens;
  eachScore(step, (qAt, kAt, at) => {
    let sum = out[at]!;
    for (let d = 0; d < step.width; d++) {
      sum =
        (sum + Math.imul(data[qAt + d]!, pairs[2 * (kAt + d)]!) + Math.imul(r[qAt + d]!, pairs[2 * (kAt + d) + 1]!)) |
        0;
    }
    out[at] = sum;
  });
  return new Tensor(out.map((word) => word & lowMask(pad.bits)), 1);
}

/** {@linkcode Engine.mix}, as loops. */
export function mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
  const out = padWords(pad), data = words(p), r = words(maskP), { pairs } = cache as CachedTokens;
  eachScore(step, (outAt, vAt, at) => {
    for (let d = 0; d < step.width; d++) {
      out[outAt + d]! += Math.imul(data[at]!, pairs[2 * (vAt + d)]!) + Math.imul(r[at]!, pairs[2 * (vAt + d) + 1]!);
    }
  });
  return new Tensor(out.map((word) => word & lowMask(pad.bits)), 1);
}
