/**
 * Little-endian bit arrays: bit `i` of the array is bit `i mod 8` of byte `⌊i / 8⌋`.
 *
 * Keys and openings are packed this way, element `i` of `bits` bits at bit `bits·i`. Offsets are ordinary numbers (exact below 2^53), so
 * arrays of 2^32 bits and more work: no offset passes through a 32-bit shift.
 */

import { ProtocolError } from "../errors.ts";

/** Throws unless `bits` bits at `bitOffset` lie within the array and `bits` is at most `maxBits`. */
function checkRange(bytes: Uint8Array, bitOffset: number, bits: number, maxBits: number): void {
  if (!(bits >= 0 && bits <= maxBits)) {
    throw new RangeError(`Cannot access bits as the count must be 0 to ${maxBits}: received ${bits}`);
  }
  if (!(bitOffset >= 0 && bitOffset + bits <= bytes.length * 8)) {
    throw new RangeError(
      `Cannot access bits as the range must end within ${bytes.length * 8} bits: received ${bits} bits at ${bitOffset}`,
    );
  }
}

/**
 * Reads `bits` bits at `bitOffset` as an unsigned integer.
 *
 * @param bytes Bit array.
 * @param bitOffset Position of the lowest bit, in bits.
 * @param bits Number of bits, 0 to 32.
 * @returns Value in `[0, 2^bits)`.
 * @throws {RangeError} If `bits` exceeds 32 or the range leaves the array.
 *
 * @example Bits 4 to 11
 * ```ts
 * import { readBits } from "sluice/core/ring/bits.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readBits(Uint8Array.of(0xa5, 0x3c), 4, 8), 0xca);
 * ```
 */
export function readBits(bytes: Uint8Array, bitOffset: number, bits: number): number {
  checkRange(bytes, bitOffset, bits, 32);
  if (bits === 0) return 0;
  const first = Math.floor(bitOffset / 8);
  const shift = bitOffset - first * 8;
  const end = shift + bits;
  let value = bytes[first]! >>> shift;
  if (end > 8) value |= bytes[first + 1]! << (8 - shift);
  if (end > 16) value |= bytes[first + 2]! << (16 - shift);
  if (end > 24) value |= bytes[first + 3]! << (24 - shift);
  if (end > 32) value |= bytes[first + 4]! << (32 - shift);
  return (value & (0xffffffff >>> (32 - bits))) >>> 0;
}

/**
 * Overwrites `bits` bits at `bitOffset` with the low bits of `value`; the bits around them stay.
 *
 * @throws {RangeError} If `bits` exceeds 32 or the range leaves the array.
 */
export function writeBits(bytes: Uint8Array, bitOffset: number, bits: number, value: number): void {
  checkRange(bytes, bitOffset, bits, 32);
  let index = Math.floor(bitOffset / 8);
  let shift = bitOffset - index * 8;
  let rest = value;
  for (let left = bits; left > 0; index++) {
    const count = Math.min(8 - shift, left);
    const mask = (0xff >>> (8 - count)) << shift;
    bytes[index] = (bytes[index]! & ~mask) | ((rest << shift) & mask);
    rest >>>= count;
    left -= count;
    shift = 0;
  }
}

/**
 * XORs the low `bits` bits of `value` into the array at `bitOffset`.
 *
 * @throws {RangeError} If `bits` exceeds 32 or the range leaves the array.
 */
export function xorBits(bytes: Uint8Array, bitOffset: number, bits: number, value: number): void {
  checkRange(bytes, bitOffset, bits, 32);
  let index = Math.floor(bitOffset / 8);
  let shift = bitOffset - index * 8;
  let rest = value;
  for (let left = bits; left > 0; index++) {
    const count = Math.min(8 - shift, left);
    bytes[index]! ^= (rest & (0xff >>> (8 - count))) << shift;
    rest >>>= count;
    left -= count;
    shift = 0;
  }
}

/**
 * Overwrites fields h_i of `bits` bits, one behind the other from `bitOffset` on, with `values[i] - h_i mod 2^bits`: additive shares become the other ones.
 *
 * @throws {RangeError} If `bits` exceeds 32 or the range leaves the array.
 */
