/**
 * Memory of the reference engine: tensors, key records under a cursor, caches.
 *
 * @module
 */

import type { CacheHandle, Handle, KeyMemory, RecordView, Weights } from "../engine.ts";
import type { OneHot } from "../fss/flat_dpf.ts";
import { type KeyCursor, placeOf } from "../kernel.ts";
import { readBits, readWide } from "../ring/bits.ts";
import { fromBigInts, lowWords, toBigInts, wordsPerElement } from "../ring/words.ts";

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
export class Cursor implements KeyCursor {
  readonly bytes: Uint8Array;
  readonly parity: 0 | 1;
  readonly #record: RecordView;
  #block = 0;
  #first = 0;
  /** Bit offset of the current element. */
  at = 0;
  readonly #begin: number;
  /** @param where All bytes in which the record lies, and the byte that its memory begins with. */
  constructor(record: RecordView, where: { readonly bytes: Uint8Array; readonly begin: number }) {
    this.bytes = where.bytes;
    this.#begin = where.begin;
    this.parity = record.parity;
    this.#record = record;
  }
  seek(e: number): this {
    const { counts, at, bits } = this.#record;
    while (e >= this.#first + counts[this.#block]!) this.#first += counts[this.#block++]!;
    this.at = 8 * (this.#begin + at[this.#block]!) + (e - this.#first) * bits;
    return this;
  }
  place(field: string): number {
    return this.at + placeOf(this.#record, field).at;
  }
  oneHot(field: string, bits: number): OneHot {
    return { bytes: this.bytes, at: this.place(field), bits, parity: this.parity };
  }
  word(field: string, bits: number, index = 0): number {
    return bits === 0 ? 0 : readBits(this.bytes, this.place(field) + index * bits, bits);
  }
  part(field: string, from: number, bits: number): number {
    return bits === 0 ? 0 : readBits(this.bytes, this.place(field) + from, bits);
  }
  bit(from: number, bits: number): number {
    return readBits(this.bytes, this.at + from, bits);
  }
  wide(field: string, bits: number, index = 0): bigint {
    return bits === 0 ? 0n : readWide(this.bytes, this.place(field) + index * bits, bits);
  }
}

/** The lowest bits of a field of up to 64 bits, of every element of a record. */
export function recordIntegers(record: RecordView, field: string, bits = placeOf(record, field).bits): bigint[] {
  const cursor = new Cursor(record, { bytes: (record.memory as Keys).bytes, begin: 0 }),
    count = record.counts.reduce((a, b) => a + b, 0);
  return Array.from({ length: count }, (_, e) => cursor.seek(e).wide(field, bits));
}
