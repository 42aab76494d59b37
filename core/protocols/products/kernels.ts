/**
 * Element-wise products of operands, for one element or one row (SPEC.md §5.5).
 *
 * @module
 */

import { kernel } from "../../kernel.ts";

const OPERANDS = {
  x: { holds: "masked value", ring: true },
  mask_x: { holds: "share of its mask, secret", ring: true },
  y: { holds: "masked value", ring: true },
  mask_y: { holds: "share of its mask, secret", ring: true },
} as const;

/** [party 0] x̂ŷ - x̂·r_y - r_x·ŷ + pad mod 2^n. */
export const MULTIPLY = kernel({
  name: "multiply",
  reads: OPERANDS,
  writes: { result: { holds: "share, secret", ring: "ring_bits" } },
  records: { free: { record: "pad", fields: ["e"] } },
  params: { ring_bits: "n" },
  costNs: () => 1.5,
  element({ i, ring, free, p }) {
    const x = ring.x[i]!, y = ring.y[i]!, both = p.party === 0 ? x * y : 0n;
    ring.result[i] = both - x * ring.mask_y[i]! - ring.mask_x[i]! * y + free.wide("e", p.ring_bits);
  },
});

/** The same for a y of one column, which multiplies its whole row of x. */
export const MULTIPLY_ROW = kernel({
  name: "multiply_row",
  over: "row",
  reads: {
    ...OPERANDS,
    x: { ...OPERANDS.x, over: "element" },
    mask_x: { ...OPERANDS.mask_x, over: "element" },
  },
  writes: { result: { holds: "share, secret", ring: "ring_bits", over: "element" } },
  records: { free: { record: "pad", fields: ["e"], over: "element" } },
  params: { ring_bits: "n" },
  byGroup: true,
  costNs: (_, cols) => 1.5 * cols,
  element({ i, at, ring, free, p }) {
    const y = ring.y[i]!, mask = ring.mask_y[i]!;
    for (let c = 0, e = at.x; c < p.cols; c++, e++) {
      const x = ring.x[e]!, both = p.party === 0 ? x * y : 0n;
      ring.result[e] = both - x * mask - ring.mask_x[e]! * y + free.seek(e).wide("e", p.ring_bits);
    }
  },
});
