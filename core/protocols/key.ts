/**
 * A gate's key: named records of named fields, how the dealer writes them, and how a party reads its half.
 *
 * @module
 */

import type { Engine, FieldPlace, Handle, RecordView, Weights } from "../engine.ts";
import { type Kernel, type KernelCall, type RecordName, RECORDS } from "../kernel.ts";
import { lowMask } from "../ring/words.ts";
import type { MaskWords } from "./tensor.ts";

/**
 * Where the two halves of a record come from.
 *
 * | kind     | party 0's half                     | party 1's half                 | explicit bits              |
 * | -------- | ---------------------------------- | ------------------------------ | -------------------------- |
 * | `given`  | one of them from a seed, the other in its stream: the plan balances the streams | | one stream |
 * | `given0` | in its stream                      | from its seed                  | party 0's stream           |
 * | `free`   | from its seed                      | from its seed                  | none                       |
 * | `own1`   | nothing                            | from its seed, known whole     | none                       |
 * | `client` | nothing                            | in its stream, known whole     | party 1's stream           |
 * | `common` | in its stream                      | the same bits                  | both streams               |
 */
export type RecordKind = "given" | "given0" | "free" | "own1" | "client" | "common";

/** One named field of a record, in bits per element. */
export interface Field {
  /** Name, unique in its record. */
  readonly name: string;
  /** Width in bits. */
  readonly bits: number;
}

/** A gate's key is a few records: for each element of each block one packed tuple of fields. */
export interface KeyRecord {
  /** Name, unique in its gate. */
  readonly name: string;
  /** Where the two halves come from. */
  readonly kind: RecordKind;
  /** Fields of one element, in order, without gaps. */
  readonly fields: readonly Field[];
  /** Elements in each block of the lane. */
  readonly counts: readonly number[];
}

/** A weight matrix by name; each interpreter finds its own form of it. */
export interface WeightRef {
  /** Name of the matrix. */
  readonly name: string;
  /** Rows: values that a product reads. */
  readonly inputs: number;
  /** Columns: values that a product writes. */
  readonly outputs: number;
}

/** Part of a secret vector of party 0: a bias, or rows of the learned positions. */
export interface ConstantRef {
  /** Name of the vector within the model. */
  readonly name: string;
  /** First element. */
  readonly from: number;
  /** Count of elements. */
  readonly count: number;
}

/** The dealer's cursor over one record: elements are visited in order. */
export interface RecordWriter {
  /** Moves to element e of the lane (ascending). */
  seek(e: number): void;
  /** XORs 1 into the given bit at `offset`. */
  flip(offset: number): void;
  /** Makes the field an additive sharing of `value` mod 2^bits, bits ≤ 32. */
  word(offset: number, bits: number, value: number): void;
  /** The same for fields of one width, one behind the other. */
  words(offset: number, bits: number, values: Int32Array): void;
  /** The same for up to 64 bits. */
  wide(offset: number, bits: number, value: bigint): void;
  /** Makes the field at `offset` a one-hot at alpha and returns party 0's bit at alpha. */
  oneHot(offset: number, k: number, alpha: number): 0 | 1;
  /** Sum of both seed halves mod 2^bits (free records), or party 1's own value. */
  sum(offset: number, bits: number): number;
  /** The same for up to 64 bits. */
  sumWide(offset: number, bits: number): bigint;
  /** XOR of both seed halves. */
  xor(offset: number, bits: number): number;
  /** Party `party`'s own half: the bits of its seed. */
  half(party: 0 | 1, offset: number, bytes: number): Uint8Array;
  /** Writes plain bytes (common records), at a whole byte. */
  bytes(offset: number, value: Uint8Array): void;
}

/** What the dealer's face of a gate sees. */
export interface KeyWriter {
  /** Cursor over a record of this gate, for all blocks of the lane. */
  record(name: string): RecordWriter;
  /** Bit offset of a field within its record. */
  offset(record: string, field: string): number;
  /** Party 1's seed half of a `given0` or `own1` record with one field, for all elements. */
  clientHalf(record: string): MaskWords;
  /**
   * x·R_w for the dealer's mask R_w = Ŵ - W of a weight matrix, mod 2^32 or, where x has 64-bit words, mod 2^64; x is
   * row-major.
   */
  maskProduct(weights: WeightRef, x: MaskWords, rows: number): MaskWords;
  /** Session salt of the tree DPF's node PRG, 16 bytes. */
  readonly salt: Uint8Array;
}

/** What a party's face of a gate sees. */
export interface KeyReader {
  /** Whose face this is. */
  readonly party: 0 | 1;
  /** This party's arithmetic. */
  readonly engine: Engine;
  /** This party's half of a record of this gate, for all blocks of the lane. */
  record(name: string): RecordView;
  /** W at party 0, Ŵ at party 1. */
  weights(ref: WeightRef): Weights;
  /** Party 1's product for this gate, where it was made ahead of the input. */
  prepared(): Handle | null;
  /** Party 0's secret vector of the given name, as words mod 2^32; null for party 1. */
  constants(ref: ConstantRef): Uint32Array | null;
  /** The client's input for this gate as words mod 2^32; null for party 0. */
  input(): Handle | null;
  /** How many tokens of the client's text are real, padding comes after them; null for party 0. */
  realTokens(): number | null;
  /**
   * Where somebody keeps the public coins of dithered rounding: takes the low `bits` bits of every element. A gate
   * calls it at party 1, which knows them all.
   */
  readonly keepCoins: ((coins: Handle, bits: number) => void) | null;
  /** Session salt of the tree DPF's node PRG, 16 bytes. */
  readonly salt: Uint8Array;
}

