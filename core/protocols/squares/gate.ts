/**
 * Sum of squares of every row, from wires in Z_{2^n} into Z_{2^m}.
 *
 * With h = 2^(n-2), the spare bit (-h ≤ x < h), u = ((x̂ + h) mod 2^n) - h, k = 1 - msb(x̂ + h) and b = msb(r): x = u -
 * r + k·2^n·b, so
 *
 *   x² = u² - 2u·r + r² + k·(2^(n+1)·b·u - 2^(n+1)·b·r + 2^(2n)·b)   (b² = b, and k·b·(u - r) carries the sign),
 *
 * where shares of r, b and b·r are given and Σr² goes into the row's mask. The shares of r and b serve the next product
 * of x too: the result comes with x as an operand, in the ring that this product has. A sum that is not wider than x, m
 * ≤ n, needs no sign: x² = u² - 2u·r + r² mod 2^m.
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.8
 * - **Exchanges:** `1`   **Sends:** `m` bits per row   **Key:** `max(m, n) + max(0, m - n) + max(0, m - n - 1)` bits
 *   per element
 * - **Source:** [Bea91]'s product, its last entry in the mask; the sign by the spare bit is our own
 *
 * @module
 */

import type { Handle } from "../../engine.ts";
import { type KeyRecord, step } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, assertRing, type Primitive } from "../primitive.ts";
import {
  blockCounts,
  columnExtent,
  type DataOf,
  type Extent,
  type Inputs,
  type Squares,
  type View,
  type Wire,
  wire,
} from "../tensor.ts";
import { SQUARE_SUM } from "./kernels.ts";

/** Parameters of {@linkcode squares}. */
export interface SquaresParams {
  /** Ring of the sums, up to 64 bits; the sum must stay below 2^(outBits - 1). */
  readonly outBits: number;
  /** Ring of the product that reads x next, n to q bits. */
  readonly operandBits: number;
}

function opening(p: SquaresParams, extent: Extent): OpeningSize[] {
  return [{ kind: "add", count: extent.cols.length * extent.rows, bits: [p.outBits, p.outBits] }];
}

/** The sums, and x as an operand with the shares that a party holds. */
function pairOf<V extends View>(
  p: SquaresParams,
  x: Wire<V>,
  data: DataOf[V],
  { standing = null, top = null }: { readonly standing?: Handle | null; readonly top?: Handle | null } = {},
): Squares<V> {
  const lift = p.operandBits > x.ringBits ? { fromBits: x.ringBits, top } : null;
  return {
    kind: "squares",
    sum: wire(x.view, { ringBits: p.outBits, scale: 2 * x.scale, extent: columnExtent(x.extent) }, data),
    operand: { ...x, kind: "operand", ringBits: p.operandBits, standing, lift },
  };
}

/** Given bits of one element: r, b = msb(r) and b·r. */
function fields(q: number, n: number): { readonly r: number; readonly b: number; readonly br: number } {
  return { r: Math.max(q, n), b: Math.max(0, q - n), br: Math.max(0, q - n - 1) };
}

/** x keeps the spare bit free. */
function limit(_p: SquaresParams, [x]: Inputs<View, ["wire"]>): number {
  return 2 ** (x.ringBits - 2);
}

/**
 * Σ x² of every row, and x as an operand.
 *
 * @example A row of three, whose sum is opened
 * ```ts
 * import { clearOf, costOf } from "sluice/core/protocols/cost.ts";
 * import { squares } from "sluice/core/protocols/squares/gate.ts";
 * import { wire } from "sluice/core/protocols/tensor.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { outBits: 40, operandBits: 32 };
 * const x = wire("clear", { ringBits: 32, scale: 10, extent: { rows: 1, cols: [3] } }, Float64Array.of(1, -2, 3));
 *
 * assertEquals([...clearOf(squares, params, [x]).sum.data], [14]);
 * assertEquals(costOf(squares, params, x), { exchanges: 1, sentBytes: [5, 5], keyBits: 3 * (40 + 8 + 7) });
 * ```
 */
