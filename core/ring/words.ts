/**
 * Vectors over Z_{2^n}, 1 <= n <= 64, in a `Uint32Array`: one word per element if n <= 32, two words (low first) otherwise.
 *
 * Results are reduced to n bits; inputs need not be. Signed values are two's complement in n bits. Plain loops: they define what faster
 * engines compute.
 */

/** Throws unless `ringBits` is an integer from 1 to 64. */
function checkRing(ringBits: number): void {
  if (!(Number.isInteger(ringBits) && ringBits >= 1 && ringBits <= 64)) {
    throw new RangeError(`Cannot use a ring as its width must be 1 to 64 bits: received ${ringBits}`);
  }
}

/** Throws unless the vectors have equal lengths. */
function checkLengths(x: Uint32Array, y: Uint32Array): void {
  if (x.length !== y.length) {
    throw new RangeError(`Cannot combine vectors as both must have ${x.length} words: received ${y.length}`);
  }
}

/** Returns the number of vector elements and throws if the last one is cut short. */
function countElements(x: Uint32Array, ringBits: number): number {
  const count = x.length / wordsPerElement(ringBits);
  if (!Number.isInteger(count)) {
    throw new RangeError(`Cannot read a vector as an element has two words: received ${x.length} words`);
  }
  return count;
}

/**
 * Returns the number of u32 words that hold one element of Z_{2^ringBits}: 1 up to 32 bits, 2 up to 64.
 *
 * @throws {RangeError} If `ringBits` is not 1 to 64.
 */
export function wordsPerElement(ringBits: number): 1 | 2 {
  checkRing(ringBits);
  return ringBits <= 32 ? 1 : 2;
}

/**
 * Returns `2^bits - 1`, the mask of the low `bits` bits, as an unsigned number.
 *
 * @throws {RangeError} If `bits` is not 1 to 32.
 */
export function lowMask(bits: number): number {
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 32)) {
    throw new RangeError(`Cannot make a word mask as its width must be 1 to 32 bits: received ${bits}`);
  }
  return 0xffffffff >>> (32 - bits);
}

/** Mask of the top word of an element: of the only word up to 32 bits, of the high word beyond. */
function topMask(ringBits: number): number {
  return lowMask(ringBits <= 32 ? ringBits : ringBits - 32);
}

/** Returns the high word of the 64-bit product of two words. */
function mulHigh(x: number, y: number): number {
  const xLow = x & 0xffff;
  const xHigh = x >>> 16;
  const yLow = y & 0xffff;
  const yHigh = y >>> 16;
  // Every sum stays below 2^33 and every product below 2^32: exact in a double.
  const middle = xHigh * yLow + ((xLow * yLow) >>> 16);
  const carry = xLow * yHigh + (middle % 0x10000);
  return xHigh * yHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000);
}

/**
 * Adds element-wise: `x + y mod 2^ringBits`.
 *
 * @throws {RangeError} If the lengths differ or `ringBits` is not 1 to 64.
 *
 * @example A masked value in a 40-bit ring
 * ```ts
 * import { addWords, fromBigInts, toBigInts } from "sluice/core/ring/words.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const sum = addWords(fromBigInts([2n ** 40n - 1n], 40), fromBigInts([3n], 40), 40);
 *
 * assertEquals(toBigInts(sum, 40), [2n]);
 * ```
 */
export function addWords(x: Uint32Array, y: Uint32Array, ringBits: number): Uint32Array {
  checkLengths(x, y);
  countElements(x, ringBits);
  const mask = topMask(ringBits);
  const out = new Uint32Array(x.length);
  if (ringBits <= 32) {
    for (let i = 0; i < x.length; i++) out[i] = (x[i]! + y[i]!) & mask;
    return out;
  }
  for (let i = 0; i < x.length; i += 2) {
    const low = x[i]! + y[i]!;
    out[i] = low;
    out[i + 1] = (x[i + 1]! + y[i + 1]! + (low > 0xffffffff ? 1 : 0)) & mask;
  }
  return out;
}

/**
 * Subtracts element-wise: `x - y mod 2^ringBits`.
 *
 * @throws {RangeError} If the lengths differ or `ringBits` is not 1 to 64.
 */
