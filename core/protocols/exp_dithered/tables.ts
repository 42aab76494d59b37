/**
 * The dithered exponential's tables: two digits of t, a factor each, the low digit signed.
 *
 * @module
 */

import { memo } from "../memo.ts";

/**
 * Tables of the exponential without a carry: T_low[d mod 2^(low+1)] = round(e^(-d/2^s)·2^(f-1)) for -2^low < d < 2^low,
 * but one unit less at d = 0, and T_high[D] = round(e^(-D·2^low/2^s)·2^(f+1)).
 *
 * @param digits Digit sizes in bits, lowest first.
 * @param scale Fractional bits s of the rounded t.
 * @param tableScale f: the product has 2·f fractional bits.
 */
export function expDitheredTables(
  digits: readonly [number, number],
  scale: number,
  tableScale: number,
): { lowTable: Uint32Array; highTable: Uint32Array } {
  return memo(`exp_dithered/${digits}/${scale}/${tableScale}`, () => {
    const [low, high] = digits, points = 2 ** (low + 1);
    const lowTable = Uint32Array.from({ length: points }, (_, i) => {
      const d = i < points / 2 ? i : i - points;
      // One unit less than 1 at 0: so every value is below 1, and the sum of n of them below n.
      if (d === 0) return 2 ** (tableScale - 1) - 1;
      return d === -points / 2 ? 0 : Math.round(Math.exp(-d / 2 ** scale) * 2 ** (tableScale - 1));
    });
    const highTable = Uint32Array.from(
      { length: 2 ** high },
      (_, top) => Math.round(Math.exp(-top * 2 ** (low - scale)) * 2 ** (tableScale + 1)),
    );
    return { lowTable, highTable };
  });
}