export function subtractBits(bytes: Uint8Array, bitOffset: number, bits: number, values: Int32Array): void {
  checkRange(bytes, bitOffset, bits, 32);
  checkRange(bytes, bitOffset + bits * Math.max(0, values.length - 1), bits, 32);
  if (bits === 0) return;
  const mask = 0xffffffff >>> (32 - bits);
  for (let i = 0, bit = bitOffset; i < values.length; i++, bit += bits) {
    const first = Math.floor(bit / 8), shift = bit - first * 8, isLong = bits + shift > 32;
    const low = bytes[first]! | (bytes[first + 1]! << 8) | (bytes[first + 2]! << 16) | (bytes[first + 3]! << 24);
    const high = isLong ? bytes[first + 4]! : 0;
    const next = (values[i]! - (isLong ? (low >>> shift) | (high << (32 - shift)) : low >>> shift)) & mask;
    const word = (low & ~(mask << shift)) | (next << shift);
    bytes[first] = word;
    // Beyond the end of the array nothing is stored.
    bytes[first + 1] = word >>> 8;
    bytes[first + 2] = word >>> 16;
    bytes[first + 3] = word >>> 24;
    if (isLong) bytes[first + 4] = (high & ~(mask >>> (32 - shift))) | (next >>> (32 - shift));
  }
}

/**
 * Reads up to 64 bits as a bigint.
 *
 * @throws {RangeError} If `bits` exceeds 64 or the range leaves the array.
 */
export function readWide(bytes: Uint8Array, bitOffset: number, bits: number): bigint {
  checkRange(bytes, bitOffset, bits, 64);
  if (bits <= 32) return BigInt(readBits(bytes, bitOffset, bits));
  const low = BigInt(readBits(bytes, bitOffset, 32));
  return low | (BigInt(readBits(bytes, bitOffset + 32, bits - 32)) << 32n);
}

/**
 * Overwrites up to 64 bits with the low bits of `value` (two's complement if it is negative).
 *
 * @throws {RangeError} If `bits` exceeds 64 or the range leaves the array.
 */
export function writeWide(bytes: Uint8Array, bitOffset: number, bits: number, value: bigint): void {
  checkRange(bytes, bitOffset, bits, 64);
  writeBits(bytes, bitOffset, Math.min(bits, 32), Number(BigInt.asUintN(32, value)));
  if (bits > 32) writeBits(bytes, bitOffset + 32, bits - 32, Number(BigInt.asUintN(32, value >> 32n)));
}

/**
 * Returns the length of `count` packed elements of `bits` bits: `⌈bits·count / 8⌉` bytes.
 *
 * @throws {RangeError} If `bits` is not 0 to 64 or `count` is not a count.
 */
export function packedBytes(bits: number, count: number): number {
  if (!(Number.isInteger(bits) && bits >= 0 && bits <= 64)) {
    throw new RangeError(`Cannot pack elements as their width must be 0 to 64 bits: received ${bits}`);
  }
  if (!(Number.isSafeInteger(count) && count >= 0)) {
    throw new RangeError(`Cannot pack elements as their count must be a non-negative integer: received ${count}`);
  }
  return Math.ceil((bits * count) / 8);
}

/**
 * Packs the low `bits` bits of every element, element `i` at bit `bits·i`; padding bits at the end are zero.
 *
 * @param words Elements: one word each, or two (low first) if `bits` exceeds 32.
 * @param bits Width of an element, 1 to 64 bits.
 * @param out Where to write, exactly `packedBytes(bits, count)` bytes; a new array if omitted.
 * @returns `out`.
 * @throws {RangeError} If `bits` is not 1 to 64, a two-word element is cut short, or `out` has another length.
 *
 * @example Round trip
 * ```ts
 * import { packBits, unpackBits } from "sluice/core/ring/bits.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const packed = packBits(Uint32Array.of(5, 2, 7), 3);
 *
 * assertEquals(packed, Uint8Array.of(0b11_010_101, 0b1));
 * assertEquals(unpackBits(packed, 3, 3), Uint32Array.of(5, 2, 7));
 * ```
 */
