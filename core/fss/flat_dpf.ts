/**
 * Flat DPF: XOR shares of a one-hot vector, one half of which costs nothing.
 *
 * For a secret `alpha < 2^k` the two halves are vectors of 2^k bits that differ in bit `alpha` alone. The *seed half* is drawn from its
 * party's seed; the *explicit half* is written into the other party's key. Only `2^k - 1` bits of either are stored, at a bit offset of some
 * bit array: the last bit follows from the parity of the whole vector, which is even for the seed half and odd for the explicit half.
 * `parity` names the half in every function: 0 is the seed half, 1 the explicit half. XORing the two results gives the function of `alpha`.
 *
 * Points `u`, predicates and tables are public; in evaluation no branch or index depends on a key bit.
 */

import { readBits, xorBits } from "../ring/bits.ts";

/** One half of a one-hot vector. */
export interface OneHot {
  /** Bit array that holds the half. */
  readonly bytes: Uint8Array;
  /** Position of the half's bit 0. */
  readonly at: number;
  /** k, 1 to 16: the vector has 2^k bits, of which 2^k - 1 are stored. */
  readonly bits: number;
  /** 0 for the seed half, 1 for the explicit half. */
  readonly parity: 0 | 1;
}

/** Largest domain of a flat DPF: 2^16 points, 8 KiB per half. */
export const MAX_FLAT_DOMAIN_BITS = 16;

/**
 * Returns the stored length of a key half: `2^domainBits - 1` bits.
 *
 * @throws {RangeError} If `domainBits` is not 1 to 16.
 */
export function oneHotBits(domainBits: number): number {
  if (!(Number.isInteger(domainBits) && domainBits >= 1 && domainBits <= MAX_FLAT_DOMAIN_BITS)) {
    throw new RangeError(
      `Cannot use a flat DPF as its domain must have 1 to ${MAX_FLAT_DOMAIN_BITS} bits: received ${domainBits}`,
    );
  }
  return 2 ** domainBits - 1;
}

/** Throws unless `u` is a point of the domain. */
function checkPoint(u: number, domainBits: number): void {
  if (!(Number.isInteger(u) && u >= 0 && u <= oneHotBits(domainBits))) {
    throw new RangeError(
      `Cannot evaluate a flat DPF as the point must be below 2^${domainBits}: received another value`,
    );
  }
}

/** Returns the parity of a word's bits. */
function parityOf(word: number): 0 | 1 {
  let folded = word ^ (word >>> 16);
  folded ^= folded >>> 8;
  folded ^= folded >>> 4;
  folded ^= folded >>> 2;
  folded ^= folded >>> 1;
  return (folded & 1) as 0 | 1;
}

/** Returns the parity of `count` bits at `bitOffset`. */
function prefixParity(bytes: Uint8Array, bitOffset: number, count: number): 0 | 1 {
  let folded = 0;
  for (let at = 0; at < count; at += 32) folded ^= readBits(bytes, bitOffset + at, Math.min(32, count - at));
  return parityOf(folded);
}

/**
 * Evaluates one half at a point: an XOR share of `1{u = alpha}`.
 *
 * - **Runs on:** each party, locally   **Cost:** 1 bit read; `2^k - 1` for the last point
 *
 * @param half The half.
 * @param u Public point, below 2^k.
 * @throws {RangeError} If an argument is out of range, or the half leaves the array.
 *
 * @example Both halves of a one-hot vector at 5
 * ```ts
 * import { flatEqual, flatLess, genFlat } from "sluice/core/fss/flat_dpf.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const seed = Uint8Array.of(0x5a), explicit = seed.slice(); // 2^3 - 1 bits, in a real key from the seed
 * genFlat(explicit, 0, 3, 5);
 * const half0 = { bytes: seed, at: 0, bits: 3, parity: 0 } as const;
 * const half1 = { bytes: explicit, at: 0, bits: 3, parity: 1 } as const;
 *
 * assertEquals(flatEqual(half0, 5) ^ flatEqual(half1, 5), 1);
 * assertEquals(flatLess(half0, 6) ^ flatLess(half1, 6), 0); // 6 < 5
 * ```
 */
export function flatEqual({ bytes, at, bits, parity }: OneHot, u: number): 0 | 1 {
  checkPoint(u, bits);
  const last = oneHotBits(bits);
  if (u === last) return (parity ^ prefixParity(bytes, at, last)) as 0 | 1;
  return readBits(bytes, at + u, 1) as 0 | 1;
}