export function subWords(x: Uint32Array, y: Uint32Array, ringBits: number): Uint32Array {
  checkLengths(x, y);
  countElements(x, ringBits);
  const mask = topMask(ringBits);
  const out = new Uint32Array(x.length);
  if (ringBits <= 32) {
    for (let i = 0; i < x.length; i++) out[i] = (x[i]! - y[i]!) & mask;
    return out;
  }
  for (let i = 0; i < x.length; i += 2) {
    const low = x[i]! - y[i]!;
    out[i] = low;
    out[i + 1] = (x[i + 1]! - y[i + 1]! - (low < 0 ? 1 : 0)) & mask;
  }
  return out;
}

/**
 * Multiplies element-wise: `x·y mod 2^ringBits`.
 *
 * @throws {RangeError} If the lengths differ or `ringBits` is not 1 to 64.
 */
export function mulWords(x: Uint32Array, y: Uint32Array, ringBits: number): Uint32Array {
  checkLengths(x, y);
  countElements(x, ringBits);
  const mask = topMask(ringBits);
  const out = new Uint32Array(x.length);
  if (ringBits <= 32) {
    for (let i = 0; i < x.length; i++) out[i] = Math.imul(x[i]!, y[i]!) & mask;
    return out;
  }
  for (let i = 0; i < x.length; i += 2) {
    const xLow = x[i]!;
    const yLow = y[i]!;
    out[i] = Math.imul(xLow, yLow);
    out[i + 1] = (mulHigh(xLow, yLow) + Math.imul(xLow, y[i + 1]!) + Math.imul(x[i + 1]!, yLow)) & mask;
  }
  return out;
}

/**
 * Reads a word as a signed integer of `ringBits` bits, in `[-2^(ringBits-1), 2^(ringBits-1))`.
 *
 * @throws {RangeError} If `ringBits` is not 1 to 32.
 */
export function toSigned(word: number, ringBits: number): number {
  lowMask(ringBits);
  return (word << (32 - ringBits)) >> (32 - ringBits);
}

/** Two words per element, low first, from words that are read as signed. */
export function signExtend(words: Uint32Array | Int32Array): Uint32Array {
  const out = new Uint32Array(2 * words.length);
  for (let i = 0; i < words.length; i++) {
    out[2 * i] = words[i]!;
    out[2 * i + 1] = (words[i]! | 0) >> 31;
  }
  return out;
}

/**
 * Reads a vector as signed integers.
 *
 * @throws {RangeError} If `ringBits` is not 1 to 64, or an integer is not exact in a double.
 */
export function toSignedNumbers(x: Uint32Array, ringBits: number): Float64Array {
  if (ringBits <= 32) return Float64Array.from(x, (word) => toSigned(word, ringBits));
  const values = Float64Array.from(toBigInts(x, ringBits, true), Number);
  if (!values.every(Number.isSafeInteger)) {
    throw new RangeError("Cannot read a vector as its integers must be exact in a double");
  }
  return values;
}

/**
 * Converts a vector to bigints.
 *
 * @param signed Whether elements are read as two's complement; unsigned otherwise.
 * @throws {RangeError} If `ringBits` is not 1 to 64.
 */
export function toBigInts(x: Uint32Array, ringBits: number, signed: boolean = false): bigint[] {
  const count = countElements(x, ringBits);
  const values: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const value = ringBits <= 32 ? BigInt(x[i]!) : BigInt(x[2 * i]!) | (BigInt(x[2 * i + 1]!) << 32n);
    values.push(signed ? BigInt.asIntN(ringBits, value) : BigInt.asUintN(ringBits, value));
  }
  return values;
}

/**
 * Converts integers to a vector, each reduced mod 2^ringBits (negative ones as two's complement).
 *
 * @throws {RangeError} If `ringBits` is not 1 to 64.
 */
export function fromBigInts(values: readonly bigint[], ringBits: number): Uint32Array {
  const width = wordsPerElement(ringBits);
  const out = new Uint32Array(values.length * width);
  values.forEach((value, i) => {
    const reduced = BigInt.asUintN(ringBits, value);
    out[i * width] = Number(reduced & 0xffffffffn);
    if (width === 2) out[i * width + 1] = Number(reduced >> 32n);
  });
  return out;
}

/** The low word of every element of two words. */
export function lowWords(x: Uint32Array): Uint32Array {
  const out = new Uint32Array(x.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = x[2 * i]!;
  return out;
}

/** Whether every element of two words is the sign extension of its low word. */
export function areSigned(words: Uint32Array): boolean {
  for (let i = 0; i < words.length; i += 2) if (words[i + 1] !== ((words[i]! | 0) >> 31) >>> 0) return false;
  return true;
}
