/** Fixed-point numbers: a real `v` is the integer `round(v·2^scale)` in Z_{2^ringBits}, two's complement. */

import { toSigned, wordsPerElement } from "./words.ts";

/** How reals are held in a ring. */
export interface FixedPoint {
  /** Width of the ring, 1 to 64 bits. */
  readonly ringBits: number;
  /** Number of fractional bits, 0 to 1000. */
  readonly scale: number;
}

/** Rounds to the nearest integer, ties to even. */
function roundHalfEven(value: number): number {
  const up = Math.round(value); // Ties go up.
  return up - value === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** Returns `2^scale`, or throws if the scale is out of range. */
function checkScale(scale: number): number {
  if (!(Number.isInteger(scale) && scale >= 0 && scale <= 1000)) {
    throw new RangeError(`Cannot use a fixed-point format as its scale must be 0 to 1000 bits: received ${scale}`);
  }
  return 2 ** scale;
}

/**
 * Encodes reals as fixed-point elements: `round(v·2^scale) mod 2^ringBits`, to the nearest integer, ties to even.
 *
 * @param values Reals.
 * @param format Ring and scale; both public.
 * @returns One word per value, or two (low first) if `ringBits` exceeds 32.
 * @throws {RangeError} If a rounded value is not in `[-2^(ringBits-1), 2^(ringBits-1))`, or is not a number; the message names its index, never the value.
 *
 * @example 16 bits, 8 of them fractional
 * ```ts
 * import { decodeFixed, encodeFixed } from "sluice/core/ring/fixed.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const words = encodeFixed([1.5, -0.25], { ringBits: 16, scale: 8 });
 *
 * assertEquals(words, Uint32Array.of(384, 65472));
 * assertEquals([...decodeFixed(words, { ringBits: 16, scale: 8 })], [1.5, -0.25]);
 * ```
 */
export function encodeFixed(values: ArrayLike<number>, format: FixedPoint): Uint32Array {
  const { ringBits, scale } = format;
  const width = wordsPerElement(ringBits);
  const factor = checkScale(scale);
  const limit = 2 ** (ringBits - 1);
  const out = new Uint32Array(values.length * width);
  for (let i = 0; i < values.length; i++) {
    const rounded = roundHalfEven(values[i]! * factor);
    if (!(rounded >= -limit && rounded < limit)) {
      throw new RangeError(
        `Cannot encode value ${i} as it must fit ${ringBits} bits at ${scale} fractional bits: received a larger one`,
      );
    }
    // Exact: a division by a power of two, and the remainder of an integer.
    const unsigned = rounded < 0 && ringBits <= 32 ? rounded + 2 * limit : rounded;
    const high = Math.floor(unsigned / 0x100000000);
    out[i * width] = unsigned - high * 0x100000000;
    if (width === 2) out[i * width + 1] = ringBits === 64 ? high : high & (2 ** (ringBits - 32) - 1);
  }
  return out;
}

/**
 * Decodes fixed-point elements, read as signed: `x / 2^scale`. Exact up to 53 significant bits, rounded to the nearest double beyond.
 *
 * @param words Elements, reduced mod 2^ringBits.
 * @param format Ring and scale; both public.
 * @returns One real per element.
 * @throws {RangeError} If the ring or the scale is out of range.
 */
export function decodeFixed(words: Uint32Array, format: FixedPoint): Float64Array {
  const { ringBits, scale } = format;
  const width = wordsPerElement(ringBits);
  const factor = checkScale(scale);
  const out = new Float64Array(words.length / width);
  for (let i = 0; i < out.length; i++) {
    const value = width === 1
      ? toSigned(words[i]!, ringBits)
      : toSigned(words[2 * i + 1]!, ringBits - 32) * 0x100000000 + words[2 * i]!;
    out[i] = value / factor;
  }
  return out;
}
