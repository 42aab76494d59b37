/**
 * The gate steps of the CPU engine: which kernel runs on which arguments. What they compute is defined in `core/reference/engine.ts`.
 *
 * @module
 */

import type {
  ExpDitheredStep,
  ExpStep,
  Extent,
  Handle,
  MaximumStep,
  RecordView,
  RowStep,
  SpliceStep,
  TruncateStep,
} from "../core/engine.ts";
import { oneHotBits } from "../core/fss/flat_dpf.ts";
import { pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { lowMask } from "../core/ring/words.ts";
import { addressOf, recordAt, type Runner, type Tensor } from "./runner.ts";

/** Chunk sizes as one word, a byte for each, lowest first. */
export function packChunks(chunks: readonly number[]): number {
  if (chunks.length > 4) {
    throw new RangeError(`Cannot compare as there must be at most 4 chunks: received ${chunks.length}`);
  }
  return chunks.reduce((packed, chunk, i) => packed + chunk * 2 ** (8 * i), 0);
}

/** Given bits before the words of a step whose key begins with one-hots of these digits. */
function digitBits(digits: readonly number[]): number {
  return digits.reduce((bits, digit) => bits + oneHotBits(digit), 0);
}

/** Cost of the lookups in one table, for both borrows. */
function lookupNs(digit: number): number {
  return 2 ** digit / 2;
}

/** XOR shares of the comparison's symbols. */
export function truncateSymbols(
  run: Runner,
  step: TruncateStep,
  z: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks, inBits } = step, out = run.tensor(z.count), tells = step.full && step.wrapBits > 0 ? 1 : 0;
  run.records(given, free).run("truncateSymbols", [
    addressOf(z),
    out.at,
    given.bits,
    free.bits,
    packChunks(chunks),
    chunks.length,
    given.parity,
    step.addend + 2 ** (inBits - 2),
    inBits - 1,
    step.by,
    tells,
    symbolCount(chunks.length),
  ], 20);
  return out;
}

/** Share of the truncated value. */
export function truncateFinish(
  run: Runner,
  step: TruncateStep,
  z: Handle,
  opened: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks, inBits, outBits, by } = step, out = run.tensor(z.count), carries = permutedBits(chunks);
  run.records(given, free).run("truncateFinish", [
    addressOf(z),
    addressOf(opened),
    out.at,
    given.bits,
    free.bits,
    chunks.length,
    carries,
    outBits,
    step.wrapBits,
    carries + pathCount(chunks.length) * outBits,
    inBits - by,
    step.adds ? 1 : 0,
    step.addend + 2 ** (inBits - 2),
    inBits,
    by,
    2 ** (inBits - 2 - by),
    symbolCount(chunks.length),
  ], 10);
  return out;
}

/** One segment per block, of its pairs. Returns the number of pairs. */
function pairs(run: Runner, extent: Extent, given: RecordView, free: RecordView): number {
  let first = 0, count = 0;
  run.clear();
  extent.cols.forEach((cols, b) => {
    run.segment(extent.rows * (cols >>> 1), recordAt(given, b), recordAt(free, b), 0, first, 0, cols);
    first += extent.rows * cols;
    count += extent.rows * (cols >>> 1);
  });
  return count;
}

/** XOR shares of the symbols of every pair. */
export function maximumSymbols(run: Runner, step: MaximumStep, x: Handle, given: RecordView, free: RecordView): Tensor {
  const { chunks, bits } = step,
    out = run.tensor(pairs(run, step.extent, given, free)),
    symbols = symbolCount(chunks.length);
  run.run("maximumSymbols", [
    addressOf(x),
    out.at,
    given.bits,
    free.bits,
    packChunks(chunks),
    chunks.length,
    given.parity,
    bits,
    symbols,
  ], 20);
  return out;
}

/** Share of g·(a - b) of every pair. */
export function maximumSelect(
  run: Runner,
  party: 0 | 1,
  step: MaximumStep,
  x: Handle,
  opened: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks, bits } = step, out = run.tensor(pairs(run, step.extent, given, free));
  run.run("maximumSelect", [
    addressOf(x),
    addressOf(opened),
    out.at,
    given.bits,
    free.bits,
    chunks.length,
    permutedBits(chunks),
    bits,
    symbolCount(chunks.length),
    1 - party,
  ], 10);
  return out;
}

