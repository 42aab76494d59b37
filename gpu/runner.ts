/**
 * Calls of kernels: binds tensors, records and lists, fills in the parameters, and splits what does not fit into one binding.
 *
 * A kernel runs over *items* [first, end). Parameters that every kernel has are filled in here: the items, the number of segments, the widths of its records,
 * and for each tensor the index of the first bound word.
 *
 * @module
 */

import type { RecordView } from "../core/engine.ts";
import { type GateKernel, RECORDS } from "../core/kernel.ts";
import { DeviceError } from "../core/errors.ts";
import { type Batches, type Block, BufferPool } from "./buffers.ts";
import { BINDING_ALIGNMENT_BYTES, type Device } from "./device.ts";
import { type Pipeline, Pipelines } from "./pipelines.ts";
import { type KeyPart, Keys } from "./keys.ts";
import { Owners, type Tensor } from "./tensors.ts";

/** Words of a tensor that the items [first, end) touch, as a half-open range. */
export type WordRange = (first: number, end: number) => readonly [number, number];

/** A tensor in a call. */
export interface TensorOperand {
  /** The tensor. */
  readonly tensor: Tensor;
  /** What of it some items touch; without it always all. */
  readonly range?: WordRange | undefined;
  /** Index at which the kernel counts the tensor's first word, 0 by default. */
  readonly origin?: number;
}

/** A record in a call. */
export interface RecordOperand {
  /** The record. */
  readonly record: RecordView;
  /** Elements that an item of block b has, 1 by default. */
  readonly perItem?: ((b: number) => number) | undefined;
}

/** What a kernel can bind: a tensor, a record, all of a block, words that are passed along, or nothing that it would look at. */
export type Operand =
  | TensorOperand
  | RecordOperand
  | { readonly block: Block }
  | { readonly words: ArrayLike<number> }
  | null;

/** Blocks of a call. */
export interface Segments {
  /** Items of each block. */
  readonly counts: readonly number[];
  /** The two words that each block's segment carries for its kernel. */
  readonly words?: ((b: number) => readonly [number, number]) | undefined;
  /** The word in place of the given record's, for kernels that have none. */
  readonly third?: ((b: number) => number) | undefined;
  /** Words behind all segments, by name; the parameter `<name>_list` says where they begin. */
  readonly lists?: Readonly<Record<string, ArrayLike<number>>> | undefined;
}

/** One call. */
export interface Call {
  /** First item to run, 0 by default. */
  readonly first?: number;
  /** Item behind the last one; by default the sum of the segments' counts. */
  readonly items?: number;
  /** Blocks, for kernels with lists. */
  readonly segments?: Segments;
  /** What it binds, by name; `lists` is made here. */
  readonly operands: Readonly<Record<string, Operand>>;
  /** Parameters of its own, by name. */
  readonly params?: Readonly<Record<string, number>>;
  /** Items that one workgroup takes in one go, 64 by default. */
  readonly itemsPerGroup?: number;
  /** Groups in x, y and z for [first, end), where the kernel lays them out itself. */
  readonly grid?: (first: number, end: number) => readonly [number, number, number];
}

const MAX_GROUPS = 65535;
const SEGMENT_WORDS = 8;

