/**
 * What a gate is: four faces of one operation, and the context in which compositions call it.
 *
 * A wire x in Z_{2^n} is carried as the public masked value x̂ = x + r mod 2^n; only the dealer knows r. The *view* says which of these a
 * tensor holds, and a composition that is generic in the view runs under all four interpreters:
 *
 * | view     | holds                                   | running a composition gives              |
 * | -------- | --------------------------------------- | ---------------------------------------- |
 * | `clear`  | exact signed integers                   | the oracle                               |
 * | `plan`   | shapes                                  | the cost and the layout of the keys      |
 * | `mask`   | masks r                                 | the two key streams                      |
 * | `masked` | handles of x̂ in one party's engine      | that party's side of the inference       |
 *
 * Gates are generators. One `yield` is one exchange of the lane: what the parties open now. Nothing here does I/O; the lane runner in `pipeline/`
 * moves the bytes and resumes the gate.
 *
 * @module
 */

import type { CacheHandle, Engine, Extent, Handle, RecordView, Weights } from "../engine.ts";
import { lowMask } from "../ring/words.ts";

export type { Extent } from "../engine.ts";

/** Which of the four kinds of data a tensor holds. */
export type View = "clear" | "plan" | "mask" | "masked";

/** Masks of rings of up to 32 bits, or of wider rings. */
export type MaskWords = Uint32Array | BigUint64Array;

/** The data behind a tensor of each view. */
export interface DataOf {
  /** Exact signed integers, |x| < 2^53. */
  clear: Float64Array;
  /** Nothing: shapes are enough. */
  plan: null;
  /** The dealer's masks r, reduced mod 2^ringBits. */
  mask: MaskWords;
  /** x̂, or a party's share, in its engine. */
  masked: Handle;
}

/** What wires, shares and operands have in common. */
export interface TensorBase<V extends View> {
  /** Which of the four kinds of data `data` holds. */
  readonly view: V;
  /** Ring Z_{2^ringBits}, in bits. */
  readonly ringBits: number;
  /** Number of fractional bits. */
  readonly scale: number;
  /** Rows per block and columns of each block of the lane. */
  readonly extent: Extent;
  /** The values in this view's form. */
  readonly data: DataOf[V];
}

/** A masked value that is public to both parties, or to party 0 alone where only its linear layers read it. */
export interface Wire<V extends View> extends TensorBase<V> {
  /** Tells wires from shares and operands. */
  readonly kind: "wire";
  /** Who has x̂. */
  readonly knownTo: "both" | "party0";
}

/** One party's additive share of a masked value. Never a wire: it has to be opened first. */
export interface Share<V extends View> extends TensorBase<V> {
  /** Tells shares from wires. */
  readonly kind: "share";
}

/** A wire with a standing share of its mask: dealt once, then multiplied any number of times. */
export interface Operand<V extends View> extends TensorBase<V> {
  /** Tells operands from wires. */
  readonly kind: "operand";
  /** The parties' shares of r mod 2^ringBits; the dealer and the clear view need nothing beside `data`. */
  readonly standing: Handle | null;
  /** Where the wire's ring is narrower than `ringBits`: how the product reads it in the wider one. */
  readonly lift: Lift | null;
}

/** What lets a product read a narrow wire in a wider ring: |x| < 2^(fromBits - 2), and shares of its mask's top bit. */
export interface Lift {
  /** Ring of the wire, in bits. */
  readonly fromBits: number;
  /** The parties' shares of msb(r) mod 2^(ringBits - fromBits). */
  readonly top: Handle | null;
}

/** A row statistic together with the operand whose standing share the same key provides. */
export interface Squares<V extends View> {
  /** Tells this pair from single tensors. */
  readonly kind: "squares";
  /** Σ x² of every row. */
  readonly sum: Wire<V>;
  /** x itself. */
  readonly operand: Operand<V>;
}

