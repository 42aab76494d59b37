/**
 * The dealer's interpreter: runs the forward pass on masks and writes both parties' key blocks.
 *
 * Of every given record one half is the stream of a seed; the explicit half starts as a copy of it and is corrected in
 * place, so that a one-hot vector costs one flipped bit.
 *
 * @module
 */

import { expandChacha8 } from "../../core/prg/chacha8.ts";
import { address, PURPOSE, type Seed } from "../../core/prg/seed.ts";
import {
  findRecord,
  type KeyRecord,
  type KeyWriter,
  recordBits,
  type RecordWriter,
  type WeightRef,
} from "../../core/protocols/key.ts";
import type { Gate } from "../../core/protocols/opening.ts";
import type { Context, LocalOp, Primitive } from "../../core/protocols/primitive.ts";
import {
  type Cache,
  type Inputs,
  type Kind,
  type Kinds,
  leastKnown,
  makeMasks,
  type Operand,
  type Wire,
  wire,
} from "../../core/protocols/tensor.ts";
import { onMasks } from "../../core/protocols/local/gate.ts";
import { oneHotBits } from "../../core/fss/flat_dpf.ts";
import { readBits, readWide, subtractBits, writeWide, xorBits } from "../../core/ring/bits.ts";
import { lowMask } from "../../core/ring/words.ts";
import { type BlockAddress, type BlockLayout, fieldOffset, type PlacedRecord, recordAddress } from "./layout.ts";

/** What the dealer holds for one session. */
export interface DealerKeys {
  /** Session seeds of party 0 and party 1. */
  readonly seeds: readonly [Seed, Seed];
  /** Session salt of the tree DPF's node PRG, 16 bytes. */
  readonly salt: Uint8Array;
  /** x·R_w mod 2^32 or 2^64, x row-major; an element has the words of the matrix' own. */
  readonly maskProduct: (weights: WeightRef, x: Uint32Array, rows: number) => Uint32Array;
}

/** One block being dealt: both parties' explicit parts, and what their seeds expand to. */
export interface DealtBlock {
  /** Where every record lies. */
  readonly layout: BlockLayout;
  /** What goes into the key streams of party 0 and party 1. */
  readonly explicit: readonly [Uint8Array, Uint8Array];
  /** What the seeds of party 0 and party 1 expand to. */
  readonly seed: readonly [Uint8Array, Uint8Array];
}

/** Expands the seed part of one party's block. */
export function expandBlock(seed: Seed, block: BlockAddress, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  if (bytes > 0) expandChacha8(seed.expose(), address({ purpose: PURPOSE.key, ...block }), out);
  return out;
}

/** One record of one block under the writer's hand. */
interface Segment {
  readonly kind: PlacedRecord["kind"];
  readonly bits: number;
  readonly count: number;
  /** Arrays and byte offsets of both halves. */
  readonly halves: readonly [{ bytes: Uint8Array; at: number } | null, { bytes: Uint8Array; at: number } | null];
  /** Index of the half that is written. */
  readonly written: 0 | 1;
}

