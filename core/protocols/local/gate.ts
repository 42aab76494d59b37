/**
 * Public-linear operations: every party does them on masked values by itself, the dealer does the same to the masks. No
 * key, no message.
 *
 * @module
 */

import { lowMask } from "../../ring/words.ts";
import type { LocalOp } from "../primitive.ts";
import { columnsOf, DISTANCE, ROTATE, ROW_SUM, shift, sum } from "./kernels.ts";
import { columnExtent, elementCount, makeMasks, maskBits, type MaskWords, type Share, type Wire } from "../tensor.ts";

/** What an operation does to the dealer's masks: without constants, mod 2^ringBits. */
export function onMasks<P>(op: LocalOp<P>, p: P, x: readonly (Wire<"mask"> | Share<"mask">)[]): MaskWords {
  const { ringBits, extent } = op.shape(p, x), count = elementCount(extent);
  if (x.every(({ data }) => !(data instanceof BigUint64Array))) {
    const sums = new Float64Array(count), data = new Uint32Array(count), ring = lowMask(ringBits);
    op.apply(p, x, sums, false);
    for (let i = 0; i < count; i++) data[i] = sums[i]! & ring; // |sums| < 2^53: exact modulo 2^32
    return data;
  }
  // The operation is linear with small coefficients: what it does to the low and the high words is exact, and they meet
  // again mod 2^ringBits.
  const [low, high] = [0, 32].map((from) => {
    const sums = new Float64Array(count);
    op.apply(p, x.map((mask) => ({ ...mask, data: maskBits(mask.data, from, 32) })), sums, false);
    return sums;
  });
  const data = makeMasks(count, ringBits);
  for (let i = 0; i < count; i++) {
    const mask = BigInt.asUintN(ringBits, BigInt(low![i]!) + (BigInt(high![i]!) << 32n));
    data[i] = ringBits > 32 ? mask : Number(mask);
  }
  return data;
}

/** x + y in one ring at one scale. */
export const add: LocalOp<Record<never, never>> = {
  name: "add",
  shape(_p, [x, y]) {
    if (x!.ringBits !== y!.ringBits || x!.scale !== y!.scale) {
      throw new RangeError(
        `Cannot add as ring and scale must agree: received ${x!.ringBits}/${x!.scale} and ${y!.ringBits}/${y!.scale}`,
      );
    }
    return x!;
  },
  apply(_p, [x, y], out) {
    for (let i = 0; i < out.length; i++) out[i] = Number(x!.data[i]!) + Number(y!.data[i]!);
  },
  run: (_p, [x, y], engine) => sum(engine, x!.data, y!.data, x!.ringBits),
};

/** The low bits of a wire, in their own ring: for values that fit there. */
export const narrow: LocalOp<{ readonly bits: number }> = {
  name: "narrow",
  shape(p, [x]) {
    if (!(p.bits >= 1 && p.bits <= x!.ringBits)) {
      throw new RangeError(`Cannot narrow as the ring must have 1 to ${x!.ringBits} bits: received ${p.bits}`);
    }
    return { ...x!, ringBits: p.bits };
  },
  apply(_p, [x], out) {
    for (let i = 0; i < out.length; i++) out[i] = Number(x!.data[i]!);
  },
  run: (p, [x], engine) => shift(engine, x!.data, { in_bits: x!.ringBits, by: 0, out_bits: p.bits }),
};

/** Parameters of {@linkcode columns}. */
export interface ColumnsParams {
  /** First column. */
  readonly from: number;
  /** One past the last column. */
  readonly to: number;
}

/** Columns [from, to) of every row. */
export const columns: LocalOp<ColumnsParams> = {
  name: "columns",
  shape: (p, [x]) => ({
    ...x!,
    extent: { rows: x!.extent.rows, cols: x!.extent.cols.map(() => p.to - p.from) },
  }),
  apply(p, [x], out) {
    let from = 0, to = 0;
    for (const cols of x!.extent.cols) {
      for (let row = 0; row < x!.extent.rows; row++, from += cols) {
        for (let c = p.from; c < p.to; c++) out[to++] = Number(x!.data[from + c]!);
      }
    }
  },
  run: (p, [x], engine) => columnsOf(engine, x!, x!.extent, p),
};

/** Parameters of {@linkcode rotate}. */
export interface RotateParams {
  /**
   * Signed integers (cos, sin) at `angleScale` for each block, token and pair: shape (blocks, tokens, width / 2, 2).
   */
  readonly angles: Int32Array;
  /** Fractional bits of the angles' cosines and sines. */
  readonly angleScale: number;
  /** Heads of a token. */
  readonly heads: number;
  /** Values of one head; even. */
  readonly width: number;
}

/**
 * Rotary position embedding with rotate-half pairs: for j < width / 2,
 * out_j = cos·x_j - sin·x_{j + width/2} and out_{j + width/2} = cos·x_{j + width/2} + sin·x_j. The scale grows by
 * `angleScale`.
 */
