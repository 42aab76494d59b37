/**
 * Twin of `core/fss/flat_dpf.ts` and `core/fss/permuted.ts` after SPEC.md §4.1 and §4.2: halves are arrays of bits, every predicate is a sum over the points.
 * Imports nothing.
 */

/** All 2^k bits of a half: the last one makes the seed half even and the explicit half odd. */
export function wholeHalf(stored: readonly number[], isExplicit: boolean): number[] {
  const ones = stored.filter((bit) => bit === 1).length;
  return [...stored, (ones + (isExplicit ? 1 : 0)) % 2];
}

/** Share of a predicate of α: the parity of the bits where it holds. */
export function predicate(half: readonly number[], holds: (point: number) => boolean): number {
  return half.filter((bit, point) => bit === 1 && holds(point)).length % 2;
}

/** Share of 1{u = α}. */
export function equal(half: readonly number[], u: number): number {
  return half[u]!;
}

/** Share of 1{u < α}. */
export function less(half: readonly number[], u: number): number {
  return predicate(half, (point) => u < point);
}

/** Σ_j bit(j)·T[(u − j) mod 2^k]: both halves' sums differ by ±T[(u − α) mod 2^k]. */
export function lookup(half: readonly number[], u: number, table: readonly number[]): number {
  return half.reduce((sum, bit, j) => sum + bit * table[(u - j + half.length) % half.length]!, 0);
}

/** The pieces of a comparison's key: level by level a one-hot, then the vectors of its candidates. */
export function pieces(
  chunks: readonly number[],
): { level: number; vector: number | null; from: number; bits: number }[] {
  const out: { level: number; vector: number | null; from: number; bits: number }[] = [];
  let from = 0;
  const piece = (level: number, vector: number | null, bits: number): void => {
    out.push({ level, vector, from, bits });
    from += bits;
  };
  chunks.forEach((k, level) => {
    piece(level, null, 2 ** k - 1);
    for (let i = 0; level > 0 && i < 2 ** (level - 1); i++) piece(level, i, 2 ** k);
  });
  return out;
}

/** A party's shares of all symbols of u < α, without mask bits. */
export function symbols(key: readonly number[], chunks: readonly number[], isExplicit: boolean, u: number): number[] {
  const out: number[] = [];
  let digit = 0, oneHot: number[] = [];
  for (const { level, vector, from, bits } of pieces(chunks)) {
    const stored = key.slice(from, from + bits);
    if (vector === null) {
      digit = Math.floor(u / 2 ** chunks.slice(0, level).reduce((a, b) => a + b, 0)) % 2 ** chunks[level]!;
      oneHot = wholeHalf(stored, isExplicit);
      if (level === 0) out.push(less(oneHot, digit));
    } else {
      // 1{u < α} ⊕ (b ⊕ ρ_i)·1{u = α}, where the vector shares ρ_i·1{u = α}.
      for (const b of [0, 1]) out.push(less(oneHot, digit) ^ (b * equal(oneHot, digit)) ^ stored[digit]!);
    }
  }
  return out;
}

/** Follows opened symbols: the path, and the last selected bit. */
export function follow(opened: readonly number[], chunkCount: number): { path: number; bit: number } {
  let path = 0, bit = opened[0]!;
  for (let level = 1; level < chunkCount; level++) {
    path = 2 * path + bit;
    bit = opened[2 ** level - 1 + path]!;
  }
  return { path, bit };
}

/** Bits of a comparison's key. */
export function comparisonBits(chunks: readonly number[]): number {
  return pieces(chunks).reduce((sum, { bits }) => sum + bits, 0);
}

/** The chunks of a comparison of so many bits whose consumer gives `perPath` bits for each path: the cheapest of all cuts, the first of equal ones. */
export function chooseChunks(bits: number, perPath: number): number[] {
  const cuts = (rest: number, most: number): number[][] => {
    if (rest === 0) return [[]];
    if (most === 0) return [];
    const sizes = [8, 7, 6, 5, 4, 3, 2, 1].filter((size) => size <= rest);
    return sizes.flatMap((size) => cuts(rest - size, most - 1).map((cut) => [size, ...cut]));
  };
  const cost = (chunks: readonly number[]): number => comparisonBits(chunks) + 2 ** (chunks.length - 1) * perPath;
  return cuts(bits, 4).reduce((best, chunks) => cost(chunks) < cost(best) ? chunks : best);
}
