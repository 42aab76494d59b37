/**
 * One interface over the flat and the tree DPF: equality, comparison and table lookup at a public point, against a secret `alpha`.
 *
 * A key has two halves. Half 0 and half 1 each draw some bits from their holder's seed (free), and the dealer writes the rest: *explicit* bits
 * go to half 1 alone, *common* bits to both. Which party holds which half is the gate's choice. XORing the two halves' results gives the
 * function of `alpha`.
 *
 * | kind | half 0 draws | half 1 draws | explicit bits | common bits |
 * | --- | --- | --- | --- | --- |
 * | flat | `2^k - 1` | 0 | `2^k - 1` | 0 |
 * | tree | 128 | 128 | 0 | `130·max(0, k - 7) + 2^min(7,k)` |
 */

import { readBits, writeBits } from "../ring/bits.ts";
import { flatEqual, flatLess, flatLookup, genFlat, MAX_FLAT_DOMAIN_BITS, oneHotBits } from "./flat_dpf.ts";
import { evalTreeAll, evalTreeEqual, evalTreeLess, genTreeDpf, TREE_SEED_BYTES, treeDpf } from "./tree_dpf.ts";
import type { TreeDpfKey } from "./tree_dpf.ts";

/** Largest domain of a lookup: 2^12 entries, each of which is touched. */
export const MAX_LOOKUP_DOMAIN_BITS = 12;

/** What the dealer generates a key from: secret but for the salt. */
export interface ComparisonSecrets {
  /** Special point, below 2^domainBits. */
  readonly alpha: bigint;
  /** Bits drawn by half 0 and by half 1: `drawnBits[0]` and `drawnBits[1]` of them, from bit 0 on. */
  readonly drawn: readonly [Uint8Array, Uint8Array];
  /** Session salt, 16 bytes; unused by the flat kind. */
  readonly salt: Uint8Array;
}

/** One half of a key, in place within the holder's streams. */
export interface ComparisonKey {
  /** Which half this is. */
  readonly half: 0 | 1;
  /** Bit array with the bits drawn from the holder's seed; secret. Unused where the half draws none. */
  readonly drawn: Uint8Array;
  /** Position of the first drawn bit. */
  readonly drawnOffset: number;
  /** Bit array with the bits that the dealer wrote: the explicit or the common ones. Unused where the half has none. */
  readonly written: Uint8Array;
  /** Position of the first written bit. */
  readonly writtenOffset: number;
  /** Session salt, 16 bytes; unused by the flat kind. */
  readonly salt: Uint8Array;
}

/** A way to compare a public point with a secret one. */
export interface Comparison {
  /** The DPF behind it. */
  readonly kind: "flat" | "tree";
  /** log2 of the domain size. */
  readonly domainBits: number;
  /** Bits that half 0 and half 1 draw from their holders' seeds. */
  readonly drawnBits: readonly [number, number];
  /** Written bits in half 1's key stream only. */
  readonly explicitBits: number;
  /** Written bits in both key streams. */
  readonly commonBits: number;
  /** Makes the written bits, from bit 0 on; padding bits are zero. Dealer. */
  readonly gen: (secrets: ComparisonSecrets) => Uint8Array;
  /** XOR share of `1{u = alpha}`. */
  readonly evalEqual: (key: ComparisonKey, u: bigint) => 0 | 1;
  /** XOR share of `1{u < alpha}`. */
  readonly evalLess: (key: ComparisonKey, u: bigint) => 0 | 1;
  /** `Σ_j bit(j)·table((u - j) mod 2^domainBits) mod 2^32`; the halves' results differ by `±table((u - alpha) mod 2^domainBits)`. */
  readonly lookup: (key: ComparisonKey, u: bigint, table: (index: number) => number) => number;
}

/** Throws unless the domain is small enough to touch every entry. */
function checkLookup(domainBits: number): void {
  if (domainBits > MAX_LOOKUP_DOMAIN_BITS) {
    throw new RangeError(
      `Cannot look a table up as its domain must have at most ${MAX_LOOKUP_DOMAIN_BITS} bits: received ${domainBits}`,
    );
  }
}