export function packBits(words: Uint32Array, bits: number, out?: Uint8Array): Uint8Array {
  const isWide = bits > 32;
  const count = isWide ? words.length / 2 : words.length;
  const expectedBytes = packedBytes(bits, count);
  const bytes = out ?? new Uint8Array(expectedBytes);
  if (bytes.length !== expectedBytes) {
    throw new RangeError(
      `Cannot pack elements as the output must have ${expectedBytes} bytes: received ${bytes.length}`,
    );
  }
  const lowBits = isWide ? 32 : bits;
  const highBits = isWide ? bits - 32 : bits;
  const lowMask = 0xffffffff >>> (32 - lowBits);
  const highMask = 0xffffffff >>> (32 - highBits);
  let pending = 0;
  let pendingBits = 0;
  let at = 0;
  for (let i = 0; i < words.length; i++) {
    const isHigh = (i & 1) === 1;
    const width = isHigh ? highBits : lowBits;
    const value = words[i]! & (isHigh ? highMask : lowMask);
    pending |= value << pendingBits;
    pendingBits += width;
    if (pendingBits >= 32) {
      bytes[at] = pending;
      bytes[at + 1] = pending >>> 8;
      bytes[at + 2] = pending >>> 16;
      bytes[at + 3] = pending >>> 24;
      at += 4;
      pendingBits -= 32;
      pending = pendingBits === 0 ? 0 : value >>> (width - pendingBits);
    }
  }
  for (; at < expectedBytes; at++) {
    bytes[at] = pending;
    pending >>>= 8;
  }
  return bytes;
}

/**
 * Unpacks `count` elements of `bits` bits: the inverse of {@linkcode packBits}.
 *
 * @param bytes Packed elements, exactly `packedBytes(bits, count)` bytes.
 * @param bits Width of an element, 1 to 64 bits.
 * @param count Number of elements.
 * @param out Where to write, one word per element or two; a new array if omitted.
 * @returns `out`.
 * @throws {RangeError} If `bits` or `count` is out of range, or `out` has another length.
 * @throws {ProtocolError} If `bytes` has another length, or a padding bit is set.
 */
export function unpackBits(bytes: Uint8Array, bits: number, count: number, out?: Uint32Array): Uint32Array {
  const expectedBytes = packedBytes(bits, count);
  if (bytes.length !== expectedBytes) {
    throw new ProtocolError(
      `Cannot unpack elements as ${count} of ${bits} bits must have ${expectedBytes} bytes: received ${bytes.length}`,
    );
  }
  const isWide = bits > 32;
  const wordCount = isWide ? 2 * count : count;
  const words = out ?? new Uint32Array(wordCount);
  if (words.length !== wordCount) {
    throw new RangeError(`Cannot unpack elements as the output must have ${wordCount} words: received ${words.length}`);
  }
  const paddingBits = expectedBytes * 8 - bits * count;
  if (paddingBits > 0 && bytes[expectedBytes - 1]! >>> (8 - paddingBits) !== 0) {
    throw new ProtocolError(
      `Cannot unpack elements as the last ${paddingBits} bits must be zero padding: received ones`,
    );
  }
  const lowBits = isWide ? 32 : bits;
  const highBits = isWide ? bits - 32 : bits;
  const lowMask = 0xffffffff >>> (32 - lowBits);
  const highMask = 0xffffffff >>> (32 - highBits);
  let pending = 0;
  let pendingBits = 0;
  let at = 0;
  for (let i = 0; i < wordCount; i++) {
    const isHigh = (i & 1) === 1;
    const width = isHigh ? highBits : lowBits;
    const mask = isHigh ? highMask : lowMask;
    if (pendingBits >= width) {
      words[i] = pending & mask;
      pending = width === 32 ? 0 : pending >>> width;
      pendingBits -= width;
      continue;
    }
    let next = 0;
    let nextBits = 0;
    for (; nextBits < 32 && at < expectedBytes; nextBits += 8) next |= bytes[at++]! << nextBits;
    words[i] = (pending | (next << pendingBits)) & mask;
    const used = width - pendingBits;
    pending = used === 32 ? 0 : next >>> used;
    pendingBits = nextBits - used;
  }
  return words;
}
