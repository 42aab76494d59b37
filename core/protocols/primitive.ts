/**
 * What a gate is: four faces of one operation, and the context in which compositions call it.
 *
 * @module
 */

import type { Engine, Handle } from "../engine.ts";
import {
  type Cache,
  type Inputs,
  type Kind,
  type Kinds,
  type Operand,
  type Share,
  type TensorType,
  type View,
  type Wire,
} from "./tensor.ts";
import type { ClearReader, KeyReader, KeyRecord, KeyWriter } from "./key.ts";
import type { Gate, OpeningSize } from "./opening.ts";

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
   * The first input, with what the gate adds to it, lies in [-limit, limit): `clear` asserts it and calibration asks
   * for headroom below it. Gates without one read values that another rule keeps in their range, or any value of the
   * ring.
   */
  readonly limit?: (p: P, x: Inputs<View, I>) => number;
  /** Exact integer semantics; asserts every precondition. */
  readonly clear: (p: P, x: Inputs<"clear", I>, reader: ClearReader) => Kinds<"clear">[K];
  /** Result's type, key layout and openings, from shapes alone. */
  readonly plan: (p: P, x: Inputs<"plan", I>) => GatePlan<K>;
  /** From the masks of the inputs: writes the key, returns the mask of the result. */
  readonly deal: (p: P, x: Inputs<"mask", I>, key: KeyWriter) => Kinds<"mask">[K];
  /** One party's side: yields its openings, returns the masked result. */
  readonly run: (p: P, x: Inputs<"masked", I>, key: KeyReader) => Gate<Kinds<"masked">[K], Handle>;
}

/**
 * A public-linear operation: every view does it by itself, without key or message. Public constants never reach a mask.
 */
export interface LocalOp<P> {
  /** Name of the operation, for messages. */
  readonly name: string;
  /** Ring, scale and extent of the result. */
  readonly shape: (p: P, x: readonly (Wire<View> | Share<View>)[]) => TensorType;
  /**
   * Writes the result over the integers (clear, `constants` true) or over masks (`constants` false; the caller reduces
   * mod 2^ringBits).
   */
  readonly apply: (
    p: P,
    x: readonly (Wire<"clear" | "mask"> | Share<"clear" | "mask">)[],
    out: Float64Array,
    constants: boolean,
  ) => void;
  /** The same on masked values, in an engine. */
  readonly run: (p: P, x: readonly Wire<"masked">[], engine: Engine) => Handle;
}

/** What a value is for, said by the composition that reads it: what calibration asks for. */
export interface Role {
  /** Number of the norm that reads it, in the order of the forward pass. */
  readonly norm?: number;
  /**
   * What the next gate reads: of a norm the residual stream, the sum of its squares, its root and the product of both;
   * of an attention the products of queries and keys, all its scores, and what the maximum is taken of; what the
   * activation of a feed-forward layer reads; what that of the head's dense layer does, or the pooler's.
   */
  readonly reads?:
    | "stream"
    | "squares"
    | "root"
    | "product"
    | "score"
    | "unpadded"
    | "coarse"
    | "hidden"
    | "dense"
    | "pooled";
}

/**
 * What a composition sees of its interpreter. Members are function-typed properties: methods are bivariant, and a mask
 * would pass for a masked value.
 */
export interface Context<V extends View> {
  /** Which interpreter this is. */
  readonly view: V;
  /** Runs a primitive under a name that is unique in this place: names are the addresses of keys. */
  readonly gate: <P, I extends readonly Kind[], K extends Kind>(
    name: string,
    primitive: Primitive<P, I, K>,
    params: P,
    ...x: Inputs<V, I>
  ) => Gate<Kinds<V>[K]>;
  /** Runs a public-linear operation. */
  readonly local: <P>(op: LocalOp<P>, params: P, ...x: Wire<V>[]) => Wire<V>;
  /** A named part of the address path. */
  readonly within: (name: string) => Context<V>;
  /** The same place, for a value whose role calibration must know. */
  readonly as: (role: Role) => Context<V>;
  /** Appends an operand's tokens to a cache. */
  readonly store: (cache: Cache<V>, x: Operand<V>) => void;
}

/** The oracle's integers are exact below this, whatever the ring holds. */
const EXACT = 2 ** 53;

/**
 * Throws unless every value lies in [-limit, limit) and is exact: the oracle's range check. The message names the
 * requirement, never the value.
 */
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
