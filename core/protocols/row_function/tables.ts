/**
 * The row functions' tables, one for each group of octaves.
 *
 * @module
 */

import { memo } from "../memo.ts";

/** What {@linkcode rowTable} needs to know of a row function. */
export interface RowTableParams {
  /** 1/√ or 1/. */
  readonly function: "rsqrt" | "reciprocal";
  /** Fractional bits of the entries. */
  readonly scale: number;
  /** Index bits below the leading one at the group's low end. */
  readonly mantissaBits: number;
  /** Octaves of one group. */
  readonly octaves: number;
  /** Divides v before the root. */
  readonly divisor: number;
  /** Added before the root. */
  readonly offset: number;
}

/**
 * One octave group of a row function: entry i holds f of the middle of [i·2^shift, (i+1)·2^shift) where i has its
 * leading one within the group, else 0.
 *
 * @param inScale Fractional bits of v.
 */
export function rowTable(p: RowTableParams, inScale: number, group: { readonly shift: number }): Uint32Array {
  return memo(`row/${JSON.stringify(p)}/${inScale}/${group.shift}`, () => {
    const first = 2 ** p.mantissaBits;
    return Uint32Array.from({ length: 2 ** (p.mantissaBits + p.octaves) }, (_, i) => {
      if (i < first) return 0;
      const v = (i + 0.5) * 2 ** (group.shift - inScale);
      return Math.round(2 ** p.scale * (p.function === "rsqrt" ? 1 / Math.sqrt(v / p.divisor + p.offset) : 1 / v));
    });
  });
}
