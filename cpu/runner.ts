/**
 * Tensors in the shared memory, the scopes that own them, and calls of kernels.
 *
 * @module
 */

import type { Handle, KeyMemory, RecordView, Scope } from "../core/engine.ts";
import { Heap } from "./memory.ts";
import { type Kernels, runRange, SEGMENT_WORDS } from "./kernels.ts";
import { ARGS_AT, type Threads } from "./threads.ts";

/** The words 1, 2, 4, … 2^31 that stand before every table: lookups spread bits with them. */
const BIT_WORDS = 32;

/** How a table lies in memory. */
export type TableForm = "plain" | "signed" | "halves";

/** Tables that lie one behind the other. */
interface PlacedTables {
  readonly tables: readonly Uint32Array[];
  /** Address of the first one's entries. */
  readonly at: number;
}

const FORMS: Readonly<
  Record<TableForm, {
    readonly entries: (points: number) => number;
    readonly wordAt: (table: Uint32Array, points: number, i: number) => number;
  }>
> = {
  // Backwards and twice.
  plain: { entries: (points) => 2 * points, wordAt: (table, points, i) => table[(2 * points - i % points) % points]! },
  // Of differences that are not reduced, 2^(k+1) entries for digits of k bits: backwards, from the largest to the smallest.
  signed: { entries: (points) => points, wordAt: (table, points, i) => table[(4 * points + points / 2 - i) % points]! },
  // For two lookups in 16 bits at once: the entry in the low half, the one before it in the high half.
  halves: {
    entries: (points) => 2 * points,
    wordAt: (table, points, i) =>
      (table[(3 * points - i) % points]! & 0xffff) | ((table[(3 * points - i - 1) % points]! & 0xffff) << 16),
  },
};

/** A tensor at an address; 0 once it is freed. */
export class Tensor implements Handle {
  owner: TensorScope | null = null;
  constructor(public at: number, readonly count: number, readonly wordsPerElement: 1 | 2) {}
  get byteLength(): number {
    return 4 * this.count * this.wordsPerElement;
  }
}

/** Key bytes at an address; 0 once they are freed. */
export class Keys implements KeyMemory {
  constructor(readonly heap: Heap, public at: number, readonly byteLength: number) {}
  view(offset: number, byteLength: number): Uint8Array {
    if (!(offset >= 0 && byteLength >= 0 && offset + byteLength <= this.byteLength)) {
      throw new RangeError(
        `Cannot view key memory as the range must end within ${this.byteLength} bytes: received ${byteLength} at ${offset}`,
      );
    }
    return this.heap.u8.subarray(this.at + offset, this.at + offset + byteLength);
  }
}

/** Handles made while this scope was current. */
export class TensorScope implements Scope {
  readonly tensors: Tensor[] = [];
  constructor(readonly runner: Runner, readonly parent: TensorScope | null) {}
  end(kept: readonly Handle[]): void {
    for (const tensor of this.tensors) {
      if (tensor.owner !== this) continue;
      if (kept.includes(tensor)) this.runner.own(tensor, this.parent);
      else this.runner.free(tensor);
    }
    this.tensors.length = 0;
    if (this.runner.scope === this) this.runner.scope = this.parent;
  }
}

/** Address of a tensor. */
export function addressOf(x: Handle): number {
  const { at } = x as Tensor;
  if (at === 0) throw new Error("Internal error: a tensor was used after its scope had ended");
  return at;
}

/** Address of block b of a record. */
export function recordAt(record: RecordView, b: number): number {
  return (record.memory as Keys).at + record.at[b]!;
}