/** The remaining columns of every row. */
export function maximumMerge(run: Runner, step: MaximumStep, x: Handle, selected: Handle): Tensor {
  const { rows, cols } = step.extent;
  let element = 0, pair = 0, result = 0;
  run.clear();
  for (const count of cols) {
    run.segment(rows, 0, 0, pair, element, result, count);
    element += rows * count;
    pair += rows * (count >>> 1);
    result += rows * ((count + 1) >>> 1);
  }
  const out = run.tensor(result);
  run.run(
    "maximumMerge",
    [addressOf(x), addressOf(selected), out.at, lowMask(step.bits)],
    element / Math.max(1, rows * cols.length),
  );
  return out;
}

/** Symbols and signed table values of the digits of t. */
export function expSymbols(
  run: Runner,
  party: 0 | 1,
  step: ExpStep,
  t: Handle,
  given: RecordView,
  free: RecordView,
): { symbols: Tensor; values: Tensor } {
  const [low, high, top] = step.digits, symbols = run.tensor(t.count), values = run.tensor(3 * t.count);
  const tables = [run.table(step.lowTable), run.table(step.highTable)] as const;
  run.records(given, free).run("expSymbols", [
    addressOf(t),
    symbols.at,
    values.at,
    given.bits,
    free.bits,
    low,
    high,
    top,
    given.parity,
    1 - 2 * party,
    ...tables,
  ], 20 + lookupNs(low) + lookupNs(high));
  return { symbols, values };
}

/** XOR share of the clip bit. */
export function expClip(run: Runner, party: 0 | 1, symbols: Handle, given: RecordView, free: RecordView): Tensor {
  const out = run.tensor(symbols.count);
  run.records(given, free).run("expClip", [addressOf(symbols), out.at, free.bits, 1 - party], 3);
  return out;
}

/** Share of e^(-t). */
export function expFinish(
  run: Runner,
  step: ExpStep,
  symbols: Handle,
  values: Handle,
  clip: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const out = run.tensor(symbols.count);
  run.records(given, free).run("expFinish", [
    addressOf(symbols),
    addressOf(values),
    addressOf(clip),
    out.at,
    given.bits,
    free.bits,
    digitBits(step.digits),
  ], 15);
  return out;
}

/** Signed table values of both digits of a dithered exponential. */
export function expDitheredValues(
  run: Runner,
  party: 0 | 1,
  step: ExpDitheredStep,
  t: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const [low, high] = step.digits, values = run.tensor(2 * t.count);
  const tables = [run.signedTable(step.lowTable), run.table(step.highTable)] as const;
  run.records(given, free).run("expDitheredValues", [
    addressOf(t),
    values.at,
    given.bits,
    free.bits,
    step.skip,
    low,
    high,
    given.parity,
    1 - 2 * party,
    ...tables,
  ], 10 + (lookupNs(low) + lookupNs(high)) / 1.5);
  return values;
}

/** Share of the dithered exponential. */
export function expDitheredFinish(
  run: Runner,
  step: ExpDitheredStep,
  values: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const out = run.tensor(values.count / 2);
  run.records(given, free).run("expDitheredFinish", [
    addressOf(values),
    out.at,
    given.bits,
    free.bits,
    digitBits(step.digits),
  ], 5);
  return out;
}

/** Symbols and signed table values of a splice. */
export function spliceSymbols(
  run: Runner,
  party: 0 | 1,
  step: SpliceStep,
  x: Handle,
  given: RecordView,
  free: RecordView,
): { symbols: Tensor; values: Tensor } {
  const [low, index, top] = step.digits,
    symbols = run.tensor(x.count),
    values = run.tensor(2 * x.count),
    table = step.valueBits <= 16 ? run.halvesTable(step.table) : run.table(step.table);
  run.records(given, free).run("spliceSymbols", [
    addressOf(x),
    symbols.at,
    values.at,
    given.bits,
    free.bits,
    low,
    index,
    top,
    given.parity,
    1 - 2 * party,
    table,
    step.skip,
    step.valueBits,
  ], 40 + lookupNs(index));
  return { symbols, values };
}