class Writer implements RecordWriter {
  readonly #segments: readonly Segment[];
  #index = 0;
  #first = 0;
  #segment: Segment;
  /** Bit offset of the current element within the record. */
  #bit = 0;
  readonly #word = new Int32Array(1);

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
    this.#segment = segments[0]!;
  }
  seek(e: number): void {
    while (e >= this.#first + this.#segment.count) {
      this.#first += this.#segment.count;
      this.#segment = this.#segments[++this.#index]!;
    }
    this.#bit = (e - this.#first) * this.#segment.bits;
  }
  #half(party: 0 | 1): { bytes: Uint8Array; at: number } {
    const half = this.#segment.halves[party];
    if (half === null) throw new Error("Internal error: a party holds no half of this record");
    return half;
  }
  flip(offset: number): void {
    const { bytes, at } = this.#half(this.#segment.written);
    xorBits(bytes, 8 * at + this.#bit + offset, 1, 1);
  }
  word(offset: number, bits: number, value: number): void {
    this.#word[0] = value;
    this.words(offset, bits, this.#word);
  }
  words(offset: number, bits: number, values: Int32Array): void {
    const { bytes, at } = this.#half(this.#segment.written);
    // The explicit half still is a copy of the seed half (all zero where the client's record has none).
    subtractBits(bytes, 8 * at + this.#bit + offset, bits, values);
  }
  wide(offset: number, bits: number, value: bigint): void {
    const { bytes, at } = this.#half(this.#segment.written), bit = 8 * at + this.#bit + offset;
    writeWide(bytes, bit, bits, BigInt.asUintN(bits, value - readWide(bytes, bit, bits)));
  }
  oneHot(offset: number, k: number, alpha: number): 0 | 1 {
    const { bytes, at } = this.#half(this.#segment.written), bit = 8 * at + this.#bit + offset, last = oneHotBits(k);
    if (alpha < last) xorBits(bytes, bit + alpha, 1, 1);
    // The stored bit at α, or the parity that stands for the last one: the explicit half is odd.
    let explicitBit = 1;
    if (alpha < last) explicitBit = readBits(bytes, bit + alpha, 1);
    else for (let i = 0; i < last; i++) explicitBit ^= readBits(bytes, bit + i, 1);
    return (this.#segment.written === 0 ? explicitBit : explicitBit ^ 1) as 0 | 1;
  }
  sum(offset: number, bits: number): number {
    let sum = 0;
    for (const half of this.#segment.halves) {
      if (half !== null) sum += readBits(half.bytes, 8 * half.at + this.#bit + offset, bits);
    }
    return (sum & lowMask(bits)) >>> 0;
  }
  sumWide(offset: number, bits: number): bigint {
    let sum = 0n;
    for (const half of this.#segment.halves) {
      if (half !== null) sum += readWide(half.bytes, 8 * half.at + this.#bit + offset, bits);
    }
    return BigInt.asUintN(bits, sum);
  }
  xor(offset: number, bits: number): number {
    let value = 0;
    for (const half of this.#segment.halves) {
      if (half !== null) value ^= readBits(half.bytes, 8 * half.at + this.#bit + offset, bits);
    }
    return value >>> 0;
  }
  half(party: 0 | 1, offset: number, bytes: number): Uint8Array {
    const half = this.#half(party);
    return Uint8Array.from(
      { length: bytes },
      (_, i) => readBits(half.bytes, 8 * half.at + this.#bit + offset + 8 * i, 8),
    );
  }
  bytes(offset: number, value: Uint8Array): void {
    for (const party of [0, 1] as const) {
      const { bytes, at } = this.#half(party);
      bytes.set(value, at + (this.#bit + offset) / 8);
    }
  }
}

/** The keys of one lane while they are dealt. */
export class LaneDealer {
  readonly #keys: DealerKeys;
  /** The lane's blocks, in order of their positions. */
  readonly blocks: readonly DealtBlock[];

  /** Expands the seed parts and starts every explicit half as a copy of the other half. */
  constructor(keys: DealerKeys, layouts: readonly BlockLayout[], addresses: readonly BlockAddress[]) {
    this.#keys = keys;
    this.blocks = layouts.map((layout, b) => {
      const explicit = [new Uint8Array(layout.explicitBytes[0]), new Uint8Array(layout.explicitBytes[1])] as const;
      const seed = [0, 1].map((p) =>
        expandBlock(keys.seeds[p]!, addresses[b]!, layout.seedBytes[p]!)
      ) as unknown as DealtBlock["seed"];
      for (const { kind, places, bytes } of layout.records.values()) {
        if (kind !== "given" && kind !== "given0") continue;
        const written = places[0]!.part === "explicit" ? 0 : 1, from = places[1 - written]!.offset;
        explicit[written].set(seed[1 - written]!.subarray(from, from + bytes), places[written]!.offset);
      }
      return { layout, explicit, seed };
    });
  }

  /** The writer of one gate. */
  writer(path: string, records: readonly KeyRecord[]): KeyWriter {
    const segments = (name: string): Segment[] => this.#segments(recordAddress(path, findRecord(records, name).name));
    return {
      salt: this.#keys.salt,
      maskProduct: (weights, x, rows) => {
        if (!(x instanceof BigUint64Array)) return this.#keys.maskProduct(weights, x, rows);
        return fromWords(this.#keys.maskProduct(weights, toWords(x), rows));
      },
      offset: (record, field) => fieldOffset(findRecord(records, record), field),
      record: (name) => new Writer(segments(name)),
      clientHalf: (name) => {
        const { counts, fields } = findRecord(records, name),
          out = makeMasks(counts.reduce((a, b) => a + b, 0), recordBits(fields));
        let e = 0;
        for (const { bits, count, halves } of segments(name)) {
          const { bytes, at } = halves[1]!;
          for (let i = 0; i < count; i++) {
            const bit = 8 * at + bits * i;
            out[e++] = bits > 32 ? readWide(bytes, bit, bits) : readBits(bytes, bit, bits);
          }
        }
        return out;
      },
    };
  }

  #segments(recordPath: string): Segment[] {
    const out: Segment[] = [];
    for (const block of this.blocks) {
      const placed = block.layout.records.get(recordPath);
      if (placed === undefined) continue;
      const halves = placed.places.map((place, party) =>
        place === null
          ? null
          : { bytes: (place.part === "explicit" ? block.explicit : block.seed)[party as 0 | 1], at: place.offset }
      ) as unknown as Segment["halves"];
      const written = placed.places[0]?.part === "explicit" ? 0 : 1;
      out.push({ kind: placed.kind, bits: placed.bits, count: placed.count, halves, written });
    }
    return out;
  }
}

/** Elements of two words, low first, as they lie in memory. */
function toWords(x: BigUint64Array): Uint32Array {
  return new Uint32Array(x.buffer, x.byteOffset, 2 * x.length);
}

/** The inverse of {@linkcode toWords}. */
function fromWords(words: Uint32Array): BigUint64Array {
  return new BigUint64Array(words.slice().buffer);
}

/** Context of the dealer. */
export class DealContext implements Context<"mask"> {
  /** The dealer sees masks. */
  readonly view = "mask";
  readonly #lane: LaneDealer;
  readonly #path: string;

  /** Context of a lane below an address path. */
  constructor(lane: LaneDealer, path = "") {
    this.#lane = lane;
    this.#path = path;
  }

  // deno-lint-ignore require-yield -- the dealer opens nothing
  gate = function* <P, I extends readonly Kind[], K extends Kind>(
    this: DealContext,
    name: string,
    primitive: Primitive<P, I, K>,
    params: P,
    ...x: Inputs<"mask", I>
  ): Gate<Kinds<"mask">[K]> {
    const path = this.#path + name;
    // Planning reads shapes only, and masks have the same.
    const { key } = primitive.plan(params, x as unknown as Inputs<"plan", I>);
    return primitive.deal(params, x, this.#lane.writer(path, key));
  }.bind(this) as Context<"mask">["gate"];

  /** Runs a public-linear operation on masks: without constants, mod 2^ringBits. */
  local = <P>(op: LocalOp<P>, params: P, ...x: Wire<"mask">[]): Wire<"mask"> =>
    wire("mask", op.shape(params, x), onMasks(op, params, x), leastKnown(x));

  within = (name: string): DealContext => new DealContext(this.#lane, `${this.#path}${name}/`);

  as = (): DealContext => this;

  store = (cache: Cache<"mask">, x: Operand<"mask">): void => {
    const data = new Uint32Array(cache.data.length + x.data.length);
    data.set(cache.data);
    data.set(x.data as Uint32Array, cache.data.length);
    cache.data = data;
    cache.tokens = data.length / cache.width;
  };
}