/** Keys or values of the tokens so far, of one layer and request; `tokens` grows as lanes append. */
export interface Cache<V extends View> {
  /** Tells caches from tensors. */
  readonly kind: "cache";
  /** Which of the four kinds of data `data` holds. */
  readonly view: V;
  /** Ring Z_{2^ringBits}, in bits. */
  readonly ringBits: number;
  /** Number of fractional bits. */
  readonly scale: number;
  /** Values per token. */
  readonly width: number;
  /** Tokens held so far. */
  tokens: number;
  /** Values token after token, in this view's form. */
  data: { clear: Float64Array; plan: null; mask: Uint32Array; masked: CacheHandle }[V];
}

/** The kinds of tensors that gates take and give, by name. */
export interface Kinds<V extends View> {
  /** A masked value. */
  wire: Wire<V>;
  /** A party's share of one. */
  share: Share<V>;
  /** A wire with a standing share of its mask. */
  operand: Operand<V>;
  /** Either is fine: a share is opened first. */
  value: Wire<V> | Share<V>;
  /** A row statistic and its operand. */
  squares: Squares<V>;
  /** Keys or values of the tokens so far. */
  cache: Cache<V>;
}

/** Name of a kind of tensor. */
export type Kind = keyof Kinds<View>;

/** The inputs of a gate for one view, from the tuple of their kinds. */
export type Inputs<V extends View, I extends readonly Kind[]> = { readonly [J in keyof I]: Kinds<V>[I[J] & Kind] };

/** What one exchange opens. */
export interface Opening {
  /** "add": shares of Z_{2^bits}; "xor": XOR shares of packed bits. */
  readonly kind: "add" | "xor";
  /** Low bits of the value that party 0 and party 1 receive, per element; each sends what the other receives. */
  readonly bits: readonly [number, number];
  /** Elements. */
  readonly count: number;
  /** This party's share; null under interpreters that move no data. */
  readonly share: Handle | null;
  /** The peer's packed share; filled by the runner before it resumes the lane. */
  received?: Uint8Array;
  /** The sum; filled from `received` when the gate goes on. A party that receives 0 bits finds its own share here. */
  opened?: Handle;
}

/** A running gate: one yield is one exchange. */
export type Gate<T> = Generator<readonly Opening[], T, void>;

/** What one exchange opens, as data of the plan. */
export type OpeningSize = Pick<Opening, "kind" | "bits" | "count">;

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
  /** x·R_w for the dealer's mask R_w = Ŵ - W of a weight matrix, mod 2^32 or, where x has 64-bit words, mod 2^64; x is row-major. */
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
  /** Bit offset of a field within its record. */
  offset(record: string, field: string): number;
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
   * Where somebody keeps the public coins of dithered rounding: takes the low `bits` bits of every element. A gate calls it at party 1, which knows them all.
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
  /** Public coins of dithered rounding: those that a run has kept for this gate, or fresh ones; `bits` bits for each of `count` elements. */
  coins(bits: number, count: number): Uint32Array;
}

/** Closed-form cost and key layout of one gate. */
export interface GatePlan<K extends Kind> {
  /** Shape, ring and scale of the result. */
  readonly out: Kinds<"plan">[K];
  /** Records of the gate's key, in order. */
  readonly key: readonly KeyRecord[];
  /** One entry per exchange. */
  readonly opens: readonly (readonly OpeningSize[])[];
}

/** A primitive gate: parameters P, input kinds I, output kind K. */
export interface Primitive<P, I extends readonly Kind[], K extends Kind> {
  /** Name of the gate, for cost tables. */
  readonly name: string;
  /**
   * The first input, with what the gate adds to it, lies in [-limit, limit): `clear` asserts it and calibration asks for headroom below it. Gates without one read
   * values that another rule keeps in their range, or any value of the ring.
   */
  readonly limit?: (p: P, x: Inputs<View, I>) => number;
  /** Exact integer semantics; asserts every precondition. */
  readonly clear: (p: P, x: Inputs<"clear", I>, reader: ClearReader) => Kinds<"clear">[K];
  /** Result's type, key layout and openings, from shapes alone. */
  readonly plan: (p: P, x: Inputs<"plan", I>) => GatePlan<K>;
  /** From the masks of the inputs: writes the key, returns the mask of the result. */
  readonly deal: (p: P, x: Inputs<"mask", I>, key: KeyWriter) => Kinds<"mask">[K];
  /** One party's side: yields its openings, returns the masked result. */
  readonly run: (p: P, x: Inputs<"masked", I>, key: KeyReader) => Gate<Kinds<"masked">[K]>;
}