/** Memory, segments and kernels of one engine. */
export class Runner {
  scope: TensorScope | null = null;
  #segmentsAt: number;
  #segmentsCapacity = 256;
  #count = 0;
  #items = 0;
  readonly #tables = new WeakMap<Uint32Array, Map<TableForm, PlacedTables>>();
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #collected = new FinalizationRegistry<{ at: number; byteLength: number }>(({ at, byteLength }) =>
    this.heap.free(at, byteLength)
  );

  /** @param parallelNs Work below this runs on the calling thread alone. */
  constructor(
    readonly heap: Heap,
    readonly kernels: Kernels,
    names: readonly string[],
    readonly threads: Threads | null,
    readonly parallelNs: number,
  ) {
    this.#numbers = new Map(names.map((name, i) => [name, i]));
    this.#segmentsAt = heap.allocate(4 * SEGMENT_WORDS * this.#segmentsCapacity);
  }

  /** A new tensor that belongs to the current scope; its content is undefined. */
  tensor(count: number, wordsPerElement: 1 | 2 = 1): Tensor {
    const tensor = new Tensor(this.heap.allocate(4 * count * wordsPerElement), count, wordsPerElement);
    this.own(tensor, this.scope);
    return tensor;
  }

  /** Gives a tensor to a scope; without one it lives as long as anybody refers to it. */
  own(tensor: Tensor, owner: TensorScope | null): void {
    tensor.owner = owner;
    if (owner === null) this.collect(tensor, tensor.at, tensor.byteLength);
    else owner.tensors.push(tensor);
  }

  /** Frees a block when nobody refers to `holder` any more. */
  collect(holder: object, at: number, byteLength: number): void {
    this.#collected.register(holder, { at, byteLength });
  }

  free(tensor: Tensor): void {
    this.heap.free(tensor.at, tensor.byteLength);
    tensor.at = 0;
  }

  /** Forgets the segments of the last call. */
  clear(): this {
    this.#count = 0;
    this.#items = 0;
    return this;
  }

  /** Adds a segment of `items` items: words 2 to 7 as its kernel says. */
  segment(items: number, word2 = 0, word3 = 0, word4 = 0, word5 = 0, word6 = 0, word7 = 0): void {
    if (this.#count === this.#segmentsCapacity) this.#growSegments();
    const { u32 } = this.heap, at = this.#segmentsAt / 4 + this.#count++ * SEGMENT_WORDS;
    u32[at] = this.#items;
    u32[at + 1] = this.#items += items;
    u32[at + 2] = word2;
    u32[at + 3] = word3;
    u32[at + 4] = word4;
    u32[at + 5] = word5;
    u32[at + 6] = word6;
    u32[at + 7] = word7;
  }

  #growSegments(): void {
    const bytes = 4 * SEGMENT_WORDS * this.#segmentsCapacity, at = this.heap.allocate(2 * bytes);
    this.heap.u8.copyWithin(at, this.#segmentsAt, this.#segmentsAt + bytes);
    this.heap.free(this.#segmentsAt, bytes);
    this.#segmentsAt = at;
    this.#segmentsCapacity *= 2;
  }

  /** One segment per block of a record. */
  record(record: RecordView): this {
    this.clear();
    for (let b = 0; b < record.counts.length; b++) this.segment(record.counts[b]!, recordAt(record, b));
    return this;
  }

  /** One segment without words. */
  items(count: number): this {
    this.clear().segment(count);
    return this;
  }

  /** Whether there is a kernel of that name. */
  has(name: string): boolean {
    return this.#numbers.has(name);
  }

  /** Number of a kernel. */
  numberOf(name: string): number {
    const number = this.#numbers.get(name);
    if (number === undefined) throw new Error(`Internal error: the CPU engine has no kernel ${name}`);
    return number;
  }

  /** Runs a kernel, by name or number, on the segments. `costNs` is about what one item takes. */
  run(name: string | number, args: readonly number[], costNs: number): void {
    const { u32 } = this.heap, kernel = typeof name === "number" ? name : this.numberOf(name), items = this.#items;
    for (let i = 0; i < args.length; i++) u32[ARGS_AT / 4 + i] = args[i]!;
    if (this.threads !== null && items > 1 && items * costNs > this.parallelNs) {
      this.threads.run(kernel, u32, this.#segmentsAt, this.#count, items);
    } else runRange(this.kernels[kernel]!, u32, ARGS_AT, this.#segmentsAt, this.#count, 0, items);
  }

  /** Copies words to a block that the caller frees. */
  pass(words: ArrayLike<number>): { readonly at: number; readonly bytes: number } {
    const bytes = 4 * words.length, at = this.heap.allocate(bytes);
    this.heap.u32.set(words, at / 4);
    return { at, bytes };
  }

  /** Calls `use` with the address of `bytes` bytes that are free again afterwards. */
  temporary<T>(bytes: number, use: (at: number) => T): T {
    const at = this.heap.allocate(bytes);
    try {
      return use(at);
    } finally {
      this.heap.free(at, bytes);
    }
  }

  /**
   * Address of a table, or of the first of several of one length that follow each other, in the form that lookups read: behind the words 1, 2, 4, … 2^31 the
   * entries of {@linkcode FORMS}, then 8 words of slack.
   */
  table(table: Uint32Array | readonly Uint32Array[], form: TableForm): number {
    const all = table instanceof Uint32Array ? [table] : table, key = all[0]!;
    let forms = this.#tables.get(key);
    if (forms === undefined) this.#tables.set(key, forms = new Map());
    let made = forms.get(form);
    if (made === undefined || made.tables.length !== all.length || !made.tables.every((one, i) => one === all[i])) {
      forms.set(form, made = this.#place(all, form));
    }
    return made.at;
  }

  #place(all: readonly Uint32Array[], form: TableForm): PlacedTables {
    const points = all[0]!.length, { entries, wordAt } = FORMS[form];
    const words = BIT_WORDS + entries(points) + 8,
      byteLength = 4 * words * all.length,
      at = this.heap.allocate(byteLength);
    all.forEach((table, g) => {
      const first = at / 4 + g * words;
      for (let i = 0; i < BIT_WORDS; i++) this.heap.u32[first + i] = 2 ** i;
      for (let i = BIT_WORDS; i < words; i++) this.heap.u32[first + i] = wordAt(table, points, i - BIT_WORDS);
    });
    const placed = { tables: all, at: at + 4 * BIT_WORDS };
    this.collect(placed, at, byteLength);
    return placed;
  }
}