/** Sum of numbers. */
export function total(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** The range of a tensor with `words` words per item. */
export function perItem(words: number): WordRange {
  return (first, end) => [first * words, end * words];
}

function isTensor(operand: Operand): operand is TensorOperand {
  return operand !== null && "tensor" in operand;
}

function isRecord(operand: Operand): operand is RecordOperand {
  return operand !== null && "record" in operand;
}

/** The part of the key memory that holds the record's elements of the items [first, end), null if it takes several. */
function partOf(
  { record, perItem }: RecordOperand,
  counts: readonly number[],
  first: number,
  end: number,
): KeyPart | null {
  const keys = record.memory as Keys;
  if (keys.parts.length === 1) return keys.parts[0]!;
  let low = Infinity, high = 0, item = 0;
  for (let b = 0; b < counts.length; b++) {
    const from = Math.max(first, item) - item, to = Math.min(end, item + counts[b]!) - item, per = perItem?.(b) ?? 1;
    item += counts[b]!;
    if (from >= to) continue;
    low = Math.min(low, record.at[b]! + Math.floor(from * per * record.bits / 8));
    high = Math.max(high, record.at[b]! + Math.ceil(to * per * record.bits / 8));
  }
  return keys.partOf(Math.min(low, high), high);
}

/** Device, memory and kernels of one engine. */
export class Runner {
  readonly pool: BufferPool;
  readonly owners: Owners;
  readonly #pipelines: Pipelines;

  constructor(readonly device: Device, readonly batches: Batches, kernels: readonly GateKernel[]) {
    this.pool = new BufferPool(batches);
    this.owners = new Owners(this.pool);
    this.#pipelines = new Pipelines(device, kernels);
  }

  /** Runs a kernel; `isWide` in its form for pairs of words. */
  run(name: string, call: Call, isWide = false): void {
    const items = call.items ?? total(call.segments!.counts);
    if ((call.first ?? 0) >= items) return;
    this.device.check();
    const pipeline = this.#pipelines.get(name, isWide), operands = Object.values(call.operands);
    for (const operand of operands) if (isRecord(operand)) this.send(operand.record.memory as Keys);
    const isWhole = operands.every((operand) => this.#fitsWhole(operand));
    for (let first = call.first ?? 0; first < items;) {
      const end = isWhole ? items : this.#longestFit(name, call, first, items);
      this.#dispatch(name, pipeline, call, first, end, isWhole);
      first = end;
    }
  }

  #fitsWhole(operand: Operand): boolean {
    if (isTensor(operand)) return 4 * operand.tensor.words + 512 <= this.device.bindingBytes;
    return !isRecord(operand) || (operand.record.memory as Keys).parts.length === 1;
  }

  #fits(call: Call, first: number, end: number): boolean {
    return Object.values(call.operands).every((operand) => {
      if (isRecord(operand)) return partOf(operand, call.segments!.counts, first, end) !== null;
      if (!isTensor(operand)) return true;
      const [from, to] = operand.range?.(first, end) ?? [0, operand.tensor.words];
      return 4 * (to - from) + 512 <= this.device.bindingBytes;
    });
  }

  /** The largest `end` for which [first, end) fits into bindings. */
  #longestFit(name: string, call: Call, first: number, items: number): number {
    if (this.#fits(call, first, items)) return items;
    let low = first, high = items;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#fits(call, first, middle)) low = middle;
      else high = middle;
    }
    if (low === first) {
      throw new DeviceError(
        `Cannot run ${name} as what one item needs must fit into bindings of ${this.device.bindingBytes} bytes: received more (use shorter inputs or --engine wasm)`,
      );
    }
    return low;
  }

  #dispatch(
    name: string,
    { pipeline, layout, spec }: Pipeline,
    call: Call,
    first: number,
    end: number,
    isWhole: boolean,
  ): void {
    const { batches } = this, params: Record<string, number> = { ...call.params, first, end };
    let lists: number[] | null = null, passed = 0;
    if (call.segments !== undefined) {
      lists = this.#segments(call, call.segments, first, end);
      params.segment_count = lists.length / SEGMENT_WORDS;
      for (const [name, words] of Object.entries(call.segments.lists ?? {})) {
        params[`${name}_list`] = lists.length;
        for (let i = 0; i < words.length; i++) lists.push(words[i]!);
      }
      passed += lists.length;
    }
    for (const operand of Object.values(call.operands)) {
      if (operand !== null && "words" in operand) passed += operand.words.length;
    }
    batches.reserve(passed + 64 * (Object.keys(spec.bindings).length + 2));
    const entries: GPUBindGroupEntry[] = [];
    for (const binding of Object.keys(spec.bindings)) {
      const operand = binding === "lists" ? null : call.operands[binding];
      if (operand === undefined) throw new Error(`Internal error: ${name} lacks its operand ${binding}`);
      let resource: GPUBufferBinding;
      params[`${binding}_base`] = 0;
      if (binding === "lists") resource = batches.arguments(lists!);
      else if (operand === null) resource = batches.arguments([]);
      else if ("words" in operand) resource = batches.arguments(operand.words);
      else if ("block" in operand) resource = this.#use(operand.block);
      else if (isRecord(operand)) {
        params[`${binding.slice(0, -"_key".length)}_bits`] = operand.record.bits;
        resource = this.#use(partOf(operand, call.segments!.counts, first, end)!.block);
      } else {
        const { tensor, range, origin = 0 } = operand,
          [from, to] = isWhole || range === undefined ? [0, tensor.words] : range(first, end),
          byte = 4 * from,
          offset = byte - byte % BINDING_ALIGNMENT_BYTES;
        params[`${binding}_base`] = offset / 4 + origin;
        resource = this.#use(tensor.block, offset, Math.max(4, 4 * to - offset));
      }
      entries.push({ binding: entries.length, resource });
    }
    const fields = Object.keys(spec.params).map((field) => {
      const value = params[field];
      if (value === undefined) throw new Error(`Internal error: ${name} lacks its parameter ${field}`);
      return value;
    });
    // A uniform struct is as long as a multiple of 16 bytes.
    entries.push({ binding: entries.length, resource: batches.arguments(fields, Math.ceil(fields.length / 4) * 4) });
    const pass = batches.pass(name), bindGroup = this.device.gpu.createBindGroup({ label: name, layout, entries });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    const [x, y, z] = call.grid?.(first, end) ??
      [Math.min(MAX_GROUPS, Math.ceil((end - first) / (call.itemsPerGroup ?? 64))), 1, 1];
    pass.dispatchWorkgroups(x, y, z);
  }

  #use(block: Block, offset = 0, size = block.usedBytes): GPUBufferBinding {
    if (size > this.device.bindingBytes) {
      throw new DeviceError(
        `Cannot bind the buffer "${block.buffer.label}" as ${this.device.adapterName} allows ${this.device.bindingBytes} bytes: received ${size}`,
      );
    }
    block.batch = this.batches.number;
    return { buffer: block.buffer, offset, size };
  }

  /** One segment for each block that has items in [first, end). */
  #segments({ operands }: Call, { counts, words, third }: Segments, first: number, end: number): number[] {
    const lists: number[] = [],
      records = RECORDS.map((name) => {
        const operand = operands[`${name}_key`] ?? null;
        if (!isRecord(operand)) return null;
        return { at: operand.record.at, first: partOf(operand, counts, first, end)!.first };
      });
    let item = 0;
    for (let b = 0; b < counts.length; b++) {
      const next = item + counts[b]!;
      if (next > Math.max(item, first) && item < end) {
        lists.push(item, next);
        let bytes = 0;
        records.forEach((record, i) => {
          // The block may begin in an earlier part: words before this part count backwards.
          const at = record === null ? 0 : record.at[b]! - record.first, word = Math.floor(at / 4);
          bytes |= (at - 4 * word) << (2 * i);
          lists.push(i === 0 && third !== undefined ? third(b) : word);
        });
        lists.push(bytes, ...(words?.(b) ?? [0, 0]));
      }
      item = next;
    }
    return lists;
  }

  /** Sends what was read into a key memory's views. */
  send(keys: Keys): void {
    for (const { offset, bytes } of keys.takeViews()) {
      for (const part of keys.parts) {
        const from = Math.max(offset, part.first), to = Math.min(offset + bytes.length, part.end);
        if (from < to) this.#write(part, from - part.first, bytes.subarray(from - offset, to - offset));
      }
    }
  }

  /** Writes bytes to any place of a part: whole words by themselves, the rest through a kernel that keeps what is around them. */
  #write({ block }: KeyPart, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    const aligned = offset % 4 === 0 ? bytes.length - bytes.length % 4 : 0;
    if (aligned > 0) this.batches.write(block, offset, bytes.subarray(0, aligned));
    if (aligned === bytes.length) return;
    const rest = new Uint8Array(Math.ceil((bytes.length - aligned) / 4) * 4);
    rest.set(bytes.subarray(aligned));
    const source = this.pool.take("unaligned keys", rest.length);
    this.batches.write(source, 0, rest);
    this.place(source, 0, block, offset + aligned, bytes.length - aligned);
    this.pool.give(source);
  }

  /** Copies bytes from any place of a block to any place of another. */
  place(source: Block, from: number, target: Block, offset: number, byteLength: number): void {
    const first = Math.floor(offset / 4), end = Math.ceil((offset + byteLength) / 4);
    this.run("place", {
      items: end - first,
      operands: { source: { block: source }, key_memory: { block: target } },
      params: {
        word_first: first,
        source_bit: 32 + 8 * (from - offset % 4),
        shift: 8 * (offset % 4),
        bit_end: 8 * (offset + byteLength - 4 * (end - 1)),
      },
    });
  }

  /** A tensor operand with one element per item. */
  each(tensor: Tensor): TensorOperand {
    return { tensor, range: perItem(tensor.wordsPerElement) };
  }
}