export const squares: Primitive<SquaresParams, ["wire"], "squares"> = {
  name: "squares",
  limit,
  clear(p, [x]) {
    assertRange(x.data, limit(p, [x]), `square a ${x.ringBits}-bit value`);
    const data = new Float64Array(x.extent.cols.length * x.extent.rows);
    let e = 0, row = 0;
    for (const cols of x.extent.cols) {
      for (let i = 0; i < x.extent.rows; i++, row++) {
        for (let c = 0; c < cols; c++, e++) data[row]! += x.data[e]! * x.data[e]!;
      }
    }
    assertRange(data, 2 ** (p.outBits - 1), `sum squares in ${p.outBits} bits`);
    return pairOf(p, x, data);
  },
  plan(p, [x]) {
    const n = x.ringBits;
    assertKnownToBoth(x, "square a wire");
    assertRing(n, "square a wire");
    // A narrow wire's sums would rarely fit into its own ring: that they are wider there catches a plan that forgot
    // them.
    const least = n > 32 ? 33 : n + 1, bits = fields(p.outBits, n);
    if (!(p.outBits >= least && p.outBits <= 64)) {
      throw new RangeError(`Cannot sum squares as the ring must have ${least} to 64 bits: received ${p.outBits}`);
    }
    if (!(p.operandBits === n || p.operandBits > n && p.operandBits <= Math.min(32, p.outBits))) {
      throw new RangeError(
        `Cannot sum squares as the operand's ring must have ${n} to ${
          Math.min(32, p.outBits)
        } bits: received ${p.operandBits}`,
      );
    }
    const key: KeyRecord[] = [
      {
        name: "given",
        kind: "given",
        counts: blockCounts(x.extent),
        fields: [{ name: "r", bits: bits.r }, { name: "b", bits: bits.b }, { name: "br", bits: bits.br }],
      },
      {
        name: "pad",
        kind: "free",
        counts: blockCounts(columnExtent(x.extent)),
        fields: [{ name: "e", bits: p.outBits }],
      },
    ];
    return { out: pairOf(p, x, null), key, opens: [opening(p, x.extent)] };
  },
  deal(p, [x], key) {
    const { data: r } = x,
      given = key.record("given"),
      pad = key.record("pad"),
      q = p.outBits,
      n = x.ringBits,
      bits = fields(q, n),
      data = new BigUint64Array(x.extent.cols.length * x.extent.rows);
    let e = 0, row = 0;
    for (const cols of x.extent.cols) {
      for (let i = 0; i < x.extent.rows; i++, row++) {
        let sum = 0n;
        for (let c = 0; c < cols; c++, e++) {
          const mask = BigInt(r[e]!), top = mask >> BigInt(n - 1);
          given.seek(e);
          given.wide(0, bits.r, mask);
          given.wide(bits.r, bits.b, top);
          given.wide(bits.r + bits.b, bits.br, top * mask);
          sum += mask * mask;
        }
        pad.seek(row);
        data[row] = BigInt.asUintN(q, pad.sumWide(0, q) - sum);
      }
    }
    return pairOf(p, x, q <= 32 ? Uint32Array.from(data, Number) : data);
  },
  *run(p, [x], key) {
    const { engine } = key, given = key.record("given"), n = x.ringBits, q = p.outBits, bits = fields(q, n);
    const standing = engine.unpack(given, "r", p.operandBits), missing = p.operandBits - n;
    const top = missing > 0 ? engine.unpack(given, "b", missing) : null;
    const { result } = step(key, SQUARE_SUM, {
      reads: { x: x.data },
      params: { in_bits: n, out_bits: q, r_bits: bits.r, b_bits: bits.b, br_bits: bits.br },
      extent: x.extent,
    });
    const [data] = yield* open(opening(p, x.extent), result);
    return pairOf(p, x, data, { standing, top });
  },
};
