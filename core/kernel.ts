/**
 * A kernel is one step of a gate between two openings, as data: what it reads and writes, its parameters and tables, and its definition as a function of one
 * item. {@linkcode Engine.step} runs it on a whole lane. The reference engine loops over the definition; a fast engine finds its own code by the kernel's name
 * and binds it by this description, so nobody counts arguments, offsets or words by hand:
 *
 * - `deno task kernels` writes the bindings and parameters into each `.wgsl` file and the order of the arguments into each `.as.ts` file;
 * - a record's fields come by name from the layout that the gate's plan has made ({@linkcode RecordView.fields}).
 *
 * @module
 */

import type { OneHot } from "./fss/flat_dpf.ts";
import type { Extent, FieldPlace, Handle, RecordView } from "./memory.ts";

/**
 * What the items of a kernel, or the elements of a tensor or record, run over in a ragged lane: its elements, its rows, the pairs of neighbouring columns, or
 * what remains of every row when each pair becomes one.
 */
export type Over = "element" | "row" | "pair" | "half";

/** A tensor that a kernel reads or writes. */
export interface KernelTensor<P extends string = string> {
  /** What it holds, for people. */
  readonly holds: string;
  /** Elements that belong to one item, or the parameter that says how many; 1 by default. */
  readonly per?: number | P;
  /** What its elements run over, in kernels with an extent; by default what the items run over. */
  readonly over?: Over;
  /**
   * Elements of a ring of up to 64 bits, one or two words each: of a tensor that is read `true`, of one that is written the parameter with its ring's bits.
   * By default an element is one word.
   */
  readonly ring?: true | P;
  /** A call may leave it out; the parameter `has_<name>` tells. */
  readonly optional?: true;
}

/** A public table of words. */
export interface TableSpec<P extends string = string> {
  /** What it holds, for people. */
  readonly holds: string;
  /** A plain table has 2^k entries; a signed one 2^(k+1), for differences that are not reduced. */
  readonly kind: "plain" | "signed";
  /** The parameter that says how many bits of an entry are used, where it may be fewer than 32. */
  readonly bits?: P;
}

/** A record of a gate's key that the kernel reads. */
export interface RecordSpec {
  /** Its name in the gate's plan; by default that of the kernel. */
  readonly record?: string;
  /** Its fields that the kernel reads, by name; the parameter `<name>_at` is a field's first bit. Names are unique in a kernel. */
  readonly fields: readonly string[];
  /** What its elements run over, in kernels with an extent; by default what the items run over. */
  readonly over?: Over;
}

/** Names of the records that a kernel can read. */
export const RECORDS = ["given", "free", "common"] as const;

/** One of {@linkcode RECORDS}. */
export type RecordName = (typeof RECORDS)[number];

/** What every kernel with records, or with a sign of its own, learns beside its parameters. */
export type OwnParameter = "party" | "parity";

/** Numbers that a definition sees: its parameters, and those that an engine fills in. */
export type Numbers<P extends string> = Readonly<Record<P | OwnParameter | "cols", number>>;

/** This party's half of a record, at one element. */
export interface KeyCursor {
  /** All bytes that the record lies in. */
  readonly bytes: Uint8Array;
  /** Where in them the element begins, in bits. */
  readonly at: number;
  /** 1 where this half's one-hot vectors have odd parity. */
  readonly parity: 0 | 1;
  /** Moves to element e; elements are visited in ascending order. */
  seek(e: number): KeyCursor;
  /** Absolute position of a field's first bit. */
  place(field: string): number;
  /** A field that is the half of a one-hot vector of 2^bits points. */
  oneHot(field: string, bits: number): OneHot;
  /** Word `index` of a field that holds words of at most 32 bits, unsigned. */
  word(field: string, bits: number, index?: number): number;
  /** A word of up to 64 bits. */
  wide(field: string, bits: number, index?: number): bigint;
  /** `bits` bits of a field, from bit `from` of it on. */
  part(field: string, from: number, bits: number): number;
  /** `bits` bits from bit `from` of the element on. */
  bit(from: number, bits: number): number;
}

/** What the definition of a kernel sees of one item. */
export interface Item<
  R extends string = string,
  W extends string = string,
  P extends string = string,
  T extends string = string,