export const rotate: LocalOp<RotateParams> = {
  name: "rotate",
  shape: (p, [x]) => ({ ...x!, scale: x!.scale + p.angleScale }),
  apply(p, [x], out) {
    const half = p.width / 2, perToken = p.heads * p.width;
    for (let token = 0; token * perToken < out.length; token++) {
      for (let head = 0; head < p.heads; head++) {
        const at = token * perToken + head * p.width;
        for (let j = 0; j < half; j++) {
          const cos = p.angles[2 * (token * half + j)]!, sin = p.angles[2 * (token * half + j) + 1]!;
          const a = Number(x!.data[at + j]!), b = Number(x!.data[at + half + j]!);
          out[at + j] = cos * a - sin * b;
          out[at + half + j] = cos * b + sin * a;
        }
      }
    }
  },
  run: ({ angles, heads, width }, [x], engine) =>
    engine.step(ROTATE, {
      party: 0,
      reads: { x: x!.data },
      lists: { angles },
      params: { heads, width, ring_bits: x!.ringBits },
    }).result,
};

/**
 * Integer angles of {@linkcode rotate} for tokens at `positions`: cos and sin of position·frequency for every pair,
 * rounded at `scale`.
 */
export function rotaryAngles(positions: readonly number[], frequencies: readonly number[], scale: number): Int32Array {
  const half = frequencies.length, out = new Int32Array(2 * positions.length * half);
  positions.forEach((position, token) => {
    frequencies.forEach((frequency, j) => {
      const angle = position * frequency;
      out[2 * (token * half + j)] = Math.round(Math.cos(angle) * 2 ** scale);
      out[2 * (token * half + j) + 1] = Math.round(Math.sin(angle) * 2 ** scale);
    });
  });
  return out;
}

/**
 * The distance to just above a row's coarse maximum: ((top + 1)·2^scale - x) mod 2^n, always positive. Inputs: top (one
 * column), x.
 */
export const distance: LocalOp<Record<never, never>> = {
  name: "distance",
  shape: (_p, [, x]) => x!,
  apply(_p, [top, x], out, constants) {
    const unit = 2 ** x!.scale;
    let e = 0, row = 0;
    for (const cols of x!.extent.cols) {
      for (let i = 0; i < x!.extent.rows; i++, row++) {
        const above = (Number(top!.data[row]!) + (constants ? 1 : 0)) * unit;
        for (let c = 0; c < cols; c++, e++) out[e] = above - Number(x!.data[e]!);
      }
    }
  },
  run: (_p, [top, x], engine) =>
    engine.step(DISTANCE, {
      party: 0,
      reads: { top: top!.data, x: x!.data },
      extent: x!.extent,
      params: { scale: x!.scale, ring_bits: x!.ringBits },
    }).result,
};

/** Sum of every row. */
export const rowSum: LocalOp<Record<never, never>> = {
  name: "sum",
  shape: (_p, [x]) => ({ ...x!, extent: columnExtent(x!.extent) }),
  apply(_p, [x], out) {
    let e = 0, row = 0;
    for (const cols of x!.extent.cols) {
      for (let i = 0; i < x!.extent.rows; i++, row++) {
        let sum = 0;
        for (let c = 0; c < cols; c++, e++) sum += Number(x!.data[e]!);
        out[row] = sum;
      }
    }
  },
  run: (_p, [x], engine) =>
    engine.step(ROW_SUM, {
      party: 0,
      reads: { x: x!.data },
      extent: x!.extent,
      params: { ring_bits: x!.ringBits },
    }).result,
};

/** The first row of a lane's only block: the token that a classifier reads. */
export const firstRow: LocalOp<Record<never, never>> = {
  name: "first",
  shape: (_p, [x]) => ({ ...x!, extent: { rows: 1, cols: x!.extent.cols } }),
  apply(_p, [x], out) {
    for (let i = 0; i < out.length; i++) out[i] = Number(x!.data[i]!);
  },
  run: (_p, [x], engine) =>
    columnsOf(engine, x!, { rows: 1, cols: [elementCount(x!.extent)] }, { from: 0, to: x!.extent.cols[0]! }),
};

/** The last block of a lane: the token whose logits are wanted. */
export const lastBlock: LocalOp<Record<never, never>> = {
  name: "last",
  shape: (_p, [x]) => ({
    ...x!,
    extent: { rows: x!.extent.rows, cols: x!.extent.cols.slice(-1) },
  }),
  apply(_p, [x], out) {
    const from = x!.data.length - out.length;
    for (let i = 0; i < out.length; i++) out[i] = Number(x!.data[from + i]!);
  },
  run(_p, [x], engine) {
    const total = elementCount(x!.extent), size = x!.extent.rows * x!.extent.cols.at(-1)!;
    return columnsOf(engine, x!, { rows: 1, cols: [total] }, { from: total - size, to: total });
  },
};
