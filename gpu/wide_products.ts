/**
 * Products in rings above 32 bits: which kernels multiply elements of two words. What they compute is defined in `core/reference/engine.ts`.
 *
 * @module
 */

import type { Extent, RecordView } from "../core/engine.ts";
import { elementSegments, rowSegments } from "./extents.ts";
import { type Matrix, slicesOf } from "./products.ts";
import { perItem, type Runner, type TensorOperand, total, type WordRange } from "./runner.ts";
import type { Tensor } from "./tensors.ts";

/** A range that counts elements, in words. */
function twice(range: WordRange): WordRange {
  return (first, end) => {
    const [from, to] = range(first, end);
    return [2 * from, 2 * to];
  };
}

/** Elements [first, end) of a temporary tensor whose first element is element `origin`. */
function part(tensor: Tensor, origin: number): TensorOperand {
  return { tensor, origin: 2 * origin, range: (from, to) => [2 * (from - origin), 2 * (to - origin)] };
}

/** (x - mask)·W + pad mod 2^n; without a pad mod 2^64. */
export function linear(
  run: Runner,
  x: Tensor | null,
  mask: RecordView | null,
  matrix: Matrix,
  pad: RecordView | null,
  rows: number,
): Tensor {
  const { inputs, outputs } = matrix, result = run.owners.tensor(`product of ${rows} × ${outputs}`, rows * outputs, 2);
  if (result.count === 0) return result;
  // Rows go in passes whose temporary tensors fit into a binding.
  const slices = slicesOf(matrix, rows),
    rowWords = 2 * Math.max(inputs, outputs * slices.length),
    passRows = Math.max(1, Math.min(rows, Math.floor((run.device.bindingBytes - 512) / (4 * rowWords))));
  for (let first = 0; first < rows; first += passRows) {
    const end = Math.min(rows, first + passRows), pass = { first, end, slices };
    if (mask === null && x !== null) {
      multiplyRows(run, x, 0, matrix, pad, result, pass);
      continue;
    }
    run.owners.temporary(`shares of ${end - first} × ${inputs}`, 2 * (end - first) * inputs, (shares) => {
      if (mask === null) throw new Error("Internal error: a product has neither an input nor a mask");
      run.run("subtract_mask_wide", {
        first: first * inputs,
        items: end * inputs,
        segments: { counts: mask.counts },
        operands: {
          x: x === null ? null : run.each(x, 2),
          given_key: { record: mask },
          result: part(shares, first * inputs),
        },
        params: { has_x: x === null ? 0 : 1 },
      });
      multiplyRows(run, shares, first * inputs, matrix, pad, result, pass);
    });
  }
  return result;
}

/** Rows [first, end) of the result; `origin` is the element of x that its tensor begins with. */
function multiplyRows(
  run: Runner,
  x: Tensor,
  origin: number,
  { inputs, outputs }: Matrix,
  pad: RecordView | null,
  result: Tensor,
  { first, end, slices }: {
    readonly first: number;
    readonly end: number;
    readonly slices: ReturnType<typeof slicesOf>;
  },
): void {
  const rows = end - first, label = `partial products of ${rows} × ${outputs}`;
  run.owners.temporary(label, 2 * slices.length * rows * outputs, (tensor) => {
    const product = { tensor, origin: 2 * first * outputs };
    let sliceFirst = 0;
    for (const { part, count, inputs: sliceInputs } of slices.slices) {
      run.run("matrix_wide", {
        first,
        items: end,
        operands: {
          x: {
            tensor: x,
            origin: 2 * origin,
            range: (from, to) => [2 * (from * inputs - origin), 2 * (to * inputs - origin)],
          },
          weights: { block: part.blocks[0]! },
          product,
        },
        params: {
          rows,
          inputs,
          outputs,
          input_first: part.first,
          input_end: part.end,
          slice_first: sliceFirst,
          slice_inputs: sliceInputs,
        },
        grid: (from, to) => [Math.ceil(outputs / 64), Math.ceil((to - from) / 4), count],
      });
      sliceFirst += count;
    }
    run.run("finish_product_wide", {
      first: first * outputs,
      items: end * outputs,
      segments: { counts: pad?.counts ?? [result.count] },
      operands: {
        product,
        given_key: pad === null ? null : { record: pad },
        result: run.each(result, 2),
      },
      params: {
        slices: slices.length,
        count: rows * outputs,
        has_pad: pad === null ? 0 : 1,
        given_bits: 0,
        ring_bits: pad === null ? 64 : pad.bits,
      },
    });
  });
}

/** Share of x·y + pad, y broadcast over the columns where it has one. */
export function multiply(
  run: Runner,
  party: 0 | 1,
  x: Tensor,
  maskX: Tensor,
  y: Tensor,
  maskY: Tensor,
  extent: Extent,
  broadcast: boolean,
  pad: RecordView,
): Tensor {
  const result = run.owners.tensor("product", x.count, 2),
    { segments, rows } = elementSegments(extent),
    range = twice(broadcast ? rows.range((b) => extent.cols[b]!) : perItem(1));
  if (x.count === 0) return result;
  run.run("multiply_wide", {
    segments,
    operands: {
      x: run.each(x, 2),
      mask_x: run.each(maskX, 2),
      y: { tensor: y, range },
      mask_y: { tensor: maskY, range },
      free_key: { record: pad },
      result: run.each(result, 2),
    },
    params: { broadcast: broadcast ? 1 : 0, is_party0: 1 - party },
  });
  return result;
}

/** Share of Σ x² of every row, for x of more than 32 bits. */
export function squareSum(
  run: Runner,
  party: 0 | 1,
  x: Tensor,
  extent: Extent,
  inBits: number,
  outBits: number,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { segments, elements } = rowSegments(extent),
    result = run.owners.tensor("square sums", total(segments.counts), 2);
  run.run("square_sum_wide", {
    segments,
    operands: {
      x: { tensor: x, range: twice(elements.range(() => 1)) },
      given_key: { record: given, perItem: (b) => extent.cols[b]! },
      free_key: { record: free },
      result: run.each(result, 2),
    },
    params: { ring_bits: inBits, out_bits: outBits, is_party0: 1 - party },
    itemsPerGroup: 1,
  });
  return result;
}
