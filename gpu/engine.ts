/**
 * The GPU engine: WGSL kernels on buffers of one WebGPU device. It agrees bit for bit with the reference engine.
 *
 * Calls record commands; `pack` and `download` submit them and read everything that was asked for in the same turn with one mapping.
 *
 * @module
 */

import type {
  AttentionStep,
  CacheHandle,
  Engine,
  ExpDitheredStep,
  ExpStep,
  Extent,
  Handle,
  KeyMemory,
  MaximumStep,
  RecordView,
  RowStep,
  Scope,
  SeedStream,
  SpliceStep,
  TruncateStep,
  Weights,
  WrapStep,
} from "../core/engine.ts";
import { lowMask } from "../core/ring/words.ts";
import { Batches } from "./buffers.ts";
import { Device, type DeviceOptions } from "./device.ts";
import { elementSegments, rowSegments, Spread } from "./extents.ts";
import { expandInto } from "./expand.ts";
import * as steps from "./gate_steps.ts";
import { Keys } from "./keys.ts";
import { PassTimer } from "./pass_timer.ts";
import * as products from "./products.ts";
import { Readback } from "./readback.ts";
import * as rows from "./row_steps.ts";
import { type Operand, Runner, total } from "./runner.ts";
import { Tables } from "./tables.ts";
import { Tensor, TensorScope } from "./tensors.ts";
import * as wideProducts from "./wide_products.ts";
import * as wideSteps from "./wide_steps.ts";

/** How to make a GPU engine. */
export interface GpuEngineOptions extends DeviceOptions {
  /** Awaits every readback, as where the fast way does not work: 10 ms each. */
  readonly awaitReadbacks?: boolean;
}

/** The GPU engine. */
export interface GpuEngine extends Engine {
  /** Name of the adapter. */
  readonly adapterName: string;
  /** What one readback of 4 bytes took on opening, in milliseconds: the mean of 50. */
  readonly readbackMs: number;
  /** Whether readbacks do without the 10 ms that awaiting a mapping takes. */
  readonly isReadbackFast: boolean;
  /** Time spent waiting for the device so far, in milliseconds. */
  readonly deviceMs: number;
  /** Readbacks so far, each with one submit. */
  readonly readbackCount: number;
  /** Time spent handing words over to the device so far, in milliseconds; it takes them in with the commands that follow. */
  readonly uploadMs: number;
  /** Bytes handed over so far. */
  readonly uploadedBytes: number;
  /** Bytes of device memory in use, rounded up to the allocator's classes. */
  readonly usedBytes: number;
  /**
   * Device time by kernel since the last call, in milliseconds; null unless the engine was made with `timesKernels` on an adapter that has timestamps.
   */
  kernelMs(): Promise<ReadonlyMap<string, number> | null>;
  /** Waits until the device has done all that was asked of it so far. */
  settle(): Promise<void>;
  /** Copies words back. */
  download(x: Handle): Promise<Uint32Array>;
  /** Packs the low bits of every element. */
  pack(x: Handle, bits: number): Promise<Uint8Array>;
  /** Gives the device back. The engine cannot be used afterwards. */
  close(): void;
}

/** Larger messages go into a buffer of their own. */
const MAX_PASSED_BYTES = 2 ** 16;

