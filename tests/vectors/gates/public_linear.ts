/** Public-linear operations, SPEC.md §5.13. */

import {
  add,
  columns,
  distance,
  firstRow,
  lastBlock,
  narrow,
  rotaryAngles,
  rotate,
  rowSum,
} from "../../../core/protocols/local/gate.ts";
import type { LocalOp } from "../../../core/protocols/primitive.ts";
import type { Extent, Wire } from "../../../core/protocols/tensor.ts";
import type { LawInput } from "../../law.ts";
import { type GateCase, type GateVectors, input } from "../gate_vectors.ts";

function of<P>(op: LocalOp<P>, p: P, shown: unknown, ...inputs: readonly LawInput[]): GateCase {
  return {
    name: op.name,
    params: { gate: shown },
    inputs,
    // deno-lint-ignore require-yield -- nothing is opened
    *run(ctx, x) {
      return ctx.local(op, p, ...x as Wire<never>[]);
    },
  };
}

const twoRows: Extent = { rows: 2, cols: [3] }, twoBlocks: Extent = { rows: 1, cols: [2, 2] };
const positions = [0, 7], angles = rotaryAngles(positions, [1, 0.01], 10);

export const vectors: GateVectors = {
  section: "5.13",
  folder: "local",
  free: true,
  letters: ({ inputs: [x] }) => ({ n: x!.ringBits }),
  counts: () => ({}),
  words: {},
  cases: [
    of(add, {}, {}, input("wire", 32, 10, [1, -2]), input("wire", 32, 10, [2 ** 30, -(2 ** 30)])),
    of(narrow, { bits: 12 }, { bits: 12 }, input("wire", 32, 10, [1, -2, 2047, -2048])),
    of(columns, { from: 1, to: 3 }, { from: 1, to: 3 }, input("wire", 32, 10, [1, 2, 3, 4, 5, 6], twoRows)),
    of(rowSum, {}, {}, input("wire", 20, 10, [1, 2, 3, -4, 5, -6], twoRows)),
    of(lastBlock, {}, {}, input("wire", 32, 10, [1, 2, 3, 4], twoBlocks)),
    of(firstRow, {}, {}, input("wire", 32, 10, [1, 2, 3, 4, 5, 6], twoRows)),
    of(
      rotate,
      { angles, angleScale: 10, heads: 1, width: 4 },
      { positions, theta: 10000, angles: [...angles], angleScale: 10, heads: 1, width: 4 },
      input("wire", 32, 10, [1000, -2000, 3000, 4000, 1000, -2000, 3000, 4000], { rows: 1, cols: [4, 4] }),
    ),
    of(
      distance,
      {},
      {},
      input("wire", 20, 0, [3, -2], { rows: 2, cols: [1] }),
      input("wire", 20, 10, [3000, -5, 3071, -2048, -4000, -2049], twoRows),
    ),
  ],
};
