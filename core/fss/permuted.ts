/**
 * Comparison of a public value with a secret one in a single exchange, by *permuted selection* over flat one-hot chunks.
 *
 * For a public u and a secret α of f bits, cut into chunks u_0, …, u_{c-1} (u_0 lowest), level 0 opens
 *
 *   s_0 = 1{u_0 < α_0} ⊕ ρ_0
 *
 * and level j opens, for each mask bit ρ_i of the level below and each b, the candidate under its own mask bit
 *
 *   s_{j,2i+b} = 1{u_j < α_j + (b ⊕ ρ_i)} ⊕ ρ_{j,2i+b},   1{u < α + t} = lt ⊕ t·eq,
 *
 * all in the same exchange. The opened bit of level j-1 selects the candidate of level j, so the last selected bit is 1{u < α} ⊕ ρ_path. The candidates
 * of one pair would leak `eq` under a shared mask bit; each has its own.
 *
 * Key of one element, in this order: the one-hot of α_0 (2^k_0 - 1 bits), then for each level j ≥ 1 the one-hot of α_j (2^k_j - 1 bits) and 2^(j-1)
 * vectors of 2^k_j bits that hold 1 at α_j where ρ_i is 1. All are XOR-shared with one half from a seed. Mask bits are free: 2^c - 1 of them.
 *
 * @module
 */

import { readBits } from "../ring/bits.ts";
import { flatEqual, flatLess, oneHotBits } from "./flat_dpf.ts";

/** Largest chunk that the planner considers: a one-hot of 2^8 - 1 bits. */
export const MAX_CHUNK_BITS = 8;

/** Most chunks that the planner considers: 2^4 - 1 symbols. */
export const MAX_CHUNKS = 4;

/** Number of opened bits of a comparison with `chunkCount` chunks: 2^c - 1. */
export function symbolCount(chunkCount: number): number {
  return 2 ** chunkCount - 1;
}

/** Number of mask bits under which the result may stand: 2^(c-1). */
export function pathCount(chunkCount: number): number {
  return 2 ** (chunkCount - 1);
}

/** Chunk sizes as one word, a byte for each, lowest first. */
export function packChunks(chunks: readonly number[]): number {
  if (chunks.length > 4) {
    throw new RangeError(`Cannot compare as there must be at most 4 chunks: received ${chunks.length}`);
  }
  return chunks.reduce((packed, chunk, i) => packed + chunk * 2 ** (8 * i), 0);
}

/** The same as a list. */
export function unpackChunks(packed: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (packed >>> (8 * i)) & 255);
}

/** Given bits of one element: one-hots and candidate vectors. */
export function permutedBits(chunks: readonly number[]): number {
  let bits = 0;
  chunks.forEach((k, level) => bits += oneHotBits(k) + (level > 0 ? 2 ** (level - 1) * 2 ** k : 0));
  return bits;
}

const chosen = new Map<string, readonly number[]>();

/**
 * Chooses the cheapest chunks for an f-bit comparison whose result needs `wordsBits` given bits for each possible mask bit.
 *
 * @param bits Domain of the comparison in bits, at least 1.
 * @param perPathBits Given bits that the consumer spends for each of the 2^(c-1) paths.
 * @returns Chunk sizes, lowest first; their sum is `bits`.
 */
export function choosePermuted(bits: number, perPathBits: number): readonly number[] {
  const key = `${bits}/${perPathBits}`;
  let best = chosen.get(key);
  if (best !== undefined) return best;
  let bestCost = Infinity;
  const visit = (rest: number, chunks: number[]): void => {
    if (rest === 0) {
      const cost = permutedBits(chunks) + pathCount(chunks.length) * perPathBits;
      if (cost < bestCost) {
        bestCost = cost;
        best = [...chunks];
      }
      return;
    }
    if (chunks.length === MAX_CHUNKS) return;
    for (let k = Math.min(rest, MAX_CHUNK_BITS); k >= 1; k--) visit(rest - k, [...chunks, k]);
  };
  visit(bits, []);
  if (best === undefined) {
    throw new RangeError(
      `Cannot compare as the domain must be 1 to ${MAX_CHUNK_BITS * MAX_CHUNKS} bits: received ${bits}`,
    );
  }
  chosen.set(key, best);
  return best;
}

/**
 * Evaluates one party's XOR shares of all symbols of one comparison; mask bits are not added yet.
 *
 * @param bytes Packed key bits.
 * @param bitOffset Where this element's comparison begins.
 * @param parity 1 for the holder of the explicit half.
 * @param u The public value.
 * @returns Symbol bits: level 0 in bit 0, candidate 2i+b of level j in bit 2^j - 1 + 2i + b.
 */
export function permutedSymbols(
  bytes: Uint8Array,
  bitOffset: number,
  chunks: readonly number[],
  parity: 0 | 1,
  u: number,
): number {
  let at = bitOffset, symbols = 0, rest = u;
  for (let level = 0; level < chunks.length; level++) {
    const k = chunks[level]!, digit = rest & (2 ** k - 1);
    rest >>>= k;
    const half = { bytes, at, bits: k, parity }, less = flatLess(half, digit);
    if (level === 0) {
      symbols = less;
      at += oneHotBits(k);
      continue;
    }
    const equal = flatEqual(half, digit);
    at += oneHotBits(k);
    const base = 2 ** level - 1;
    for (let i = 0; i < 2 ** (level - 1); i++) {
      const candidate = less ^ readBits(bytes, at + digit, 1);
      at += 2 ** k;
      symbols |= (candidate << (base + 2 * i)) | ((candidate ^ equal) << (base + 2 * i + 1));
    }
  }
  return symbols;
}

/**
 * Follows the opened symbols to the last selected bit.
 *
 * @returns `path * 2 + bit`: the index of the mask bit that covers the result, and the masked result.
 */
export function permutedPath(opened: number, chunkCount: number): number {
  let path = 0, bit = opened & 1;
  for (let level = 1; level < chunkCount; level++) {
    path = 2 * path + bit;
    bit = (opened >>> (2 ** level - 1 + path)) & 1;
  }
  return 2 * path + bit;
}

/** What dealing a comparison needs of the record under the cursor. */
export interface PermutedSink {
  /** XORs one given bit of the current element. */
  flip(offset: number): void;
  /** Turns the seed half at `offset` into the explicit half of a one-hot. */
  oneHot(offset: number, k: number, alpha: number): void;
}

/**
 * Deals one comparison at secret `alpha`.
 *
 * @param sink Where the given bits go.
 * @param offset Bit offset of the comparison within its record.
 * @param chunks Chunk sizes, lowest first.
 * @param alpha Secret value; known to the dealer only.
 * @param maskBits The dealer's view of the 2^c - 1 free mask bits, in symbol order.
 * @returns The mask bits of the last level: bit j covers the result of path j.
 */
export function dealPermuted(
  sink: PermutedSink,
  offset: number,
  chunks: readonly number[],
  alpha: number,
  maskBits: number,
): number {
  let at = offset, rest = alpha;
  for (let level = 0; level < chunks.length; level++) {
    const k = chunks[level]!, size = 1 << k, digit = rest & (size - 1), below = (1 << level) >> 1;
    rest >>>= k;
    sink.oneHot(at, k, digit);
    at += size - 1;
    for (let i = 0; i < below; i++, at += size) {
      if (((maskBits >>> (below - 1 + i)) & 1) === 1) sink.flip(at + digit);
    }
  }
  return maskBits >>> (pathCount(chunks.length) - 1);
}