/** The words of a packed share, the last one padded with zeros. */
function wholeWords(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

class KernelEngine implements GpuEngine {
  readonly name = "webgpu";
  readonly #run: Runner;
  readonly #readback: Readback;
  readonly #tables: Tables;
  /** What was expanded in this turn is submitted at its end. */
  #isExpanding = false;

  constructor(run: Runner, readback: Readback, readonly readbackMs: number) {
    this.#run = run;
    this.#readback = readback;
    this.#tables = new Tables(run);
  }
  get adapterName(): string {
    return this.#run.device.adapterName;
  }
  get isReadbackFast(): boolean {
    return this.#readback.isFast;
  }
  get deviceMs(): number {
    return this.#readback.deviceMs;
  }
  get readbackCount(): number {
    return this.#readback.count;
  }
  get uploadMs(): number {
    return this.#run.batches.uploadMs;
  }
  get uploadedBytes(): number {
    return this.#run.batches.uploadedBytes;
  }
  get usedBytes(): number {
    return this.#run.pool.usedBytes;
  }
  async kernelMs(): Promise<ReadonlyMap<string, number> | null> {
    return await this.#run.batches.timer?.take() ?? null;
  }
  async settle(): Promise<void> {
    const scope = this.begin(), read = this.download(this.upload(Uint32Array.of(0)));
    scope.end([]);
    await read;
  }
  close(): void {
    this.#run.device.close();
  }

  upload(words: Uint32Array, wordsPerElement: 1 | 2 = 1): Handle {
    const { owners, batches } = this.#run,
      out = owners.tensor("upload", words.length / wordsPerElement, wordsPerElement);
    if (words.length > 0) batches.write(out.block, 0, words);
    return out;
  }
  async download(x: Handle): Promise<Uint32Array> {
    const tensor = x as Tensor,
      bytes = await this.#readback.read(tensor.block, 4 * tensor.firstWord, 4 * tensor.words);
    return new Uint32Array(bytes.buffer, 0, tensor.words);
  }
  begin(): Scope {
    const { owners } = this.#run;
    return owners.scope = new TensorScope(owners, owners.scope);
  }
  enter(scope: Scope | null): Scope | null {
    const { owners } = this.#run, before = owners.scope;
    owners.scope = scope as TensorScope | null;
    return before;
  }
  keyMemory(byteLength: number): KeyMemory {
    return new Keys(this.#run.pool, byteLength);
  }
  freeKeyMemory(memory: KeyMemory): void {
    (memory as Keys).free();
  }
  expand(seed: Uint8Array, memory: KeyMemory, streams: readonly SeedStream[]): void {
    expandInto(this.#run, seed, memory as Keys, streams);
    if (this.#isExpanding) return;
    // Keys of lanes to come: the device expands them while this party waits for the other one, not with the next exchange.
    this.#isExpanding = true;
    queueMicrotask(() => {
      this.#isExpanding = false;
      this.#run.batches.submit();
    });
  }

  pack(x: Handle, bits: number): Promise<Uint8Array> {
    const run = this.#run, tensor = x as Tensor, byteLength = Math.ceil(x.count * bits / 8);
    if (bits === 32 && x.wordsPerElement === 1) {
      return this.#readback.read(tensor.block, 4 * tensor.firstWord, byteLength);
    }
    return run.owners.temporary("packed share", Math.ceil(byteLength / 4), (packed) => {
      // 32 elements fill `bits` words.
      const elements = (word: number): number => Math.min(x.count, Math.ceil((word + 1) * 32 / bits) + 1);
      run.run("pack", {
        items: packed.count,
        operands: {
          x: {
            tensor,
            range: (first, end) => [
              Math.max(0, elements(first - 1) - 3) * x.wordsPerElement,
              elements(end) * x.wordsPerElement,
            ],
          },
          packed: run.each(packed),
        },
        params: { count: x.count, bits, wide: x.wordsPerElement },
      });
      return this.#readback.read(packed.block, 0, byteLength);
    });
  }
  combine(kind: "add" | "xor", mine: Handle | null, count: number, theirs: Uint8Array, bits: number): Handle {
    const run = this.#run,
      // Who receives nothing keeps its share as it is, word by word.
      kept = bits === 0 ? mine?.wordsPerElement ?? 1 : 1,
      wide = bits > 32 ? 2 : 1,
      out = run.owners.tensor("opened values", count, bits === 0 ? kept : wide),
      byteLength = Math.ceil(count * bits / 8);
    const narrow = mine !== null && mine.wordsPerElement > out.wordsPerElement
        ? wideSteps.lowWords(run, mine as Tensor)
        : mine,
      own = narrow === null ? null : run.each(narrow as Tensor, wide),
      share = (received: Operand): void =>
        run.run("combine", {
          items: count * kept,
          operands: { mine: own, theirs: received, opened: run.each(out, wide) },
          // Who receives nothing keeps its share: XOR with no bits.
          params: {
            bits,
            wide,
            is_xor: kind === "xor" || bits === 0 ? 1 : 0,
            has_mine: mine === null ? 0 : 1,
          },
        });
    if (byteLength <= MAX_PASSED_BYTES) share({ words: wholeWords(theirs) });
    else {
      run.owners.temporary("received share", Math.ceil(byteLength / 4), (received) => {
        run.batches.write(received.block, 0, byteLength % 4 === 0 ? theirs : wholeWords(theirs));
        share({
          tensor: received,
          range: (first, end) => [
            Math.floor(first * bits / 32),
            Math.min(received.count, Math.ceil(end * bits / 32) + 1),
          ],
        });
      });
    }
    return out;
  }

  add(x: Handle, y: Handle, bits: number): Handle {
    if (bits > 32) return wideSteps.add(this.#run, x as Tensor, y as Tensor, bits);
    const run = this.#run, result = run.owners.tensor("sum", x.count);
    run.run("add", {
      items: x.count,
      operands: { x: run.each(x as Tensor), y: run.each(y as Tensor), result: run.each(result) },
      params: { ring_mask: lowMask(bits) },
    });
    return result;
  }
  columns(x: Handle, extent: Extent, from: number, to: number): Handle {
    // Elements of two words are two columns.
    const run = this.#run,
      { wordsPerElement } = x,
      { rows } = extent,
      cols = extent.cols.map((count) => wordsPerElement * count),
      width = wordsPerElement * (to - from),
      counts = cols.map(() => rows * width),
      elements = new Spread(counts, cols.map((count) => rows * count)),
      result = run.owners.tensor("columns", total(counts) / wordsPerElement, wordsPerElement);
    run.run("columns", {
      segments: { counts, words: (b) => [elements.firstWord(b), cols[b]!] },
      operands: { x: { tensor: x as Tensor, range: elements.range(() => width) }, result: run.each(result) },
      params: { column: wordsPerElement * from, width },
    });
    return result;
  }
  rotate(x: Handle, angles: Int32Array, heads: number, width: number, bits: number): Handle {
    const run = this.#run,
      half = width / 2,
      result = run.owners.tensor("turned values", x.count),
      range = (first: number, end: number): [number, number] => [
        Math.floor(first / half) * width,
        Math.ceil(end / half) * width,
      ];
    run.run("rotate", {
      items: x.count / 2,
      operands: {
        x: { tensor: x as Tensor, range },
        angles: { words: new Uint32Array(angles.buffer, angles.byteOffset, angles.length) },
        result: { tensor: result, range },
      },
      params: { heads, half, ring_mask: lowMask(bits) },
    });
    return result;
  }
  distance(top: Handle, x: Handle, extent: Extent, scale: number, bits: number): Handle {
    const run = this.#run,
      { segments, rows } = elementSegments(extent),
      result = run.owners.tensor("distances", x.count);
    run.run("distance", {
      segments,
      operands: {
        top: { tensor: top as Tensor, range: rows.range((b) => extent.cols[b]!) },
        x: run.each(x as Tensor),
        result: run.each(result),
      },
      params: { scale, ring_mask: lowMask(bits) },
    });
    return result;
  }
  rowSum(x: Handle, extent: Extent, bits: number): Handle {
    const run = this.#run,
      { segments, elements } = rowSegments(extent),
      result = run.owners.tensor("row sums", total(segments.counts));
    run.run("row_sum", {
      segments,
      operands: { x: { tensor: x as Tensor, range: elements.range(() => 1) }, result: run.each(result) },
      params: { ring_mask: lowMask(bits) },
      itemsPerGroup: 1,
    });
    return result;
  }
  shift(x: Handle, inBits: number, by: number, bits: number): Handle {
    if (inBits > 32) return wideSteps.shift(this.#run, x as Tensor, inBits, by, bits);
    const run = this.#run, result = run.owners.tensor("shifted values", x.count);
    run.run("shift", {
      items: x.count,
      operands: { x: run.each(x as Tensor), result: run.each(result) },
      params: { in_mask: lowMask(inBits), by, out_mask: lowMask(bits) },
    });
    return result;
  }
  extend(x: Handle, from: number, top: Handle | null, to: number): Handle {
    if (to > 32) return wideSteps.extend(this.#run, x as Tensor, from, top as Tensor | null, to);
    const run = this.#run, result = run.owners.tensor("extended values", x.count);
    run.run("extend", {
      items: x.count,
      operands: {
        x: run.each(x as Tensor),
        top: top === null ? null : run.each(top as Tensor),
        result: run.each(result),
      },
      params: { in_bits: from, has_top: top === null ? 0 : 1, ring_mask: lowMask(to) },
    });
    return result;
  }
  addWrap(step: WrapStep, a: Handle, x: Handle, c: Handle): Handle {
    if (wideSteps.isWide(step)) return wideSteps.addWrap(this.#run, step, a as Tensor, x as Tensor, c as Tensor);
    const run = this.#run, result = run.owners.tensor("sum", a.count), { inBits, shift, sign, outBits } = step;
    run.run("add_wrap", {
      items: a.count,
      operands: {
        a: run.each(a as Tensor),
        x: run.each(x as Tensor),
        c: run.each(c as Tensor),
        result: run.each(result),
      },
      params: { in_bits: inBits, factor: sign * 2 ** shift, ring_mask: lowMask(outBits) },
    });
    return result;
  }
  unpack(record: RecordView, offset: number, bits: number): Handle {
    const run = this.#run,
      wide = bits > 32 ? 2 : 1,
      result = run.owners.tensor("key words", total(record.counts), wide);
    run.run("unpack", {
      segments: { counts: record.counts },
      operands: { given_key: { record }, result: run.each(result, wide) },
      params: { offset, bits, wide },
    });
    return result;
  }

  weights(words: Uint32Array, inputs: number, outputs: number, wordsPerElement: 1 | 2 = 1): Weights {
    return products.weights(this.#run, words, inputs, outputs, wordsPerElement);
  }
  linear(x: Handle | null, mask: RecordView | null, weights: Weights, pad: RecordView): Handle {
    const count = total(pad.counts), rowCount = count === 0 ? 0 : count / weights.outputs;
    const { linear } = weights.wordsPerElement === 2 ? wideProducts : products;
    return linear(this.#run, x as Tensor | null, mask, weights as products.Matrix, pad, rowCount);
  }
  multiplyWeights(x: Handle, weights: Weights): Handle {
    const { linear } = weights.wordsPerElement === 2 ? wideProducts : products;
    return linear(this.#run, x as Tensor, null, weights as products.Matrix, null, x.count / weights.inputs);
  }
  multiply(
    party: 0 | 1,
    x: Handle,
    maskX: Handle,
    y: Handle,
    maskY: Handle,
    extent: Extent,
    broadcast: boolean,
    pad: RecordView,
  ): Handle {
    const tensors = [x, maskX, y, maskY] as [Tensor, Tensor, Tensor, Tensor];
    const { multiply } = pad.bits > 32 ? wideProducts : products;
    return multiply(this.#run, party, ...tensors, extent, broadcast, pad);
  }
  cache(capacityTokens: number, widthPerToken: number): CacheHandle {
    return products.makeCache(this.#run, capacityTokens, widthPerToken);
  }
  freeCache(cache: CacheHandle): void {
    products.freeCache(this.#run, cache as products.Cache);
  }
  store(party: 0 | 1, cache: CacheHandle, fromToken: number, x: Handle, mask: Handle): void {
    products.store(this.#run, party, cache as products.Cache, fromToken, x as Tensor, mask as Tensor);
  }
  scores(q: Handle, maskQ: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    return products.attend(this.#run, "scores", q, maskQ, cache as products.Cache, step, pad);
  }
  mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    return products.attend(this.#run, "mix", p, maskP, cache as products.Cache, step, pad);
  }
  squareSum(
    party: 0 | 1,
    x: Handle,
    extent: Extent,
    inBits: number,
    outBits: number,
    given: RecordView,
    free: RecordView,
  ): Handle {
    const { squareSum } = inBits > 32 ? wideProducts : products;
    return squareSum(this.#run, party, x as Tensor, extent, inBits, outBits, given, free);
  }

  truncateSymbols(step: TruncateStep, z: Handle, given: RecordView, free: RecordView): Handle {
    const { truncateSymbols } = step.inBits > 32 ? wideSteps : steps;
    return truncateSymbols(this.#run, step, z as Tensor, given, free);
  }
  truncateFinish(step: TruncateStep, z: Handle, opened: Handle, given: RecordView, free: RecordView): Handle {
    const { truncateFinish } = wideSteps.isWide(step) ? wideSteps : steps;
    return truncateFinish(this.#run, step, z as Tensor, opened as Tensor, given, free);
  }
  maximumSymbols(step: MaximumStep, x: Handle, given: RecordView, free: RecordView): Handle {
    return steps.maximumSymbols(this.#run, step, x as Tensor, given, free);
  }
  maximumSelect(
    party: 0 | 1,
    step: MaximumStep,
    x: Handle,
    opened: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle {
    return steps.maximumSelect(this.#run, party, step, x as Tensor, opened as Tensor, given, free);
  }
  maximumMerge(step: MaximumStep, x: Handle, selected: Handle): Handle {
    return steps.maximumMerge(this.#run, step, x as Tensor, selected as Tensor);
  }
  expSymbols(
    party: 0 | 1,
    step: ExpStep,
    t: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle } {
    return steps.expSymbols(this.#run, this.#tables, party, step, t as Tensor, given, free);
  }
  expClip(party: 0 | 1, _step: ExpStep, symbols: Handle, _given: RecordView, free: RecordView): Handle {
    return steps.expClip(this.#run, party, symbols as Tensor, free);
  }
  expFinish(step: ExpStep, symbols: Handle, values: Handle, clip: Handle, given: RecordView, free: RecordView): Handle {
    return steps.expFinish(this.#run, step, symbols as Tensor, values as Tensor, clip as Tensor, given, free);
  }
  expDitheredValues(party: 0 | 1, step: ExpDitheredStep, t: Handle, given: RecordView, free: RecordView): Handle {
    return steps.expDitheredValues(this.#run, this.#tables, party, step, t as Tensor, given, free);
  }
  expDitheredFinish(step: ExpDitheredStep, values: Handle, given: RecordView, free: RecordView): Handle {
    return steps.expDitheredFinish(this.#run, step, values as Tensor, given, free);
  }
  spliceSymbols(
    party: 0 | 1,
    step: SpliceStep,
    x: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle } {
    return steps.spliceSymbols(this.#run, this.#tables, party, step, x as Tensor, given, free);
  }
  spliceBits(party: 0 | 1, step: SpliceStep, symbols: Handle, given: RecordView, free: RecordView): Handle {
    return steps.spliceBits(this.#run, party, step, symbols as Tensor, given, free);
  }
  spliceFinish(
    party: 0 | 1,
    step: SpliceStep,
    x: Handle,
    values: Handle,
    bits: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle {
    const tensors = [x, values, bits] as [Tensor, Tensor, Tensor];
    return steps.spliceFinish(this.#run, party, step, ...tensors, given, free);
  }
  rowSymbols(
    party: 0 | 1,
    step: RowStep,
    v: Handle,
    given: RecordView,
    free: RecordView,
    common: RecordView,
  ): { thresholds: Handle; symbols: Handle; values: Handle } {
    return rows.rowSymbols(this.#run, this.#tables, party, step, v as Tensor, given, free, common);
  }
  rowFinish(
    step: RowStep,
    v: Handle,
    thresholds: Handle,
    symbols: Handle,
    values: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle {
    const tensors = [v, thresholds, symbols, values] as [Tensor, Tensor, Tensor, Tensor];
    return rows.rowFinish(this.#run, step, ...tensors, given, free);
  }
}

/**
 * Opens a device and makes an engine on it, on the thread of the caller: reading results blocks that thread while the device works.
 *
 * @throws {DeviceError} If there is no adapter, none of that name, or its device fails.
 */
export async function createGpuEngine(options: GpuEngineOptions = {}): Promise<GpuEngine> {
  const device = await Device.open(options);
  try {
    const batches = new Batches(device, device.hasTimestamps ? new PassTimer(device) : null),
      run = new Runner(device, batches),
      readback = new Readback(batches, options.log ?? (() => {}), options.awaitReadbacks !== true),
      block = run.pool.take("probe", 4),
      readbackMs = await readback.probe(block);
    run.pool.give(block);
    return new KernelEngine(run, readback, readbackMs);
  } catch (error) {
    device.close();
    throw error;
  }
}
