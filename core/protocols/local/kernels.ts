/**
 * Public-linear operations on masked values, for one element or one row.
 *
 * @module
 */

import type { Engine, Extent, Handle } from "../../engine.ts";
import { kernel } from "../../kernel.ts";
import { lowMask } from "../../ring/words.ts";

/** x + y mod 2^n. */
export const ADD = kernel({
  name: "add",
  reads: { x: { holds: "summand", ring: true }, y: { holds: "summand", ring: true } },
  writes: { result: { holds: "sum", ring: "ring_bits" } },
  params: { ring_bits: "n" },
  costNs: () => 0.5,
  element: ({ i, ring }) => ring.result[i] = ring.x[i]! + ring.y[i]!,
});

/** ((x mod 2^n) ≫ by) mod 2^m. */
export const SHIFT = kernel({
  name: "shift",
  reads: { x: { holds: "masked value", ring: true } },
  writes: { result: { holds: "its higher bits", ring: "out_bits" } },
  params: { in_bits: "n, ring of x", by: "bits to drop", out_bits: "m, ring of the result" },
  costNs: () => 0.5,
  element: ({ i, ring, p }) => ring.result[i] = BigInt.asUintN(p.in_bits, ring.x[i]!) >> BigInt(p.by),
});

/** Columns [from, from + width) of every row. */
export const COLUMNS = kernel({
  name: "columns",
  over: "row",
  reads: { x: { holds: "rows", ring: true, over: "element" } },
  writes: { result: { holds: "narrower rows", ring: "ring_bits", per: "width" } },
  params: { column: "first column", width: "columns", ring_bits: "ring of both, for their words" },
  byGroup: true,
  costNs: ({ width }) => width / 2,
  element({ at, ring, p }) {
    for (let c = 0; c < p.width; c++) ring.result[at.result + c] = ring.x[at.x + p.column + c]!;
  },
});

/** Rotary positions of one head of one token, rotate-half pairs: out = cos·x ∓ sin·x_partner mod 2^n. */
export const ROTATE = kernel({
  name: "rotate",
  reads: { x: { holds: "one head", per: "width" } },
  writes: { result: { holds: "the same, turned", per: "width" } },
  lists: { angles: "(cos, sin) of every token and pair, as signed integers" },
  params: { heads: "heads of a token", width: "values of a head, even", ring_bits: "n" },
  byGroup: true,
  costNs: ({ width }) => width,
  element({ i, at, x, p, list }) {
    const half = p.width / 2, token = Math.floor(i / p.heads), ring = lowMask(p.ring_bits), angles = list.angles!;
    for (let j = 0; j < half; j++) {
      const cos = angles[2 * (token * half + j)]!, sin = angles[2 * (token * half + j) + 1]!;
      const a = x.x[at.x + j]!, b = x.x[at.x + half + j]!;
      x.result[at.result + j] = (Math.imul(cos, a) - Math.imul(sin, b)) & ring;
      x.result[at.result + half + j] = (Math.imul(cos, b) + Math.imul(sin, a)) & ring;
    }
  },
});

/** ((top + 1)·2^scale - x) mod 2^n for every x of a row. */
export const DISTANCE = kernel({
  name: "distance",
  over: "row",
  reads: { top: { holds: "one value a row" }, x: { holds: "rows", over: "element" } },
  writes: { result: { holds: "rows", over: "element" } },
  params: { scale: "fractional bits of x", ring_bits: "n" },
  byGroup: true,
  costNs: (_, cols) => cols / 2,
  element({ at, x, p }) {
    const above = (x.top[at.top]! + 1) << p.scale;
    for (let c = 0; c < p.cols; c++) x.result[at.result + c] = (above - x.x[at.x + c]!) & lowMask(p.ring_bits);
  },
});

/** Sum of a row mod 2^n. */
export const ROW_SUM = kernel({
  name: "row_sum",
  over: "row",
  reads: { x: { holds: "rows", over: "element" } },
  writes: { result: { holds: "one value a row" } },
  params: { ring_bits: "n" },
  byGroup: true,
  costNs: (_, cols) => cols / 2,
  element({ at, x, p }) {
    let sum = 0;
    for (let c = 0; c < p.cols; c++) sum = (sum + x.x[at.x + c]!) & lowMask(p.ring_bits);
    x.result[at.result] = sum;
  },
});

/** Calls {@linkcode ADD}. */
export function sum(engine: Engine, x: Handle, y: Handle, ringBits: number): Handle {
  return engine.step(ADD, { party: 0, reads: { x, y }, params: { ring_bits: ringBits } }).result;
}

/** Calls {@linkcode SHIFT}. */
export function shift(
  engine: Engine,
  x: Handle,
  params: { readonly in_bits: number; readonly by: number; readonly out_bits: number },
): Handle {
  return engine.step(SHIFT, { party: 0, reads: { x }, params }).result;
}

/** Calls {@linkcode COLUMNS}. */
export function columnsOf(
  engine: Engine,
  x: { readonly data: Handle; readonly ringBits: number },
  extent: Extent,
  { from, to }: { readonly from: number; readonly to: number },
): Handle {
  const params = { column: from, width: to - from, ring_bits: x.ringBits };
  return engine.step(COLUMNS, { party: 0, reads: { x: x.data }, extent, params }).result;
}
