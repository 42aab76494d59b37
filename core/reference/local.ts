/**
 * Public-linear operations of the reference engine.
 *
 * @module
 */

import type { Extent, Handle, WrapStep } from "../engine.ts";
import { addWords, lowMask } from "../ring/words.ts";
import { eachElement, elements, integers, Tensor, tensor, words } from "./memory.ts";

/** {@linkcode Engine.add}, as loops. */
export function add(x: Handle, y: Handle, bits: number): Handle {
  return new Tensor(addWords(words(x), words(y), bits), x.wordsPerElement);
}

/** {@linkcode Engine.columns}, as loops. */
export function columns(x: Handle, extent: Extent, from: number, to: number): Handle {
  const data = words(x),
    wide = x.wordsPerElement,
    out = new Uint32Array(extent.cols.length * extent.rows * (to - from) * wide);
  let base = 0, at = 0;
  for (const cols of extent.cols) {
    for (let row = 0; row < extent.rows; row++, base += cols * wide) {
      for (let c = from * wide; c < to * wide; c++) out[at++] = data[base + c]!;
    }
  }
  return new Tensor(out, wide);
}

/** {@linkcode Engine.rotate}, as loops. */
export function rotate(x: Handle, angles: Int32Array, heads: number, width: number, bits: number): Handle {
  const data = words(x),
    out = new Uint32Array(data.length),
    half = width / 2,
    perToken = heads * width,
    ring = lowMask(bits);
  for (let token = 0; token * perToken < data.length; token++) {
    for (let head = 0; head < heads; head++) {
      const at = token * perToken + head * width;
      for (let j = 0; j < half; j++) {
        const cos = angles[2 * (token * half + j)]!,
          sin = angles[2 * (token * half + j) + 1]!,
          a = data[at + j]!,
          b = data[at + half + j]!;
        out[at + j] = (Math.imul(cos, a) - Math.imul(sin, b)) & ring;
        out[at + half + j] = (Math.imul(cos, b) + Math.imul(sin, a)) & ring;
      }
    }
  }
  return tensor(out);
}

/** {@linkcode Engine.distance}, as loops. */
export function distance(top: Handle, x: Handle, extent: Extent, scale: number, bits: number): Handle {
  const data = words(x), tops = words(top), out = new Uint32Array(data.length), ring = lowMask(bits);
  eachElement(extent, (e, row) => out[e] = (((tops[row]! + 1) << scale) - data[e]!) & ring);
  return tensor(out);
}

/** {@linkcode Engine.rowSum}, as loops. */
export function rowSum(x: Handle, extent: Extent, bits: number): Handle {
  const data = words(x), out = new Uint32Array(extent.cols.length * extent.rows), ring = lowMask(bits);
  eachElement(extent, (e, row) => out[row] = (out[row]! + data[e]!) & ring);
  return tensor(out);
}

/** {@linkcode Engine.shift}, as loops. */
export function shift(x: Handle, inBits: number, by: number, bits: number): Handle {
  if (inBits > 32) {
    return elements(integers(x).map((word) => BigInt.asUintN(inBits, word) >> BigInt(by)), bits);
  }
  const ring = lowMask(inBits), kept = lowMask(bits);
  return tensor(words(x).map((word) => ((word & ring) >>> by) & kept));
}

/** (x + 2^(n-2)) mod 2^n of every element. */
function raised(x: Handle, n: number): bigint[] {
  return integers(x).map((word) => BigInt.asUintN(n, word + (1n << BigInt(n - 2))));
}

/** {@linkcode Engine.extend}, as loops. */
export function extend(x: Handle, from: number, top: Handle | null, to: number): Handle {
  const tops = top === null ? null : integers(top), half = 1n << BigInt(from - 2);
  return elements(raised(x, from).map((u, e) => u - half + ((tops?.[e] ?? 0n) << BigInt(from))), to);
}

/** {@linkcode Engine.addWrap}, as loops. */
export function addWrap({ inBits, shift, sign, outBits }: WrapStep, a: Handle, x: Handle, c: Handle): Handle {
  const start = integers(a), terms = integers(c), factor = BigInt(sign) << BigInt(shift);
  return elements(
    raised(x, inBits).map((u, e) => start[e]! + (1n - (u >> BigInt(inBits - 1))) * terms[e]! * factor),
    outBits,
  );
}
