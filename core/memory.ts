/**
 * What lies in an engine's memory: tensors, and the keys of a lane.
 *
 * @module
 */

/** A tensor in engine memory: `count` elements of `wordsPerElement` u32 words. Opaque to everything but its engine. */
export interface Handle {
  /** Elements. */
  readonly count: number;
  /** 1 for rings up to 32 bits, 2 (low word first) above. */
  readonly wordsPerElement: 1 | 2;
}

/** Key bytes of one lane in engine memory: explicit blocks read from the key stream, then what seeds expand to. */
export interface KeyMemory {
  /** Size in bytes. */
  readonly byteLength: number;
  /** A view to read file bytes into; not to be kept past the next engine call. */
  view(offset: number, byteLength: number): Uint8Array;
}

/** One record of a gate's key: `bits` bits for each of `counts[b]` elements of block b, packed from byte `at[b]` of `memory` on. */
export interface RecordView {
  /** Where the bits are. */
  readonly memory: KeyMemory;
  /** Bits of one element. */
  readonly bits: number;
  /** Elements of each block. */
  readonly counts: readonly number[];
  /** Byte offset of each block's record. */
  readonly at: readonly number[];
  /** 1 where this party holds the explicit half: then its one-hot vectors have odd parity. */
  readonly parity: 0 | 1;
  /** Its fields by name, as the gate's plan laid them out. */
  readonly fields: Readonly<Record<string, FieldPlace>>;
}

/** Where a field lies within one element of a record. */
export interface FieldPlace {
  /** First bit. */
  readonly at: number;
  /** Width in bits. */
  readonly bits: number;
}

/** Rows of one lane: `rows` rows in each block, `cols[b]` columns in block b. */
export interface Extent {
  /** Rows of every block. */
  readonly rows: number;
  /** Columns of each block. */
  readonly cols: readonly number[];
}