/** XOR shares of pos, w_0 and w_1. */
export function spliceBits(
  run: Runner,
  party: 0 | 1,
  step: SpliceStep,
  symbols: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const out = run.tensor(symbols.count);
  run.records(given, free).run("spliceBits", [
    addressOf(symbols),
    out.at,
    given.bits,
    free.bits,
    digitBits(step.digits),
    1 - party,
  ], 15);
  return out;
}

/** Share of the spliced function. */
export function spliceFinish(
  run: Runner,
  party: 0 | 1,
  step: SpliceStep,
  x: Handle,
  values: Handle,
  bits: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const out = run.tensor(x.count);
  run.records(given, free).run("spliceFinish", [
    addressOf(x),
    addressOf(values),
    addressOf(bits),
    out.at,
    given.bits,
    free.bits,
    digitBits(step.digits) + 6,
    1 - party,
    step.inBits,
    step.valueBits,
  ], 12);
  return out;
}

const GROUP_WORDS = 16;

/** Where the fields of a row's free record begin. */
function rowFields(step: RowStep) {
  const width = Math.max(...step.groups.map((group) => symbolCount(group.chunks.length)));
  const symbols = 128 + step.groups.length - 1, values = symbols + step.groups.length * width;
  return { width, symbols, values, pad: values + 64 * step.groups.length };
}

/** Calls `use` with the address of the groups' lists and of the salt behind them, as `row.ts` of the kernels reads them. */
function withGroups(run: Runner, step: RowStep, use: (lists: number, salt: number) => void): void {
  const { groups } = step,
    tables = groups.map((group) => run.table(group.table)),
    byteLength = 4 * GROUP_WORDS * groups.length;
  run.temporary(byteLength + step.salt.length, (lists) => {
    let given = 0;
    groups.forEach((group, g) => {
      const { chunks } = group,
        hot = given + permutedBits(chunks),
        words = hot + oneHotBits(step.indexBits),
        { fromBit } = group;
      run.heap.u32.set([
        packChunks(chunks),
        chunks.length,
        group.shift,
        given,
        hot,
        words,
        tables[g]!,
        symbolCount(chunks.length),
        fromBit < 32 ? 2 ** fromBit : 0,
        fromBit < 32 ? 0 : 2 ** (fromBit - 32),
      ], lists / 4 + g * GROUP_WORDS);
      given = words + 32 * (6 + 4 * pathCount(chunks.length));
    });
    run.heap.u8.set(step.salt, lists + byteLength);
    use(lists, lists + byteLength);
  });
}

/** Thresholds, symbols and signed table values of every group. */
export function rowSymbols(
  run: Runner,
  party: 0 | 1,
  step: RowStep,
  v: Handle,
  given: RecordView,
  free: RecordView,
  common: RecordView,
): { thresholds: Tensor; symbols: Tensor; values: Tensor } {
  const groups = step.groups.length, fields = rowFields(step);
  const thresholds = run.tensor(v.count),
    symbols = run.tensor(v.count * groups),
    values = run.tensor(2 * v.count * groups);
  withGroups(run, step, (lists, salt) => {
    run.records(given, free, common).run("rowSymbols", [
      addressOf(v),
      v.wordsPerElement,
      thresholds.at,
      symbols.at,
      values.at,
      given.bits,
      free.bits,
      common.bits,
      step.inBits,
      step.indexBits,
      groups,
      lists,
      given.parity,
      party,
      salt,
      fields.symbols,
      fields.width,
      fields.values,
    ], groups * (lookupNs(step.indexBits) + 50 * step.inBits));
  });
  return { thresholds, symbols, values };
}

/** Share of the function's value. */
export function rowFinish(
  run: Runner,
  step: RowStep,
  v: Handle,
  thresholds: Handle,
  symbols: Handle,
  values: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const out = run.tensor(v.count), groups = step.groups.length, { pad } = rowFields(step);
  withGroups(run, step, (lists) => {
    run.records(given, free).run("rowFinish", [
      addressOf(v),
      v.wordsPerElement,
      addressOf(thresholds),
      addressOf(symbols),
      addressOf(values),
      out.at,
      given.bits,
      free.bits,
      step.inBits,
      groups,
      lists,
      pad,
    ], 40 * groups);
  });
  return out;
}