> {
  /** Number of the item in its lane. */
  readonly i: number;
  /** Its block. */
  readonly block: number;
  /** Its row in the lane. */
  readonly row: number;
  /** Index of its first element of each tensor. */
  readonly at: Readonly<Record<R | W, number>>;
  /** Tensors of one word an element. */
  readonly x: Readonly<Record<R | W, Uint32Array>>;
  /** Tensors of ring elements; what is written is reduced afterwards. */
  readonly ring: Readonly<Record<R | W, bigint[]>>;
  /** Parameters; `party` and `parity`; `cols`, the columns of the block. */
  readonly p: Numbers<P>;
  /** This party's halves of the records, at the item's first element. */
  readonly given: KeyCursor;
  /** Likewise. */
  readonly free: KeyCursor;
  /** Likewise. */
  readonly common: KeyCursor;
  /** Public tables. */
  readonly table: Readonly<Record<T, Uint32Array>>;
  /** The same where a call has several of one name. */
  readonly tables: Readonly<Record<T, readonly Uint32Array[]>>;
  /** Public words. */
  readonly list: Readonly<Record<string, ArrayLike<number>>>;
}

/** One step of a gate. */
export interface Kernel<
  R extends string = string,
  W extends string = string,
  P extends string = string,
  T extends string = string,
> {
  /** Name: its file is `<name>.wgsl`, its function in assembly the same in camel case. With ring operands, the function is generic in the word. */
  readonly name: string;
  /** What an item is, in kernels whose calls have an extent. */
  readonly over?: Over;
  /** Tensors in the order of an engine's arguments. */
  readonly reads: Readonly<Record<R, KernelTensor<NoInfer<P>>>>;
  /** Tensors that it makes. */
  readonly writes: Readonly<Record<W, KernelTensor<NoInfer<P>>>>;
  /** Records of the gate's key. */
  readonly records?: Readonly<Partial<Record<RecordName, RecordSpec>>>;
  /** Public numbers, by name, with what they mean. */
  readonly params: Readonly<Record<P, string>>;
  /** Public tables. */
  readonly tables?: Readonly<Record<T, TableSpec<NoInfer<P>>>>;
  /** Lists of public words, by name, with what they hold. */
  readonly lists?: Readonly<Record<string, string>>;
  /** A GPU gives every item a workgroup, not a thread. */
  readonly byGroup?: true;
  /** About what one item takes on a CPU, in nanoseconds; `cols` are the columns of a row on average. */
  costNs(params: Readonly<Record<NoInfer<P>, number>>, cols: number): number;
  /** The definition: writes the item's results. */
  element(item: Item<R, W, NoInfer<P>, T>): void;
}

/** A kernel with its WGSL. */
export interface GateKernel {
  /** The description. */
  readonly kernel: Kernel;
  /** The file's text. */
  readonly source: string;
}

/** One call of a kernel. */
export interface KernelCall<R extends string = string, P extends string = string, T extends string = string> {
  /** Whose call. */
  readonly party: 0 | 1;
  /** Tensors by name; null leaves an optional one out. */
  readonly reads: Readonly<Record<R, Handle | null>>;
  /** Records by name. */
  readonly records?: Readonly<Partial<Record<RecordName, RecordView>>>;
  /** Numbers by name. */
  readonly params: Readonly<Record<P, number>>;
  /** Tables by name; several of one length where the kernel picks one. */
  readonly tables?: Readonly<Record<T, Uint32Array | readonly Uint32Array[]>>;
  /** Lists by name. */
  readonly lists?: Readonly<Record<string, ArrayLike<number>>>;
  /** Rows and columns of the lane, where the kernel runs over them. */
  readonly extent?: Extent;
}

/** Types a description by its own names. */
export function kernel<R extends string, W extends string, P extends string, T extends string = never>(
  description: Kernel<R, W, P, T>,
): Kernel<R, W, P, T> {
  return description;
}

/** What of each row belongs to a domain. */
export function perRow(over: Over, cols: number): number {
  if (over === "row") return 1;
  if (over === "element") return cols;
  return over === "pair" ? cols >>> 1 : (cols + 1) >>> 1;
}

/** Items of each block of a call, and of all. */
export function itemCounts(kernel: Kernel, call: KernelCall): readonly number[] {
  const { extent } = call;
  if (extent !== undefined) {
    const over = kernel.over ?? "element";
    return extent.cols.map((cols) => extent.rows * perRow(over, cols));
  }
  const record = call.records?.given ?? call.records?.free;
  if (record !== undefined) return record.counts;
  const [name] = Object.keys(kernel.reads);
  return [call.reads[name!]!.count / sizeOf(kernel.reads[name!]!.per, call.params)];
}

