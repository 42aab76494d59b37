/**
 * The gate steps of the GPU engine: which kernel runs on which operands. What they compute is defined in `core/reference/engine.ts`.
 *
 * @module
 */

import type { ExpDitheredStep, ExpStep, MaximumStep, RecordView, SpliceStep, TruncateStep } from "../core/engine.ts";
import { oneHotBits } from "../core/fss/flat_dpf.ts";
import { pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { lowMask } from "../core/ring/words.ts";
import { elementCounts, pairSegments, Spread } from "./extents.ts";
import { type Runner, total } from "./runner.ts";
import { type Tables, tableWords } from "./tables.ts";
import type { Tensor } from "./tensors.ts";

/** Chunk sizes as one word, a byte for each, lowest first. */
export function packChunks(chunks: readonly number[]): number {
  if (chunks.length > 4) {
    throw new RangeError(`Cannot compare as there must be at most 4 chunks: received ${chunks.length}`);
  }
  return chunks.reduce((packed, chunk, i) => packed + chunk * 2 ** (8 * i), 0);
}

/** Given bits before the words of a step whose key begins with one-hots of these digits. */
function digitBits(digits: readonly number[]): number {
  return total(digits.map(oneHotBits));
}

/** The ring of a gate step, from the width of its free record. */
export function stepRing(free: RecordView, fixedBits: number, wordCount: number): number {
  return Math.max(0, (free.bits - fixedBits) / wordCount);
}

/** XOR shares of the comparison's symbols. */
export function truncateSymbols(
  run: Runner,
  step: TruncateStep,
  z: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks, inBits } = step, symbols = run.owners.tensor("symbols", z.count);
  run.step("truncate_symbols", given, free, {
    operands: { z: run.each(z), symbols: run.each(symbols) },
    params: {
      chunks: packChunks(chunks),
      chunk_count: chunks.length,
      parity: given.parity,
      raise: step.addend + 2 ** (inBits - 2),
      in_bits: inBits,
      by: step.by,
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
  const { chunks, inBits, outBits, by, wrapBits } = step,
    result = run.owners.tensor("truncated values", z.count),
    carries = permutedBits(chunks);
  run.step("truncate_finish", given, free, {
    operands: { z: run.each(z), opened: run.each(opened), result: run.each(result) },
    params: {
      chunk_count: chunks.length,
      carries,
      out_bits: outBits,
      wrap_bits: wrapBits,
      wrap_at: carries + pathCount(chunks.length) * outBits,
      in_bits: inBits,
      by,
      adds: step.adds ? 1 : 0,
      raise: step.addend + 2 ** (inBits - 2),
      symbol_count: symbolCount(chunks.length),
    },
  });
  return result;
}

/** XOR shares of the symbols of every pair. */
export function maximumSymbols(run: Runner, step: MaximumStep, x: Tensor, given: RecordView, free: RecordView): Tensor {
  const { chunks, bits, extent } = step,
    { segments, elements } = pairSegments(extent),
    symbols = run.owners.tensor("symbols", total(segments.counts));
  run.step("maximum_symbols", given, free, {
    segments,
    operands: { x: { tensor: x, range: elements.range((b) => extent.cols[b]! >>> 1) }, symbols: run.each(symbols) },
    params: {
      chunks: packChunks(chunks),
      chunk_count: chunks.length,
      parity: given.parity,
      bits,
      symbol_count: symbolCount(chunks.length),
    },
  });
  return symbols;
}

/** Share of g·(a - b) of every pair. */
export function maximumSelect(
  run: Runner,
  party: 0 | 1,
  step: MaximumStep,
  x: Tensor,
  opened: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks, bits, extent } = step,
    { segments, elements } = pairSegments(extent),
    result = run.owners.tensor("selected values", total(segments.counts));
  run.step("maximum_select", given, free, {
    segments,
    operands: {
      x: { tensor: x, range: elements.range((b) => extent.cols[b]! >>> 1) },
      opened: run.each(opened),
      result: run.each(result),
    },
    params: {
      chunk_count: chunks.length,
      words_at: permutedBits(chunks),
      bits,
      symbol_count: symbolCount(chunks.length),
      is_party0: 1 - party,
    },
  });
  return result;
}

/** The remaining columns of every row. */
export function maximumMerge(run: Runner, step: MaximumStep, x: Tensor, selected: Tensor): Tensor {
  const { rows, cols } = step.extent,
    kept = (b: number): number => (cols[b]! + 1) >>> 1,
    counts = cols.map((_, b) => rows * kept(b)),
    elements = new Spread(counts, elementCounts(step.extent)),
    pairs = new Spread(counts, cols.map((count) => rows * (count >>> 1))),
    result = run.owners.tensor("maxima", total(counts));
  run.run("maximum_merge", {
    segments: { counts, words: (b) => [elements.firstWord(b), cols[b]!], third: (b) => pairs.firstWord(b) },
    operands: {
      x: { tensor: x, range: elements.range(kept) },
      selected: { tensor: selected, range: pairs.range(kept) },
      result: run.each(result),
    },
    params: { ring_mask: lowMask(step.bits) },
  });
  return result;
}

/** Symbols and signed table values of the digits of t. */
export function expSymbols(
  run: Runner,
  tables: Tables,
  party: 0 | 1,
  step: ExpStep,
  t: Tensor,
  given: RecordView,
  free: RecordView,
): { symbols: Tensor; values: Tensor } {
  const [low, high, top] = step.digits,
    symbols = run.owners.tensor("symbols", t.count),
    values = run.owners.tensor("table values", 3 * t.count);
  run.step("exp_symbols", given, free, {
    operands: {
      t: run.each(t),
      tables: { block: tables.get([step.lowTable, step.highTable]) },
      symbols: run.each(symbols),
      values: run.each(values, 3),
    },
    params: {
      low,
      high,
      top,
      parity: given.parity,
      negate: party,
      high_table: tableWords(step.lowTable),
      ring_bits: stepRing(free, 5, 4),
    },
  });
  return { symbols, values };
}

/** XOR share of the clip bit. */
export function expClip(run: Runner, party: 0 | 1, opened: Tensor, free: RecordView): Tensor {
  const clip = run.owners.tensor("clip bits", opened.count);
  run.run("exp_clip", {
    segments: { counts: free.counts },
    operands: { opened: run.each(opened), free_key: { record: free }, clip: run.each(clip) },
    params: { is_party0: 1 - party },
  });
  return clip;
}

/** Share of e^(-t). */
export function expFinish(
  run: Runner,
  step: ExpStep,
  opened: Tensor,
  values: Tensor,
  clip: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const result = run.owners.tensor("exponentials", opened.count);
  run.step("exp_finish", given, free, {
    operands: { opened: run.each(opened), values: run.each(values, 3), clip: run.each(clip), result: run.each(result) },
    params: { words_at: digitBits(step.digits), ring_bits: stepRing(free, 5, 4) },
  });
  return result;
}

/** Signed table values of both digits of a dithered exponential. */
export function expDitheredValues(
  run: Runner,
  tables: Tables,
  party: 0 | 1,
  step: ExpDitheredStep,
  t: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const [low, high] = step.digits, values = run.owners.tensor("table values", 2 * t.count);
  run.step("exp_dithered_values", given, free, {
    operands: {
      t: run.each(t),
      tables: { block: tables.get([step.lowTable, step.highTable]) },
      values: run.each(values, 2),
    },
    params: {
      skip: step.skip,
      low,
      high,
      parity: given.parity,
      negate: party,
      high_table: tableWords(step.lowTable),
      ring_bits: stepRing(free, 0, 3),
    },
  });
  return values;
}

/** Share of the dithered exponential. */
export function expDitheredFinish(
  run: Runner,
  step: ExpDitheredStep,
  values: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const result = run.owners.tensor("exponentials", values.count / 2);
  run.step("exp_dithered_finish", given, free, {
    operands: { values: run.each(values, 2), result: run.each(result) },
    params: { words_at: digitBits(step.digits), ring_bits: stepRing(free, 0, 3) },
  });
  return result;
}

/** Symbols and signed table values of a splice. */
export function spliceSymbols(
  run: Runner,
  tables: Tables,
  party: 0 | 1,
  step: SpliceStep,
  x: Tensor,
  given: RecordView,
  free: RecordView,
): { symbols: Tensor; values: Tensor } {
  const [low, index, top] = step.digits,
    symbols = run.owners.tensor("symbols", x.count),
    values = run.owners.tensor("table values", 2 * x.count);
  run.step("splice_symbols", given, free, {
    operands: {
      x: run.each(x),
      tables: { block: tables.get([step.table]) },
      symbols: run.each(symbols),
      values: run.each(values, 2),
    },
    params: { skip: step.skip, low, index, top, parity: given.parity, negate: party, value_bits: step.valueBits },
  });
  return { symbols, values };
}

/** XOR shares of pos, w_0 and w_1. */
export function spliceBits(
  run: Runner,
  party: 0 | 1,
  step: SpliceStep,
  opened: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const result = run.owners.tensor("splice bits", opened.count);
  run.step("splice_bits", given, free, {
    operands: { opened: run.each(opened), result: run.each(result) },
    params: { pairs_at: digitBits(step.digits), is_party0: 1 - party },
  });
  return result;
}

/** Share of the spliced function. */
export function spliceFinish(
  run: Runner,
  party: 0 | 1,
  step: SpliceStep,
  x: Tensor,
  values: Tensor,
  bits: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const result = run.owners.tensor("spliced values", x.count);
  run.step("splice_finish", given, free, {
    operands: { x: run.each(x), values: run.each(values, 2), opened: run.each(bits), result: run.each(result) },
    params: {
      words_at: digitBits(step.digits) + 6,
      in_bits: step.inBits,
      value_bits: step.valueBits,
      ring_bits: step.ringBits,
      is_party0: 1 - party,
    },
  });
  return result;
}
