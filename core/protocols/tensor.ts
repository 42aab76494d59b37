/**
 * What flows between gates: wires, shares, operands and caches, each in one of four views.
 *
 * A wire x in Z_{2^n} is carried as the public masked value x̂ = x + r mod 2^n; only the dealer knows r. The *view*
 * says which of these a tensor holds, and a composition that is generic in the view runs under all four interpreters:
 *
 * | view     | holds                                   | running a composition gives              |
 * | -------- | --------------------------------------- | ---------------------------------------- |
 * | `clear`  | exact signed integers                   | the oracle                               |
 * | `plan`   | shapes                                  | the cost and the layout of the keys      |
 * | `mask`   | masks r                                 | the two key streams                      |
 * | `masked` | handles of x̂ in one party's engine      | that party's side of the inference       |
 *
 * @module
 */

import type { CacheHandle, Extent, Handle } from "../engine.ts";
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
  /** A public number: gates read it as it is. */
  readonly kind: "wire";
  /** Who has x̂. */
  readonly knownTo: "both" | "party0";
}

/** One party's additive share of a masked value. Never a wire: it has to be opened first. */
export interface Share<V extends View> extends TensorBase<V> {
  /** Half of a secret: gates that read wires refuse it at compile time. */
  readonly kind: "share";
}

/** A wire with a standing share of its mask: dealt once, then multiplied any number of times. */
export interface Operand<V extends View> extends TensorBase<V> {
  /** What products read; made by `hold` or `squares`. */
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
  /** A pair: gates read its parts. */
  readonly kind: "squares";
  /** Σ x² of every row. */
  readonly sum: Wire<V>;
  /** x itself. */
  readonly operand: Operand<V>;
}

/** Keys or values of the tokens so far, of one layer and request; `tokens` grows as lanes append. */
export interface Cache<V extends View> {
  /** Grows in place: gates read it and never give one back. */
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

/** Ring, scale and shape of a tensor. */
export type TensorType = Pick<TensorBase<View>, "ringBits" | "scale" | "extent">;

/** A wire of the ring, scale and shape of another tensor or of a type; both parties know it unless said otherwise. */
export function wire<V extends View>(
  view: V,
  { ringBits, scale, extent }: TensorType,
  data: DataOf[V],
  knownTo: "both" | "party0" = "both",
): Wire<V> {
  return { kind: "wire", view, ringBits, scale, extent, data, knownTo };
}

/** A share that has yet to be opened, of the ring, scale and shape of another tensor or of a type. */
export function share<V extends View>(view: V, { ringBits, scale, extent }: TensorType, data: DataOf[V]): Share<V> {
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

/** Bits [from, from + bits) of every mask. */
export function maskBits(masks: MaskWords, from: number, bits: number): MaskWords {
  const out = makeMasks(masks.length, bits);
  if (bits > 32) {
    for (let e = 0; e < out.length; e++) out[e] = BigInt.asUintN(bits, BigInt(masks[e]!) >> BigInt(from));
    return out;
  }
  // Of a wide mask two words at most hold them: those of typed arrays lie low first on every machine that runs Deno.
  const wide = masks instanceof BigUint64Array, words = wide ? new Uint32Array(masks.buffer, masks.byteOffset) : masks;
  const step = wide ? 2 : 1,
    first = from >>> 5,
    shift = from & 31,
    ring = lowMask(bits),
    joins = wide && from < 32 && shift > 0;
  for (let e = 0, at = first; e < out.length; e++, at += step) {
    out[e] = (words[at]! >>> shift | (joins ? words[at + 1]! << (32 - shift) : 0)) & ring;
  }
  return out;
}

/** Who knows the result of a local operation: whoever knows all of its inputs. */
export function leastKnown(x: readonly Pick<Wire<View>, "knownTo">[]): "both" | "party0" {
  return x.every((input) => input.knownTo === "both") ? "both" : "party0";
}
