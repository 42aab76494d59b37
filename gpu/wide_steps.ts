/**
 * Rings above 32 bits on the GPU engine: which kernel runs on which operands. What they compute is defined in `core/reference.ts`.
 *
 * @module
 */

import type { ExtendStep, RecordView, TruncateStep } from "../core/engine.ts";
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

/** Whether a truncation needs these kernels. */
export function isWideTruncation(step: TruncateStep): boolean {
  return step.inBits > 32 || step.outBits > 32;
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

/** Share of an extension's τ. */
export function extendTop(run: Runner, step: ExtendStep, x: Tensor, given: RecordView, free: RecordView): Tensor {
  const result = ringTensor(run, "top bits", x.count, step.outBits - step.inBits);
  run.run("extend_top", {
    segments: { counts: given.counts },
    operands: { x: each(run, x), given_key: { record: given }, free_key: { record: free }, result: each(run, result) },
    params: { x_wide: x.wordsPerElement, result_wide: result.wordsPerElement, in_bits: step.inBits },
  });
  return result;
}

/** The extended wire. */
export function extendFinish(run: Runner, { inBits, outBits }: ExtendStep, x: Tensor, opened: Tensor): Tensor {
  const result = ringTensor(run, "extended values", x.count, outBits);
  run.run("extend_finish", {
    items: x.count,
    operands: { x: each(run, x), opened: each(run, opened), result: each(run, result) },
    params: {
      x_wide: x.wordsPerElement,
      opened_wide: opened.wordsPerElement,
      result_wide: result.wordsPerElement,
      in_bits: inBits,
      out_bits: outBits,
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
