/**
 * Rings above 32 bits on the GPU engine: which kernel runs on which operands. What they compute is defined in `core/reference/engine.ts`.
 *
 * @module
 */

import type { RecordView, TruncateStep, WrapStep } from "../core/engine.ts";
import { pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { fromBigInts } from "../core/ring/words.ts";
import { packChunks } from "./gate_steps.ts";
import type { Runner } from "./runner.ts";
import type { Tensor } from "./tensors.ts";

/** A tensor of ring elements. */
function ringTensor(run: Runner, label: string, count: number, bits: number): Tensor {
  return run.owners.tensor(label, count, bits > 32 ? 2 : 1);
}

/** A tensor of any ring, element by element. */
function each(run: Runner, x: Tensor): ReturnType<Runner["each"]> {
  return run.each(x, x.wordsPerElement);
}

/** What both kernels of a truncation want to know of z. */
function raise({ addend, inBits, by }: TruncateStep, z: Tensor): Record<string, number> {
  const [low, high] = fromBigInts([BigInt(addend) + (1n << BigInt(inBits - 2))], 64);
  return { z_wide: z.wordsPerElement, in_bits: inBits, by, raise_low: low!, raise_high: high! };
}

/** Whether a step needs these kernels. */
export function isWide({ inBits, outBits }: TruncateStep | WrapStep): boolean {
  return inBits > 32 || outBits > 32;
}

/** The low word of every element. */
export function lowWords(run: Runner, x: Tensor): Tensor {
  const result = run.owners.tensor("low words", x.count);
  run.run("columns", {
    segments: { counts: [x.count], words: () => [0, 2] },
    operands: { x: run.each(x, 2), result: run.each(result) },
    params: { column: 0, width: 1 },
  });
  return result;
}

/** x + y mod 2^n. */
export function add(run: Runner, x: Tensor, y: Tensor, ringBits: number): Tensor {
  const result = run.owners.tensor("sum", x.count, 2);
  run.run("add_wide", {
    items: x.count,
    operands: { x: run.each(x, 2), y: run.each(y, 2), result: run.each(result, 2) },
    params: { ring_bits: ringBits },
  });
  return result;
}

/** XOR shares of a truncation's symbols. */
export function truncateSymbols(
  run: Runner,
  step: TruncateStep,
  z: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks } = step, symbols = run.owners.tensor("symbols", z.count);
  run.run("truncate_symbols_wide", {
    segments: { counts: given.counts },
    operands: {
      z: each(run, z),
      given_key: { record: given },
      free_key: { record: free },
      symbols: run.each(symbols),
    },
    params: {
      ...raise(step, z),
      chunks: packChunks(chunks),
      chunk_count: chunks.length,
      parity: given.parity,
      tells: step.full && step.wrapBits > 0 ? 1 : 0,
      symbol_count: symbolCount(chunks.length),
    },
  });
  return symbols;
}

/** Share of the truncated value. */
export function truncateFinish(
  run: Runner,
  step: TruncateStep,
  z: Tensor,
  opened: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks, outBits } = step,
    result = ringTensor(run, "truncated values", z.count, outBits),
    carries = permutedBits(chunks);
  run.run("truncate_finish_wide", {
    segments: { counts: given.counts },
    operands: {
      z: each(run, z),
      opened: run.each(opened),
      given_key: { record: given },
      free_key: { record: free },
      result: each(run, result),
    },
    params: {
      ...raise(step, z),
      result_wide: result.wordsPerElement,
      chunk_count: chunks.length,
      carries,
      out_bits: outBits,
      wrap_bits: step.wrapBits,
      wrap_at: carries + pathCount(chunks.length) * outBits,
      adds: step.adds ? 1 : 0,
      symbol_count: symbolCount(chunks.length),
    },
  });
  return result;
}

/** Values without their lowest bits. */
export function shift(run: Runner, x: Tensor, inBits: number, by: number, bits: number): Tensor {
  const result = ringTensor(run, "shifted values", x.count, bits);
  run.run("shift_wide", {
    items: x.count,
    operands: { x: run.each(x, 2), result: each(run, result) },
    params: { result_wide: result.wordsPerElement, in_bits: inBits, by, out_bits: bits },
  });
  return result;
}

/** Masked values in a ring above 32 bits. */
export function extend(run: Runner, x: Tensor, from: number, top: Tensor | null, to: number): Tensor {
  const result = run.owners.tensor("extended values", x.count, 2);
  run.run("extend_wide", {
    items: x.count,
    operands: { x: each(run, x), top: top === null ? null : each(run, top), result: each(run, result) },
    params: {
      x_wide: x.wordsPerElement,
      top_wide: top?.wordsPerElement ?? 1,
      has_top: top === null ? 0 : 1,
      in_bits: from,
      out_bits: to,
    },
  });
  return result;
}

/** a and the term of the mask's wrap. */
export function addWrap(run: Runner, step: WrapStep, a: Tensor, x: Tensor, c: Tensor): Tensor {
  const result = ringTensor(run, "sum", a.count, step.outBits);
  run.run("add_wrap_wide", {
    items: a.count,
    operands: { a: each(run, a), x: each(run, x), c: each(run, c), result: each(run, result) },
    params: {
      x_wide: x.wordsPerElement,
      c_wide: c.wordsPerElement,
      result_wide: result.wordsPerElement,
      in_bits: step.inBits,
      shift: step.shift,
      subtracts: step.sign < 0 ? 1 : 0,
      out_bits: step.outBits,
    },
  });
  return result;
}