/** A public-linear operation: every view does it by itself, without key or message. Public constants never reach a mask. */
export interface LocalOp<P> {
  /** Name of the operation, for messages. */
  readonly name: string;
  /** Ring, scale and extent of the result. */
  readonly shape: (p: P, x: readonly (Wire<View> | Share<View>)[]) => Pick<Wire<View>, "ringBits" | "scale" | "extent">;
  /** Writes the result over the integers (clear, `constants` true) or over masks (`constants` false; the caller reduces mod 2^ringBits). */
  readonly apply: (
    p: P,
    x: readonly (Wire<"clear" | "mask"> | Share<"clear" | "mask">)[],
    out: Float64Array,
    constants: boolean,
  ) => void;
  /** The same on masked values, in an engine. */
  readonly run: (p: P, x: readonly Wire<"masked">[], engine: Engine) => Handle;
}

/** What a composition sees of its interpreter. Members are function-typed properties: methods are bivariant, and a mask would pass for a masked value. */
export interface Context<V extends View> {
  /** Which interpreter this is. */
  readonly view: V;
  /** Runs a primitive under a name that is unique in this scope: names are the addresses of keys. */
  readonly gate: <P, I extends readonly Kind[], K extends Kind>(
    name: string,
    primitive: Primitive<P, I, K>,
    params: P,
    ...x: Inputs<V, I>
  ) => Gate<Kinds<V>[K]>;
  /** Runs a public-linear operation. */
  readonly local: <P>(op: LocalOp<P>, params: P, ...x: Wire<V>[]) => Wire<V>;
  /** A named part of the address path. */
  readonly scope: (name: string) => Context<V>;
  /** Appends an operand's tokens to a cache. */
  readonly store: (cache: Cache<V>, x: Operand<V>) => void;
}

/** Elements in each block. */
export function blockCounts(extent: Extent): number[] {
  return extent.cols.map((cols) => cols * extent.rows);
}

/** Elements of all blocks. */
export function elementCount(extent: Extent): number {
  let columns = 0;
  for (const cols of extent.cols) columns += cols;
  return columns * extent.rows;
}

/** The extent with the same rows and one column. */
export function columnExtent(extent: Extent): Extent {
  return { rows: extent.rows, cols: extent.cols.map(() => 1) };
}

/** Bits per element of a record. */
export function recordBits(fields: readonly Field[]): number {
  let bits = 0;
  for (const field of fields) bits += field.bits;
  return bits;
}

/** A wire that both parties know. */
export function wire<V extends View>(
  view: V,
  ringBits: number,
  scale: number,
  extent: Extent,
  data: DataOf[V],
): Wire<V> {
  return { kind: "wire", view, ringBits, scale, extent, data, knownTo: "both" };
}

/** A share that has yet to be opened. */
export function share<V extends View>(
  view: V,
  ringBits: number,
  scale: number,
  extent: Extent,
  data: DataOf[V],
): Share<V> {
  return { kind: "share", view, ringBits, scale, extent, data };
}

/** Masks of a ring of at most 32 bits. */
export function maskWords(x: { readonly data: MaskWords }): Uint32Array {
  if (!(x.data instanceof Uint32Array)) {
    throw new TypeError("Internal error: a ring wider than 32 bits reached a 32-bit gate");
  }
  return x.data;
}

/** Room for the masks of `count` elements. */
export function makeMasks(count: number, ringBits: number): MaskWords {
  return ringBits > 32 ? new BigUint64Array(count) : new Uint32Array(count);
}

