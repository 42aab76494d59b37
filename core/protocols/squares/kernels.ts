/**
 * Sums of squares, for one row (SPEC.md §5.8).
 *
 * @module
 */

import { kernel } from "../../kernel.ts";

/**
 * Share of Σ x² + pad mod 2^q of a row of Z_{2^n}: with u = (x̂ + 2^(n-2)) mod 2^n - 2^(n-2), k = 1 where the mask may have wrapped and b = msb(r),
 * x = u - r + k·b·2^n and x² = u² - 2ur + k·(b·u·2^(n+1) - b·r·2^(n+1) + b·2^(2n)) + r²; the dealer takes r² off.
 */
export const SQUARE_SUM = kernel({
  name: "square_sum",
  over: "row",
  reads: { x: { holds: "masked rows", ring: true, over: "element" } },
  writes: { result: { holds: "share, secret", ring: "out_bits" } },
  records: { given: { fields: ["r", "b", "br"], over: "element" }, free: { record: "pad", fields: ["e"] } },
  params: {
    in_bits: "n, ring of x",
    out_bits: "q, ring of the sums",
    r_bits: "bits of r",
    b_bits: "bits of b",
    br_bits: "bits of b·r",
  },
  byGroup: true,
  costNs: (_, cols) => 5 * cols,
  element({ i, at, ring, given, free, p }) {
    const n = p.in_bits, top = BigInt(n + 1), half = 1n << BigInt(n - 2);
    let sum = free.wide("e", p.out_bits);
    for (let c = 0; c < p.cols; c++) {
      given.seek(at.x + c);
      const shifted = BigInt.asUintN(n, ring.x[at.x + c]! + half),
        u = shifted - half,
        k = 1n - (shifted >> BigInt(n - 1));
      const r = given.wide("r", p.r_bits), b = given.wide("b", p.b_bits), br = given.wide("br", p.br_bits);
      sum += (p.party === 0 ? u * u : 0n) - 2n * u * r + k * (((u * b - br) << top) + (b << BigInt(2 * n)));
    }
    ring.result[i] = sum;
  },
});
