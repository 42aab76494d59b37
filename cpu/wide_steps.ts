/**
 * Rings above 32 bits on the CPU engine: which kernel runs on which arguments. What they compute is defined in `core/reference/engine.ts`.
 *
 * @module
 */

import type { Handle, RecordView, TruncateStep, WrapStep } from "../core/engine.ts";
import { pathCount, permutedBits, symbolCount } from "../core/fss/permuted.ts";
import { fromBigInts } from "../core/ring/words.ts";
import { packChunks } from "./gate_steps.ts";
import { addressOf, type Runner, type Tensor } from "./runner.ts";

/** 1 where elements have two words. */
function wide(x: Handle): 0 | 1 {
  return x.wordsPerElement === 2 ? 1 : 0;
}

/** A tensor of ring elements. */
function ringTensor(run: Runner, count: number, bits: number): Tensor {
  return run.tensor(count, bits > 32 ? 2 : 1);
}

/** addend + 2^(n-2) as two words. */
function added({ addend, inBits }: TruncateStep): [number, number] {
  const [low, high] = fromBigInts([BigInt(addend) + (1n << BigInt(inBits - 2))], 64);
  return [low!, high!];
}

/** Whether a step needs these kernels. */
export function isWide({ inBits, outBits }: TruncateStep | WrapStep): boolean {
  return inBits > 32 || outBits > 32;
}

/** The low word of every element. */
export function lowWords(run: Runner, x: Handle): Tensor {
  const out = run.tensor(x.count);
  run.clear().segment(x.count, 0, 0, 0, 0, 0, 2);
  run.run("columns", [addressOf(x), out.at, 0, 1], 1);
  return out;
}

/** A matrix of two words per entry, or of the low ones alone where all entries are signed words, as party 0's are. */
interface WidePanels {
  readonly at: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly isSigned: boolean;
}

/** Whether every element of two words is the sign extension of its low word. */
export function areSigned(words: Uint32Array): boolean {
  for (let i = 0; i < words.length; i += 2) if (words[i + 1] !== ((words[i]! | 0) >> 31) >>> 0) return false;
  return true;
}

/** out = (out + x·W) mod 2^n for weights in panels of 8 columns, or of 16 signed ones. */
export function multiplyAdd(
  run: Runner,
  x: number,
  { at, inputs, outputs, isSigned }: WidePanels,
  out: number,
  rows: number,
  ringBits: number,
): void {
  const args = [x, at, out, rows, inputs, outputs, ringBits];
  if (isSigned) run.items(Math.ceil(outputs / 16)).run("matrixAddSigned", args, 5 * inputs * rows);
  else run.items(Math.ceil(outputs / 8)).run("matrixAddWide", args, 3 * inputs * rows);
}

/** XOR shares of a truncation's symbols. */
export function truncateSymbols(
  run: Runner,
  step: TruncateStep,
  z: Handle,
  given: RecordView,
  free: RecordView,
): Tensor {
  const { chunks, inBits } = step, out = run.tensor(z.count), tells = step.full && step.wrapBits > 0 ? 1 : 0;
  run.records(given, free).run("truncateSymbolsWide", [
    addressOf(z),
    out.at,
    given.bits,
    free.bits,
    packChunks(chunks),
    chunks.length,
    given.parity,
    ...added(step),
    inBits - 1,
    step.by,
    tells,
    symbolCount(chunks.length),
    wide(z),
  ], 25);
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
  const { chunks, inBits, outBits } = step, out = ringTensor(run, z.count, outBits), carries = permutedBits(chunks);
  run.records(given, free).run("truncateFinishWide", [
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
    inBits,
    step.adds ? 1 : 0,
    ...added(step),
    step.by,
    symbolCount(chunks.length),
    wide(z),
    wide(out),
  ], 15);
  return out;
}

/** Values without their lowest bits. */
export function shift(run: Runner, x: Handle, inBits: number, by: number, bits: number): Tensor {
  const out = ringTensor(run, x.count, bits);
  run.items(x.count).run("shiftWide", [addressOf(x), out.at, inBits, by, bits, wide(out)], 1);
  return out;
}

/** Masked values in a ring above 32 bits. */
export function extend(run: Runner, x: Handle, from: number, top: Handle | null, to: number): Tensor {
  const out = run.tensor(x.count, 2), [tops, wideTop] = top === null ? [0, 0] : [addressOf(top), wide(top)];
  run.items(x.count).run("extendWide", [addressOf(x), tops, out.at, from, to, wide(x), wideTop], 2);
  return out;
}

/** a and the term of the mask's wrap. */
export function addWrap(run: Runner, step: WrapStep, a: Handle, x: Handle, c: Handle): Tensor {
  const out = ringTensor(run, a.count, step.outBits);
  run.items(a.count).run("addWrapWide", [
    addressOf(a),
    addressOf(x),
    addressOf(c),
    out.at,
    step.inBits,
    step.shift,
    step.sign < 0 ? 1 : 0,
    step.outBits,
    wide(x),
    wide(c),
    wide(out),
  ], 2);
  return out;
}
