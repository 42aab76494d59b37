/**
 * The exponential's tables: two digits of t, a factor each.
 *
 * @module
 */

import { memo } from "../memo.ts";

/**
 * e^(-t) by digits: T_low[i] = round(e^(-i/2^s)·2^f), T_high[j] = round(e^(-j·2^kl/2^s)·2^f), whose last entry is 0.
 *
 * @param digits Digit sizes in bits, lowest first.
 * @param scale Fractional bits s of t.
 * @param tableScale Fractional bits f of both tables.
 */
export function expTables(
  digits: readonly [number, number, number],
  scale: number,
  tableScale: number,
): { lowTable: Uint32Array; highTable: Uint32Array } {
  return memo(`exp/${digits}/${scale}/${tableScale}`, () => {
    const [low, high] = digits, one = 2 ** tableScale;
    const lowTable = Uint32Array.from({ length: 2 ** low }, (_, i) => Math.round(Math.exp(-i / 2 ** scale) * one));
    const highTable = Uint32Array.from(
      { length: 2 ** high },
      (_, j) => Math.round(Math.exp(-j * 2 ** (low - scale)) * one),
    );
    highTable[2 ** high - 1] = 0;
    return { lowTable, highTable };
  });
}
