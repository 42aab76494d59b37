/**
 * Any kernel, item by item: its definition is what runs, here and in any engine that has no faster code for it and can see its memory.
 *
 * @module
 */

import type { Extent, Handle, KeyMemory } from "../memory.ts";
import {
  countWritten,
  itemCounts,
  type Kernel,
  type KernelCall,
  type KernelTensor,
  perRow,
  type RecordName,
  sizeOf,
  wordsWritten,
} from "../kernel.ts";
import { fromBigInts, toBigInts } from "../ring/words.ts";
import { Cursor, type Keys, Tensor, words } from "./memory.ts";

/** Where an item lies: its block and row, its place in the row, and the columns of the block. */
interface Place {
  readonly i: number;
  readonly block: number;
  readonly row: number;
  readonly inRow: number;
  readonly cols: number;
}

/** Every item of a call, in order. */
function* places(kernel: Kernel, call: KernelCall): Generator<Place> {
  const { extent } = call;
  let i = 0, row = 0;
  if (extent === undefined) {
    for (const [block, count] of itemCounts(kernel, call).entries()) {
      for (let inRow = 0; inRow < count; inRow++) yield { i: i++, block, row, inRow, cols: 1 };
    }
    return;
  }
  for (const [block, cols] of extent.cols.entries()) {
    for (let r = 0; r < extent.rows; r++, row++) {
      for (let inRow = 0; inRow < perRow(kernel.over ?? "element", cols); inRow++) {
        yield { i: i++, block, row, inRow, cols };
      }
    }
  }
}

/** First element of a block's rows in a domain, and how many a row has. */
function firstOfRow({ rows, cols }: Extent, over: NonNullable<KernelTensor["over"]>, row: number): number {
  let first = 0, rest = row;
  for (const count of cols) {
    const wanted = perRow(over, count);
    if (rest < rows) return first + rest * wanted;
    first += rows * wanted;
    rest -= rows;
  }
  return first;
}

/** The element of a domain that an item begins with. */
function indexOf(kernel: Kernel, call: KernelCall, over: KernelTensor["over"], { i, row, inRow }: Place): number {
  const own = kernel.over ?? "element", domain = over ?? own;
  if (call.extent === undefined || domain === own) return i;
  if (domain === "row") return row;
  return firstOfRow(call.extent, domain, row) + (own === "pair" && domain === "element" ? 2 : 1) * inRow;
}

/** How a definition sees an engine's memory. */
export interface MemoryView {
  /** Words of a tensor. */
  words(x: Handle): Uint32Array;
  /** All bytes in which a record lies, and the byte that its memory begins with. */
  bytes(memory: KeyMemory): { readonly bytes: Uint8Array; readonly begin: number };
}

/** What a kernel writes, as words of one or two to an element. */
export type Written = readonly [name: string, words: Uint32Array, wordsPerElement: 1 | 2];

/** Runs a definition on every item of a call. */
export function runDefinition(kernel: Kernel, call: KernelCall, memory: MemoryView): Written[] {
  const { params } = call, tensors = Object.entries({ ...kernel.reads, ...kernel.writes });
  const x: Record<string, Uint32Array> = {}, ring: Record<string, bigint[]> = {};
  for (const [name, spec] of Object.entries(kernel.reads)) {
    const handle = call.reads[name] ?? null, words = handle === null ? new Uint32Array(0) : memory.words(handle);
    if (spec.ring === undefined) x[name] = words;
    else ring[name] = toBigInts(words, 32 * (handle?.wordsPerElement ?? 1));
  }
  const items = itemCounts(kernel, call).reduce((a, b) => a + b, 0);
  for (const [name, spec] of Object.entries(kernel.writes)) {
    const count = countWritten(kernel, call, spec, items);
    if (spec.ring !== undefined) ring[name] = new Array<bigint>(count).fill(0n);
    else x[name] = new Uint32Array(count);
  }
  const cursors: Partial<Record<RecordName, Cursor>> = {};
  for (const name in call.records) {
    const record = call.records[name as RecordName]!;
    cursors[name as RecordName] = new Cursor(record, memory.bytes(record.memory));
  }
  const table: Record<string, Uint32Array> = {}, tables: Record<string, readonly Uint32Array[]> = {};
  for (const [name, value] of Object.entries(call.tables ?? {})) {
    tables[name] = Array.isArray(value) ? value : [value as Uint32Array];
    table[name] = tables[name]![0]!;
  }
  const numbers = { ...params, party: call.party, parity: call.records?.given?.parity ?? 0, cols: 1 };
  for (const place of places(kernel, call)) {
    const at: Record<string, number> = {};
    for (const [name, { over, per }] of tensors) {
      at[name] = indexOf(kernel, call, over, place) * (over === undefined ? sizeOf(per, params) : 1);
    }
    for (const name in cursors) {
      cursors[name as RecordName]!.seek(
        indexOf(kernel, call, kernel.records?.[name as RecordName]?.over, place),
      );
    }
    kernel.element({
      i: place.i,
      block: place.block,
      row: place.row,
      at,
      x,
      ring,
      p: { ...numbers, cols: place.cols },
      given: cursors.given!,
      free: cursors.free!,
      common: cursors.common!,
      table,
      tables,
      list: call.lists ?? {},
    });
  }
  return Object.entries(kernel.writes).map(([name, spec]): Written => {
    if (spec.ring === undefined) return [name, x[name]!, 1];
    return [name, fromBigInts(ring[name]!, sizeOf(spec.ring as string, params)), wordsWritten(spec, params)];
  });
}

/** {@linkcode Engine.step} of the reference engine. */
export function step<R extends string, W extends string, P extends string, T extends string>(
  kernel: Kernel<R, W, P, T>,
  call: KernelCall<R, P, T>,
): Readonly<Record<W, Handle>> {
  const written = runDefinition(
    kernel,
    call,
    { words, bytes: ({ bytes }: Keys) => ({ bytes, begin: 0 }) } as MemoryView,
  );
  const made = written.map(([name, data, width]): [string, Handle] => [name, new Tensor(data, width)]);
  return Object.fromEntries(made) as Record<W, Handle>;
}
