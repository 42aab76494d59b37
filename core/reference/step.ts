/**
 * Any kernel, item by item: its definition is what runs.
 *
 * @module
 */

import type { Extent, Handle } from "../engine.ts";
import {
  countWritten,
  itemCounts,
  type Kernel,
  type KernelCall,
  type KernelTensor,
  perRow,
  type RecordName,
  sizeOf,
} from "../kernel.ts";
import { Cursor, elements, integers, Tensor, words } from "./memory.ts";

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

/** {@linkcode Engine.step}, as a loop. */
export function step<R extends string, W extends string, P extends string, T extends string>(
  described: Kernel<R, W, P, T>,
  called: KernelCall<R, P, T>,
): Readonly<Record<W, Handle>> {
  const kernel: Kernel = described,
    call: KernelCall = called,
    { params } = call,
    tensors = Object.entries({ ...kernel.reads, ...kernel.writes });
  const x: Record<string, Uint32Array> = {}, ring: Record<string, bigint[]> = {};
  for (const [name, spec] of Object.entries(kernel.reads)) {
    const handle = call.reads[name] ?? null;
    if (spec.ring !== undefined) ring[name] = handle === null ? [] : integers(handle);
    else x[name] = handle === null ? new Uint32Array(0) : words(handle);
  }
  const items = itemCounts(kernel, call).reduce((a, b) => a + b, 0);
  for (const [name, spec] of Object.entries(kernel.writes)) {
    const count = countWritten(kernel, call, spec, items);
    if (spec.ring !== undefined) ring[name] = new Array<bigint>(count).fill(0n);
    else x[name] = new Uint32Array(count);
  }
  const cursors: Partial<Record<RecordName, Cursor>> = {};
  for (const name in call.records) cursors[name as RecordName] = new Cursor(call.records[name as RecordName]!);
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
  return Object.fromEntries(
    Object.entries(kernel.writes).map(([name, { ring: bits }]) => [
      name,
      bits === undefined ? new Tensor(x[name]!, 1) : elements(ring[name]!, sizeOf(bits as string, params)),
    ]),
  ) as Record<W, Handle>;
}
