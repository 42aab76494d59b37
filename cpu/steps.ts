/**
 * Kernels of gates on the CPU engine: each description is bound once to its function's number and the order of its arguments; a call then only copies
 * numbers. A kernel without a function of its own runs from its definition.
 *
 * @module
 */

import type { Extent, Handle } from "../core/engine.ts";
import {
  countWritten,
  hasRing,
  isWide,
  itemCounts,
  type Kernel,
  type KernelCall,
  numbersOf,
  perRow,
  RECORDS,
  wordsWritten,
} from "../core/kernel.ts";
import { runDefinition } from "../core/reference/step.ts";
import { addressOf, type Keys, recordAt, type Runner, type Tensor } from "./runner.ts";

/** A bound kernel: runs one call and returns what it made, in the order of the description. */
type Bound = (call: KernelCall) => Tensor[];

/** Name of a function in assembly. */
export function functionName(kernel: string): string {
  return kernel.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Columns of a row on average. */
function meanColumns({ cols }: Extent): number {
  let sum = 0;
  for (const count of cols) sum += count;
  return sum / Math.max(1, cols.length);
}

/** Bound kernels of one engine. */
export class Steps {
  readonly #bound = new WeakMap<Kernel, Bound>();
  constructor(readonly run: Runner) {}

  /** {@linkcode Engine.step} */
  step(kernel: Kernel, call: KernelCall): Record<string, Handle> {
    let bound = this.#bound.get(kernel);
    if (bound === undefined) this.#bound.set(kernel, bound = this.#bind(kernel));
    const made = bound(call), out: Record<string, Handle> = {};
    let i = 0;
    for (const name in kernel.writes) out[name] = made[i++]!;
    return out;
  }

  #bind(kernel: Kernel): Bound {
    const { run } = this, name = functionName(kernel.name), numbers = numbersOf(kernel);
    if (!run.has(name)) return (call) => this.#define(kernel, call);
    const narrow = run.numberOf(name), wide = hasRing(kernel) ? run.numberOf(`${name}Wide`) : narrow;
    const reads = Object.keys(kernel.reads),
      writes = Object.values(kernel.writes),
      tables = Object.entries(kernel.tables ?? {}),
      lists = Object.keys(kernel.lists ?? {});
    return (call) => {
      const { params, extent } = call, items = this.#segments(kernel, call), args: number[] = [];
      const made = writes.map((spec) =>
        run.tensor(countWritten(kernel, call, spec, items), wordsWritten(spec, params))
      );
      for (const read of reads) {
        const handle = call.reads[read] ?? null;
        args.push(handle === null ? 0 : addressOf(handle));
      }
      for (const { at } of made) args.push(at);
      const passed = lists.map((list) => run.pass(call.lists![list]!));
      for (const { at } of passed) args.push(at);
      for (const [table, { kind, bits }] of tables) {
        args.push(run.table(call.tables![table]!, bits !== undefined && params[bits]! <= 16 ? "halves" : kind));
      }
      for (const { of } of numbers) args.push(of(call, made));
      run.run(isWide(kernel, call) ? wide : narrow, args, kernel.costNs(params, extent ? meanColumns(extent) : 1));
      for (const { at, bytes } of passed) run.heap.free(at, bytes);
      return made;
    };
  }

  /** A kernel that nobody wrote in assembly: its definition runs, on the engine's memory. */
  #define(kernel: Kernel, call: KernelCall): Tensor[] {
    const { run } = this, { heap } = run;
    const written = runDefinition(kernel, call, {
      words: (x) => heap.u32.subarray(addressOf(x) / 4, addressOf(x) / 4 + x.count * x.wordsPerElement),
      bytes: (memory) => ({ bytes: heap.u8, begin: (memory as Keys).at }),
    });
    return written.map(([, words, width]) => {
      const tensor = run.tensor(words.length / width, width);
      heap.u32.set(words, tensor.at / 4);
      return tensor;
    });
  }

  /** One segment per block; returns how many items there are. Word 4 is the first pair where a kernel has no common record, 5 the first element. */
  #segments(kernel: Kernel, call: KernelCall): number {
    const { run } = this, { records, extent } = call, [given, free, common] = RECORDS.map((name) => records?.[name]);
    const counts = itemCounts(kernel, call);
    let items = 0, pair = 0, element = 0;
    run.clear();
    for (let b = 0; b < counts.length; b++) {
      const cols = extent?.cols[b] ?? 0, rows = extent?.rows ?? 0;
      run.segment(
        counts[b]!,
        given ? recordAt(given, b) : 0,
        free ? recordAt(free, b) : 0,
        common ? recordAt(common, b) : pair,
        element,
        rows * b,
        cols,
      );
      items += counts[b]!;
      pair += rows * perRow("pair", cols);
      element += rows * cols;
    }
    return items;
  }
}
