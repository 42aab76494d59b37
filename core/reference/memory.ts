/**
 * Memory of the reference engine: tensors, key records under a cursor, caches.
 *
 * @module
 */

import type { CacheHandle, Extent, Handle, KeyMemory, RecordView, Weights } from "../engine.ts";
import { readBits, readWide } from "../ring/bits.ts";
import { fromBigInts, lowMask, lowWords, toBigInts, wordsPerElement } from "../ring/words.ts";

export class Tensor implements Handle {
  constructor(readonly words: Uint32Array, readonly wordsPerElement: 1 | 2) {}
  get count(): number {
    return this.words.length / this.wordsPerElement;
  }
}

export class Keys implements KeyMemory {
  readonly bytes: Uint8Array;
  constructor(readonly byteLength: number) {
    this.bytes = new Uint8Array(byteLength + 16); // reads of 8 bytes may begin at the last one
  }
  view(offset: number, byteLength: number): Uint8Array {
    return this.bytes.subarray(offset, offset + byteLength);
  }
}

export class Matrix implements Weights {
  constructor(
    readonly words: Uint32Array,
    readonly inputs: number,
    readonly outputs: number,
    readonly wordsPerElement: 1 | 2 = 1,
  ) {}
}

export class CachedTokens implements CacheHandle {
  /** Right operands per token: (x̂ - r or -r, -x̂), interleaved by value. */
  readonly pairs: Uint32Array;
  constructor(readonly capacityTokens: number, readonly widthPerToken: number) {
    this.pairs = new Uint32Array(2 * capacityTokens * widthPerToken);
  }
}

export function words(x: Handle): Uint32Array {
  return (x as Tensor).words;
}

/** A tensor of 32-bit (or narrower) elements. */
export function tensor(data: Uint32Array): Handle {
  return new Tensor(data, 1);
}

/** Elements of any ring as integers. */
export function integers(x: Handle): bigint[] {
  return toBigInts(words(x), x.wordsPerElement === 2 ? 64 : 32);
}

/** Integers as elements of a ring, reduced. */
export function elements(values: readonly bigint[], ringBits: number): Handle {
  return new Tensor(fromBigInts(values, ringBits), wordsPerElement(ringBits));
}

/** The low word of every element. */
export function lowWordsOf(x: Handle): Uint32Array {
  return x.wordsPerElement === 1 ? words(x) : lowWords(words(x));
}

/** Where the elements of a record lie, one after the other. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly parity: 0 | 1;
  readonly #record: RecordView;
  #block = 0;
  #first = 0;
  /** Bit offset of the current element. */
  at = 0;
  constructor(record: RecordView) {
    this.bytes = (record.memory as Keys).bytes;
    this.parity = record.parity;
    this.#record = record;
  }
  /** Moves to element e; elements are visited in ascending order. */
  seek(e: number): this {
    const { counts, at, bits } = this.#record;
    while (e >= this.#first + counts[this.#block]!) this.#first += counts[this.#block++]!;
    this.at = 8 * at[this.#block]! + (e - this.#first) * bits;
    return this;
  }
  /** Field of at most 32 bits of the current element, unsigned. */
  field(offset: number, bits: number): number {
    return bits === 0 ? 0 : readBits(this.bytes, this.at + offset, bits);
  }
  wide(offset: number, bits: number): bigint {
    return bits === 0 ? 0n : readWide(this.bytes, this.at + offset, bits);
  }
}

/** All elements of a record with one field of at most 32 bits. */
export function recordWords(record: RecordView): Uint32Array {
  const out = new Uint32Array(record.counts.reduce((a, b) => a + b, 0)), cursor = new Cursor(record);
  for (let e = 0; e < out.length; e++) out[e] = cursor.seek(e).field(0, record.bits);
  return out;
}

/** All elements of a record with one field of up to 64 bits. */
export function recordIntegers(record: RecordView): bigint[] {
  const cursor = new Cursor(record), count = record.counts.reduce((a, b) => a + b, 0);
  return Array.from({ length: count }, (_, e) => cursor.seek(e).wide(0, record.bits));
}

/** Reduces words mod 2^bits, in place. */
export function reduce(data: Uint32Array, bits: number): Uint32Array {
  if (bits > 0 && bits < 32) { for (let i = 0; i < data.length; i++) data[i]! &= lowMask(bits); }
  return data;
}

/** The ring of a gate step, from the width of its free record: `fixedBits` bits and `wordCount` ring elements. No elements, no ring. */
export function stepRing(free: RecordView, fixedBits: number, wordCount: number): number {
  return Math.max(0, (free.bits - fixedBits) / wordCount);
}

/** Calls `visit(e, row)` for every element and its row. */
export function eachElement(extent: Extent, visit: (e: number, row: number) => void): void {
  let e = 0, row = 0;
  for (const cols of extent.cols) {
    for (let i = 0; i < extent.rows; i++, row++) for (let c = 0; c < cols; c++, e++) visit(e, row);
  }
}

/** +1 where party 0 holds a looked-up value, -1 at party 1: their sum is the difference of both halves. */
export function signOf(party: 0 | 1): 1 | -1 {
  return party === 0 ? 1 : -1;
}
