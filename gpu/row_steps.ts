/**
 * The gate steps of row functions on the GPU.
 *
 * @module
 */

import type { RecordView, RowStep } from "../core/engine.ts";
import { oneHotBits } from "../core/fss/flat_dpf.ts";
import { pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { packChunks, stepRing } from "./gate_steps.ts";
import { type Runner, total } from "./runner.ts";
import { type Tables, tableWords } from "./tables.ts";
import type { Tensor } from "./tensors.ts";

/** Thresholds of a row fit into one word. */
const MAX_GROUPS = 33;

/** Bit offsets within a row's records, and the octave groups as the kernels read them. */
function layout(step: RowStep, free: RecordView) {
  const { groups, indexBits } = step, width = Math.max(...groups.map(({ chunks }) => symbolCount(chunks.length)));
  if (groups.length > MAX_GROUPS) {
    throw new RangeError(
      `Cannot run a row function as it must have at most ${MAX_GROUPS} groups: received ${groups.length}`,
    );
  }
  const symbols = 128 + groups.length - 1,
    values = symbols + groups.length * width,
    ringBits = stepRing(free, values, 2 * groups.length + 1),
    octaves: number[] = [];
  let at = 0, table = 0;
  for (const { chunks, shift, fromBit, table: entries } of groups) {
    const hot = at + permutedBits(chunks), words = hot + oneHotBits(indexBits);
    octaves.push(packChunks(chunks), chunks.length, shift, at, hot, words, table, symbolCount(chunks.length));
    octaves.push(fromBit < 32 ? 2 ** fromBit : 0, fromBit < 32 ? 0 : 2 ** (fromBit - 32));
    at = words + ringBits * (6 + 4 * pathCount(chunks.length));
    table += tableWords(entries);
  }
  return { width, symbols, values, ringBits, pad: values + 2 * ringBits * groups.length, octaves };
}

/** Thresholds, symbols and signed table values of every group. */
export function rowSymbols(
  run: Runner,
  tables: Tables,
  party: 0 | 1,
  step: RowStep,
  v: Tensor,
  given: RecordView,
  free: RecordView,
  common: RecordView,
): { thresholds: Tensor; symbols: Tensor; values: Tensor } {
  const { groups, inBits, indexBits, salt } = step,
    fields = layout(step, free),
    rows = v.count,
    [thresholds, symbols, values] = run.owners.tensors("row symbols", [
      rows,
      rows * groups.length,
      2 * rows * groups.length,
    ]) as [Tensor, Tensor, Tensor],
    saltWords = new DataView(salt.buffer, salt.byteOffset, salt.byteLength);
  run.step("row_symbols", given, free, {
    segments: { counts: given.counts, tail: fields.octaves },
    operands: {
      v: run.each(v, v.wordsPerElement),
      common_key: { record: common },
      tables: { block: tables.get(groups.map(({ table }) => table)) },
      opening: { block: thresholds.block },
    },
    params: {
      wide: v.wordsPerElement,
      in_bits: inBits,
      group_count: groups.length,
      index_bits: indexBits,
      parity: given.parity,
      party,
      salt_0: saltWords.getUint32(0, true),
      salt_1: saltWords.getUint32(4, true),
      salt_2: saltWords.getUint32(8, true),
      salt_3: saltWords.getUint32(12, true),
      symbols_at: fields.symbols,
      symbols_bits: fields.width,
      values_at: fields.values,
      ring_bits: fields.ringBits,
      rows,
    },
    itemsPerGroup: 1,
  });
  return { thresholds, symbols, values };
}

/** Share of the function's value. */
export function rowFinish(
  run: Runner,
  step: RowStep,
  v: Tensor,
  thresholds: Tensor,
  symbols: Tensor,
  values: Tensor,
  given: RecordView,
  free: RecordView,
): Tensor {
  const groups = step.groups.length,
    fields = layout(step, free),
    result = run.owners.tensor("row values", total(given.counts));
  run.step("row_finish", given, free, {
    segments: { counts: given.counts, tail: fields.octaves },
    operands: {
      v: run.each(v, v.wordsPerElement),
      opened: run.each(thresholds),
      symbols: run.each(symbols, groups),
      values: run.each(values, 2 * groups),
      result: run.each(result),
    },
    params: {
      wide: v.wordsPerElement,
      in_bits: step.inBits,
      group_count: groups,
      pad_at: fields.pad,
      ring_bits: fields.ringBits,
    },
  });
  return result;
}