/** A number, or the parameter of that name. */
export function sizeOf(per: number | string | undefined, params: Readonly<Record<string, number>>): number {
  return typeof per === "string" ? params[per]! : per ?? 1;
}

/** Words of an element that a kernel writes. */
export function wordsWritten({ ring }: KernelTensor, params: Readonly<Record<string, number>>): 1 | 2 {
  return typeof ring === "string" && params[ring]! > 32 ? 2 : 1;
}

/** Whether a kernel has ring operands, and so one piece of code for words and one for pairs of words. */
export function hasRing({ reads, writes }: Kernel): boolean {
  return [...Object.values(reads), ...Object.values(writes)].some(({ ring }) => ring !== undefined);
}

/** A number that a kernel gets, and where an engine finds it. */
export interface BoundNumber {
  /** Its name. */
  readonly name: string;
  /** Its value in a call that writes the tensors `made`. */
  readonly of: (call: KernelCall, made: readonly Handle[]) => number;
}

/**
 * The numbers of a kernel in the order of an engine's arguments: bits of its records, places of their fields, words of ring operands, presence of optional
 * ones, `party` and `parity`, then its parameters. An engine makes this list once per kernel: a call costs one function call a number.
 */
export function numbersOf(kernel: Kernel): readonly BoundNumber[] {
  const { records = {}, reads, writes, params } = kernel, out: BoundNumber[] = [];
  const present = RECORDS.filter((name) => records[name] !== undefined), made = Object.keys(writes);
  for (const name of present) out.push({ name: `${name}_bits`, of: ({ records }) => records![name]!.bits });
  for (const name of present) {
    for (const field of records[name]!.fields) {
      out.push({ name: `${field}_at`, of: ({ records }) => placeOf(records![name]!, field).at });
    }
  }
  for (const [name, { ring, optional }] of Object.entries(reads)) {
    if (ring !== undefined) out.push({ name: `${name}_words`, of: ({ reads }) => reads[name]?.wordsPerElement ?? 1 });
    if (optional) out.push({ name: `has_${name}`, of: ({ reads }) => reads[name] ? 1 : 0 });
  }
  made.forEach((name, j) => {
    if (writes[name]!.ring !== undefined) {
      out.push({
        name: `${name}_words`,
        of: (_, made) => made[j]!.wordsPerElement,
      });
    }
  });
  out.push({ name: "party", of: ({ party }) => party });
  if (records.given) out.push({ name: "parity", of: ({ records }) => records!.given!.parity });
  for (const name of Object.keys(params)) out.push({ name, of: ({ params }) => params[name]! });
  return out;
}

/** Names of a kernel's arguments in order: its tensors, lists and tables, then its numbers. */
export function argumentNames(kernel: Kernel): string[] {
  const { reads, writes, lists = {}, tables = {} } = kernel;
  return [reads, writes, lists, tables].flatMap(Object.keys).concat(numbersOf(kernel).map(({ name }) => name));
}

/** What the elements of a tensor or record are spread over, where it is not what the items are. */
export function spreadOver({ over = "element" }: Kernel, spec: { readonly over?: Over }): Over | null {
  return spec.over === undefined || spec.over === over ? null : spec.over;
}

/** Elements of a tensor that a kernel writes. */
export function countWritten(kernel: Kernel, call: KernelCall, spec: KernelTensor, items: number): number {
  const over = spreadOver(kernel, spec), { extent } = call;
  if (over === null || extent === undefined) return items * sizeOf(spec.per, call.params);
  let count = 0;
  for (const cols of extent.cols) count += extent.rows * perRow(over, cols);
  return count;
}

/** Whether a call works on pairs of words: any of its ring operands has two. */
export function isWide(kernel: Kernel, call: KernelCall): boolean {
  for (const name in kernel.reads) if (kernel.reads[name]!.ring && call.reads[name]?.wordsPerElement === 2) return true;
  for (const name in kernel.writes) if (wordsWritten(kernel.writes[name]!, call.params) === 2) return true;
  return false;
}

/** Where a field lies within an element of a record. */
export function placeOf(record: RecordView, field: string): FieldPlace {
  const place = record.fields[field];
  if (place === undefined) throw new Error(`Internal error: a record lacks its field ${field}`);
  return place;
}