/** Makes a field of up to 64 bits an additive sharing of a mask. */
export function writeMask(record: RecordWriter, offset: number, bits: number, mask: number | bigint): void {
  if (bits > 32 || typeof mask === "bigint") record.wide(offset, bits, BigInt(mask));
  else record.word(offset, bits, mask);
}

/** The fresh pads of the record "pad" minus what the dealer knows of a product, mod 2^ringBits; `products` is used up. */
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

/** The oracle's integers are exact below this, whatever the ring holds. */
const EXACT = 2 ** 53;

/** Throws unless every value lies in [-limit, limit) and is exact: the oracle's range check. The message names the requirement, never the value. */
export function assertRange(data: Float64Array, wanted: number, what: string): void {
  const limit = Math.min(wanted, EXACT);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!(value >= -limit && value < limit)) {
      throw new RangeError(`Cannot ${what} as the value must lie within ±2^${Math.log2(limit)}`);
    }
  }
}

/** Throws unless both parties know the wire: only linear layers may read one that party 0 alone knows. */
export function assertKnownToBoth(x: Wire<View> | Share<View> | Operand<View>, what: string): void {
  if ("knownTo" in x && x.knownTo !== "both") {
    throw new RangeError(`Cannot ${what} as both parties must know the wire: received one that party 0 alone knows`);
  }
}

/** Throws unless the ring has 1 to 64 bits. */
export function assertRing(ringBits: number, what: string): void {
  if (!(Number.isInteger(ringBits) && ringBits >= 1 && ringBits <= 64)) {
    throw new RangeError(`Cannot ${what} as the ring must have 1 to 64 bits: received ${ringBits}`);
  }
}

/** Throws unless the ring has 1 to 32 bits: one word per element. */
export function assertWordRing(ringBits: number, what: string): void {
  if (!(Number.isInteger(ringBits) && ringBits >= 1 && ringBits <= 32)) {
    throw new RangeError(`Cannot ${what} as the ring must have 1 to 32 bits: received ${ringBits}`);
  }
}

/** Opens one or more shares in one exchange; `sizes` are those of the plan. */
export function* open<T extends readonly (Handle | null)[]>(
  sizes: readonly OpeningSize[],
  ...shares: T
): Gate<{ [J in keyof T]: Handle }> {
  const openings: Opening[] = sizes.map((size, i) => ({ ...size, share: shares[i] ?? null }));
  yield openings;
  return openings.map((opening) => {
    if (opening.opened === undefined) throw new Error("Internal error: a gate was resumed before its openings");
    return opening.opened;
  }) as { [J in keyof T]: Handle };
}

/**
 * Runs independent gates in lockstep: their n-th openings are one exchange, under every interpreter, whatever the timing.
 *
 * @example Two gates of two exchanges each take two exchanges together
 * ```ts
 * import { type Gate, par } from "sluice/core/protocols/gate.ts";
 * import { assertEquals } from "@std/assert";
 *
 * function* twice(result: number): Gate<number> {
 *   yield [];
 *   yield [];
 *   return result;
 * }
 * const both = par(twice(1), twice(2));
 * let exchanges = 0, step = both.next();
 * while (!step.done) {
 *   exchanges++;
 *   step = both.next();
 * }
 * assertEquals([exchanges, step.value], [2, [1, 2]]);
 * ```
 */
export function* par<T extends readonly unknown[]>(...gates: { readonly [J in keyof T]: Gate<T[J]> }): Gate<T> {
  const results: unknown[] = gates.map(() => undefined);
  let live = gates.map((gate, index) => ({ gate: gate as Gate<unknown>, index }));
  while (live.length > 0) {
    const wanted: Opening[] = [];
    live = live.filter(({ gate, index }) => {
      const next = gate.next();
      if (next.done) results[index] = next.value;
      else wanted.push(...next.value);
      return !next.done;
    });
    if (live.length > 0) yield wanted;
  }
  return results as unknown as T;
}