/** Throws unless `u` is a point of the domain; returns it as a number. */
function toPoint(u: bigint, domainBits: number): number {
  if (!(u >= 0n && u < 1n << BigInt(domainBits))) {
    throw new RangeError(`Cannot compare at a point as it must be below 2^${domainBits}: received another value`);
  }
  return Number(u);
}

/** Copies `bits` bits from `bitOffset` on into a new array. */
function copyBits(bytes: Uint8Array, bitOffset: number, bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(bits / 8));
  for (let at = 0; at < bits; at += 32) {
    const width = Math.min(32, bits - at);
    writeBits(out, at, width, readBits(bytes, bitOffset + at, width));
  }
  return out;
}

/**
 * Returns the comparison by a flat DPF.
 *
 * @throws {RangeError} If `domainBits` is not 1 to 16.
 */
export function flatComparison(domainBits: number): Comparison {
  const halfBits = oneHotBits(domainBits);
  const place = (key: ComparisonKey): [Uint8Array, number] =>
    key.half === 0 ? [key.drawn, key.drawnOffset] : [key.written, key.writtenOffset];
  return {
    kind: "flat",
    domainBits,
    drawnBits: [halfBits, 0],
    explicitBits: halfBits,
    commonBits: 0,
    gen: ({ alpha, drawn }) => {
      const half = copyBits(drawn[0], 0, halfBits);
      genFlat(half, 0, domainBits, Number(alpha));
      return half;
    },
    evalEqual: (key, u) => flatEqual(...place(key), domainBits, key.half, toPoint(u, domainBits)),
    evalLess: (key, u) => flatLess(...place(key), domainBits, key.half, toPoint(u, domainBits)),
    lookup: (key, u, table) => {
      checkLookup(domainBits);
      return flatLookup(...place(key), domainBits, key.half, toPoint(u, domainBits), table);
    },
  };
}

/**
 * Returns the comparison by a tree DPF.
 *
 * @throws {RangeError} If `domainBits` is not 1 to 64.
 */
export function treeComparison(domainBits: number): Comparison {
  const params = treeDpf(domainBits);
  const toTreeKey = (key: ComparisonKey): TreeDpfKey => ({
    party: key.half,
    seed: copyBits(key.drawn, key.drawnOffset, 8 * TREE_SEED_BYTES),
    salt: key.salt,
    corrections: key.written,
    bitOffset: key.writtenOffset,
  });
  return {
    kind: "tree",
    domainBits,
    drawnBits: [8 * TREE_SEED_BYTES, 8 * TREE_SEED_BYTES],
    explicitBits: 0,
    commonBits: params.correctionBits,
    gen: ({ alpha, drawn, salt }) => {
      const seeds = drawn.map((bytes) => copyBits(bytes, 0, 8 * TREE_SEED_BYTES));
      return genTreeDpf(params, { alpha, seeds: [seeds[0]!, seeds[1]!], salt });
    },
    evalEqual: (key, u) => evalTreeEqual(params, toTreeKey(key), u),
    evalLess: (key, u) => evalTreeLess(params, toTreeKey(key), u),
    lookup: (key, u, table) => {
      checkLookup(domainBits);
      const point = toPoint(u, domainBits);
      const shares = evalTreeAll(params, toTreeKey(key));
      const last = 2 ** domainBits - 1;
      let sum = 0;
      for (let i = 0; i <= last; i++) sum = (sum + (table((point - i) & last) & -readBits(shares, i, 1))) | 0;
      return sum >>> 0;
    },
  };
}

/**
 * Returns the comparison with fewer written bits, both streams taken together: flat up to 10 bits, tree beyond.
 *
 * @throws {RangeError} If `domainBits` is not 1 to 64.
 *
 * @example The key of a 9-bit and of a 30-bit comparison
 * ```ts
 * import { cheaperComparison } from "sluice/core/fss/comparison.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cheaperComparison(9).explicitBits, 511);
 * assertEquals(cheaperComparison(30).commonBits, 23 * 130 + 128);
 * ```
 */
export function cheaperComparison(domainBits: number): Comparison {
  const tree = treeComparison(domainBits);
  if (domainBits > MAX_FLAT_DOMAIN_BITS) return tree;
  const flat = flatComparison(domainBits);
  return flat.explicitBits <= 2 * tree.commonBits ? flat : tree;
}