/** What the clear face of a gate sees. */
export interface ClearReader {
  /** Integer weights, row-major (inputs × outputs). */
  weights(ref: WeightRef): Int32Array;
  /** Integer constants. */
  constants(ref: ConstantRef): Int32Array;
  /** The client's input for this gate, as integers. */
  input(): Float64Array;
  /** How many tokens of the client's text are real; all where absent. */
  readonly realTokens?: number;
  /**
   * Public coins of dithered rounding: those that a run has kept for this gate, or fresh ones; `bits` bits for each of
   * `count` elements.
   */
  coins(bits: number, count: number): Uint32Array;
}

/** Runs a kernel on this party's halves of the gate's records. */
export function step<R extends string, W extends string, P extends string, T extends string>(
  key: KeyReader,
  kernel: Kernel<R, W, P, T>,
  call: Omit<KernelCall<R, P, T>, "party" | "records">,
): Readonly<Record<W, Handle>> {
  const records: Partial<Record<RecordName, RecordView>> = {};
  for (const name of RECORDS) {
    const spec = kernel.records?.[name];
    if (spec !== undefined) records[name] = key.record(spec.record ?? name);
  }
  return key.engine.step(kernel, { ...call, party: key.party, records });
}

/** The record of that name in a gate's plan. */
export function findRecord(records: readonly KeyRecord[], name: string): KeyRecord {
  const record = records.find((candidate) => candidate.name === name);
  if (record === undefined) throw new Error(`Internal error: a gate has no record ${name}`);
  return record;
}

/** Where the fields of a record lie, by name. */
export function fieldPlaces(fields: readonly Field[]): Record<string, FieldPlace> {
  const out: Record<string, FieldPlace> = {};
  let at = 0;
  for (const { name, bits } of fields) {
    out[name] = { at, bits };
    at += bits;
  }
  return out;
}

/** Bits per element of a record. */
export function recordBits(fields: readonly Field[]): number {
  let bits = 0;
  for (const field of fields) bits += field.bits;
  return bits;
}

/** Bit offsets of some fields within their record, by name. */
export function offsets<F extends string>(
  key: Pick<KeyWriter, "offset">,
  record: string,
  fields: readonly F[],
): Readonly<Record<F, number>> {
  return Object.fromEntries(fields.map((field) => [field, key.offset(record, field)])) as Record<F, number>;
}

/** Makes a field of up to 64 bits an additive sharing of a mask. */
export function writeMask(record: RecordWriter, offset: number, bits: number, mask: number | bigint): void {
  if (bits > 32 || typeof mask === "bigint") record.wide(offset, bits, BigInt(mask));
  else record.word(offset, bits, mask);
}

/** data - taken mod 2^bits, in place: what the pads of a formula's result leave of its mask. */
export function subtractTaken(data: Uint32Array, taken: Int32Array, bits: number): void {
  const ring = lowMask(bits);
  for (let e = 0; e < data.length; e++) data[e] = (data[e]! - taken[e]!) & ring;
}

/** Shares masks in a record of one field. */
export function writeMasks(record: RecordWriter, bits: number, masks: MaskWords): void {
  for (let e = 0; e < masks.length; e++) {
    record.seek(e);
    writeMask(record, 0, bits, masks[e]!);
  }
}

/** Where pads lie in the elements of a `free` record, and what they are added to. */
export interface PadPlace {
  /** Bit offset of the field. */
  readonly offset: number;
  /** Width of a pad. */
  readonly bits: number;
  /** Bit of the mask at which a pad is added. */
  readonly at: number;
}

/** Adds the pad of the writer's element to mask e: mask + 2^at·pad mod 2^(at + bits). */
export function addPad(free: RecordWriter, { offset, bits, at }: PadPlace, masks: MaskWords, e: number): void {
  if (masks instanceof BigUint64Array) {
    masks[e] = BigInt.asUintN(at + bits, masks[e]! + (free.sumWide(offset, bits) << BigInt(at)));
  } else masks[e] = (masks[e]! + (free.sum(offset, bits) << at)) & lowMask(at + bits);
}

/**
 * The fresh pads of the record "pad" minus what the dealer knows of a product, mod 2^ringBits; `products` is used up.
 */
export function subtractFromPads(key: KeyWriter, products: MaskWords, ringBits: number): MaskWords {
  const pad = key.record("pad");
  if (products instanceof BigUint64Array) {
    products.forEach((product, e) => {
      pad.seek(e);
      products[e] = BigInt.asUintN(ringBits, pad.sumWide(0, ringBits) - product);
    });
    return products;
  }
  const ring = lowMask(ringBits);
  for (let e = 0; e < products.length; e++) {
    pad.seek(e);
    products[e] = (pad.sum(0, ringBits) - products[e]!) & ring;
  }
  return products;
}