/**
 * Compares at a point: an XOR share of `1{u < alpha}`, the parity of the half's bits above `u`.
 *
 * Computed as `parity ⊕ (parity of bits 0 to u)`, so the derived last bit is never needed. Parameters as in {@linkcode flatEqual}.
 *
 * @throws {RangeError} If an argument is out of range, or the half leaves the array.
 */
export function flatLess({ bytes, at, bits, parity }: OneHot, u: number): 0 | 1 {
  checkPoint(u, bits);
  if (u === oneHotBits(bits)) return 0;
  return (parity ^ prefixParity(bytes, at, u + 1)) as 0 | 1;
}

/**
 * Evaluates a public predicate: an XOR share of `holds(alpha)`, the parity of the half's bits where it holds.
 *
 * @param holds Public predicate; called once for every point of the domain.
 * @throws {RangeError} If an argument is out of range, or the half leaves the array.
 */
export function flatPredicate({ bytes, at, bits, parity }: OneHot, holds: (point: number) => boolean): 0 | 1 {
  const last = oneHotBits(bits);
  let share = 0;
  let lastBit: number = parity;
  for (let point = 0; point < last; point++) {
    const bit = readBits(bytes, at + point, 1);
    lastBit ^= bit;
    if (holds(point)) share ^= bit;
  }
  if (holds(last)) share ^= lastBit;
  return share as 0 | 1;
}

/**
 * Looks up a public table: `Σ_j bit(j)·table((u - j) mod 2^k) mod 2^32`.
 *
 * The two halves' results differ by `±table((u - alpha) mod 2^k)`: the result of the half whose bit at `alpha` is 1 is the larger one. That
 * sign is the dealer's to correct; nothing is subtracted here.
 *
 * @param u Public point, below 2^k; a masked index `x + alpha`.
 * @param table Public table; called once for every index of the domain, with integers taken mod 2^32.
 * @returns The sum, unsigned.
 * @throws {RangeError} If an argument is out of range, or the half leaves the array.
 */
export function flatLookup({ bytes, at, bits, parity }: OneHot, u: number, table: (index: number) => number): number {
  checkPoint(u, bits);
  const last = oneHotBits(bits);
  let sum = 0;
  let lastBit: number = parity;
  for (let point = 0; point < last; point++) {
    const bit = readBits(bytes, at + point, 1);
    lastBit ^= bit;
    sum = (sum + (table((u - point) & last) & -bit)) | 0;
  }
  return (sum + (table((u - last) & last) & -lastBit)) >>> 0;
}

/**
 * Looks up a public table at a difference that is not reduced: `Σ_j bit(j)·table((u - j) mod 2^(k+1)) mod 2^32`, where -2^k < u - alpha < 2^k.
 *
 * Parameters and result as of {@linkcode flatLookup}; the table has 2^(k+1) entries, negative differences in its upper half.
 *
 * @throws {RangeError} If an argument is out of range, or the half leaves the array.
 */
export function flatLookupSigned(half: OneHot, u: number, table: (index: number) => number): number {
  const points = 2 ** half.bits;
  // The difference is u - j where j ≤ u, and 2^k less than the reduced one above.
  return flatLookup(half, u, (index) => table(index <= u ? index : index + points));
}

/**
 * Turns a copy of the seed half into the explicit half, in place: flips bit `alpha`; the last point has no stored bit and flips none.
 *
 * - **Runs on:** dealer   **Key size:** `2^k - 1` bits, in one party's key only
 *
 * @param bytes Bit array that holds a copy of the seed half.
 * @param bitOffset Position of the half's bit 0.
 * @param domainBits k, 1 to 16.
 * @param alpha Secret point, below 2^k; known to the dealer only.
 * @throws {RangeError} If an argument is out of range (the message does not name `alpha`), or the half leaves the array.
 */
export function genFlat(bytes: Uint8Array, bitOffset: number, domainBits: number, alpha: number): void {
  const last = oneHotBits(domainBits);
  if (!(Number.isInteger(alpha) && alpha >= 0 && alpha <= last)) {
    throw new RangeError(`Cannot generate a flat DPF as alpha must be below 2^${domainBits}: received another value`);
  }
  if (bitOffset + last > bytes.length * 8) {
    throw new RangeError(
      `Cannot generate a flat DPF as its ${last} bits must end within the array: received bit offset ${bitOffset}`,
    );
  }
  if (alpha < last) xorBits(bytes, bitOffset + alpha, 1, 1);
}
