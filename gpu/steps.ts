/**
 * Kernels of gates on the GPU engine: what a call binds follows from the kernel's description.
 *
 * @module
 */

import type { Extent, Handle } from "../core/engine.ts";
import {
  countWritten,
  isWide,
  itemCounts,
  type Kernel,
  type KernelCall,
  type KernelTensor,
  numbersOf,
  type Over,
  perRow,
  RECORDS,
  sizeOf,
  spreadOver,
  wordsWritten,
} from "../core/kernel.ts";
import { Spread } from "./extents.ts";
import { type Operand, perItem, type Runner, type Segments, total, type WordRange } from "./runner.ts";
import { Tables, tableWords } from "./tables.ts";
import type { Tensor } from "./tensors.ts";

/** Elements of each block in a domain. */
function countsOf({ rows, cols }: Extent, over: Over): number[] {
  return cols.map((count) => rows * perRow(over, count));
}

/** The words of a tensor that some items touch. */
function rangeOf(kernel: Kernel, call: KernelCall, spec: KernelTensor, words: number): WordRange {
  const over = spreadOver(kernel, spec), { extent } = call;
  if (over === null || extent === undefined) return perItem(words * sizeOf(spec.per, call.params));
  const own = kernel.over ?? "element";
  let range: WordRange | undefined; // a call that fits into its bindings never asks
  return (first, end) => {
    range ??= new Spread(countsOf(extent, own), countsOf(extent, over)).range((b) => perRow(own, extent.cols[b]!));
    const [from, to] = range(first, end);
    return [words * from, words * to];
  };
}

/** Blocks of a call: with an extent, their first element and columns, and their first pair where there is no given record. */
function segmentsOf(kernel: Kernel, call: KernelCall, counts: readonly number[]): Segments {
  const { extent, lists } = call;
  if (extent === undefined) return { counts, lists };
  const elements: number[] = [], pairs: number[] = [];
  let element = 0, pair = 0;
  for (const cols of extent.cols) {
    elements.push(element);
    pairs.push(pair);
    element += extent.rows * cols;
    pair += extent.rows * perRow("pair", cols);
  }
  return {
    counts,
    lists,
    words: (b) => [elements[b]!, extent.cols[b]!],
    third: kernel.records?.given === undefined ? (b) => pairs[b]! : undefined,
  };
}

/** Kernels of one engine. */
export class Steps {
  readonly #tables: Tables;
  readonly #numbers = new WeakMap<Kernel, ReturnType<typeof numbersOf>>();
  constructor(readonly run: Runner) {
    this.#tables = new Tables(run);
  }

  /** {@linkcode Engine.step} */
  step(kernel: Kernel, call: KernelCall): Record<string, Handle> {
    const { run } = this, { extent, reads, params, records = {} } = call, counts = itemCounts(kernel, call);
    const items = total(counts), operands: Record<string, Operand> = {}, made: Record<string, Tensor> = {};
    for (const [name, spec] of Object.entries(kernel.reads)) {
      const tensor = (reads[name] ?? null) as Tensor | null;
      operands[name] = tensor && { tensor, range: rangeOf(kernel, call, spec, tensor.wordsPerElement) };
    }
    for (const [name, spec] of Object.entries(kernel.writes)) {
      const count = countWritten(kernel, call, spec, items), words = wordsWritten(spec, params);
      const tensor = made[name] = run.owners.tensor(name, count, words);
      operands[name] = { tensor, range: rangeOf(kernel, call, spec, words) };
    }
    for (const name of RECORDS) {
      const record = records[name], spec = kernel.records?.[name];
      if (record === undefined || spec === undefined) continue;
      const over = spreadOver(kernel, spec), own = kernel.over ?? "element";
      operands[`${name}_key`] = {
        record,
        perItem: over === null || extent === undefined
          ? undefined
          : (b) => perRow(over, extent.cols[b]!) / perRow(own, extent.cols[b]!),
      };
    }
    const numbers: Record<string, number> = {}, written = Object.values(made);
    this.#bindTables(kernel, call, operands, numbers);
    let bound = this.#numbers.get(kernel);
    if (bound === undefined) this.#numbers.set(kernel, bound = numbersOf(kernel));
    for (const { name, of } of bound) numbers[name] = of(call, written);
    const hasSegments = kernel.records !== undefined || kernel.over !== undefined || kernel.lists !== undefined;
    run.run(kernel.name, {
      items,
      ...(hasSegments ? { segments: segmentsOf(kernel, call, counts) } : {}),
      operands,
      params: numbers,
      ...(kernel.byGroup ? { itemsPerGroup: 1 } : {}),
    }, isWide(kernel, call));
    return made;
  }

  /** Binds all tables as one block, and says where in it each begins. */
  #bindTables(
    kernel: Kernel,
    call: KernelCall,
    operands: Record<string, Operand>,
    numbers: Record<string, number>,
  ): void {
    const all: Uint32Array[] = [];
    let at = 0;
    for (const name in kernel.tables) {
      const value = call.tables![name]!, tables = value instanceof Uint32Array ? [value] : value;
      numbers[`${name}_table`] = at;
      for (const table of tables) {
        all.push(table);
        at += tableWords(table);
      }
    }
    if (all.length > 0) operands.tables = { block: this.#tables.get(all) };
  }
}
