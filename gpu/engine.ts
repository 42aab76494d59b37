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
  Handle,
  KeyMemory,
  RecordView,
  Scope,
  SeedStream,
  Weights,
} from "../core/engine.ts";
import { type GateKernel, type Kernel, type KernelCall, placeOf } from "../core/kernel.ts";
import { Batches } from "./buffers.ts";
import { Device, type DeviceOptions } from "./device.ts";
import { expandInto } from "./expand.ts";
import { Keys } from "./keys.ts";
import { PassTimer } from "./pass_timer.ts";
import * as products from "./products.ts";
import { Readback } from "./readback.ts";
import { type Operand, Runner, total } from "./runner.ts";
import { Steps } from "./steps.ts";
import { type Tensor, TensorScope } from "./tensors.ts";

/** How to make a GPU engine. */
export interface GpuEngineOptions extends DeviceOptions {
  /** Awaits every readback, as where the fast way does not work: 10 ms each. */
  readonly awaitReadbacks?: boolean;
  /** Kernels of gates that are not part of this package, each with its WGSL. */
  readonly kernels?: readonly GateKernel[];
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
  readonly #steps: Steps;
  /** What was expanded in this turn is submitted at its end. */
  #isExpanding = false;

  constructor(run: Runner, readback: Readback, readonly readbackMs: number) {
    this.#run = run;
    this.#readback = readback;
    this.#steps = new Steps(run);
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
      bytes = await this.#readback.read(tensor.block, 0, 4 * tensor.words);
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
      return this.#readback.read(tensor.block, 0, byteLength);
    }
    return run.owners.temporary("packed share", Math.ceil(byteLength / 4), 1, (packed) => {
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
    const isWide = out.wordsPerElement === 2,
      share = (received: Operand): void =>
        run.run("combine", {
          items: count,
          operands: { mine: mine && run.each(mine as Tensor), theirs: received, opened: run.each(out) },
          // Who receives nothing keeps its share: XOR with no bits.
          params: {
            bits,
            mine_words: mine?.wordsPerElement ?? 1,
            opened_words: out.wordsPerElement,
            is_xor: kind === "xor" || bits === 0 ? 1 : 0,
            has_mine: mine === null ? 0 : 1,
          },
        }, isWide);
    if (byteLength <= MAX_PASSED_BYTES) share({ words: wholeWords(theirs) });
    else {
      run.owners.temporary("received share", Math.ceil(byteLength / 4), 1, (received) => {
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

  unpack(record: RecordView, field: string, bits: number = placeOf(record, field).bits): Handle {
    const run = this.#run, words = bits > 32 ? 2 : 1, result = run.owners.tensor(field, total(record.counts), words);
    run.run("unpack", {
      segments: { counts: record.counts },
      operands: { given_key: { record }, result: run.each(result) },
      params: { offset: placeOf(record, field).at, bits, result_words: words },
    }, words === 2);
    return result;
  }

  weights(words: Uint32Array, inputs: number, outputs: number, wordsPerElement: 1 | 2 = 1): Weights {
    return products.weights(this.#run, words, inputs, outputs, wordsPerElement);
  }
  linear(x: Handle | null, mask: RecordView | null, weights: Weights, pad: RecordView): Handle {
    const rows = total(pad.counts) / weights.outputs;
    return products.linear(this.#run, weights as products.Matrix, { x: x as Tensor | null, mask, pad, rows });
  }
  multiplyWeights(x: Handle, weights: Weights): Handle {
    const rows = x.count / weights.inputs;
    return products.linear(this.#run, weights as products.Matrix, { x: x as Tensor, mask: null, pad: null, rows });
  }
  cache(capacityTokens: number, widthPerToken: number): CacheHandle {
    return products.makeCache(this.#run, capacityTokens, widthPerToken);
  }
  freeCache(cache: CacheHandle): void {
    products.freeCache(this.#run, cache as products.Cache);
  }
  store(party: 0 | 1, cache: CacheHandle, fromToken: number, x: Handle, mask: Handle): void {
    products.store(this.#run, cache as products.Cache, { party, fromToken, x: x as Tensor, mask: mask as Tensor });
  }
  scores(q: Handle, maskQ: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    const operands = { x: q as Tensor, mask: maskQ as Tensor, cache: cache as products.Cache, pad };
    return products.attend(this.#run, "scores", step, operands);
  }
  mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    const operands = { x: p as Tensor, mask: maskP as Tensor, cache: cache as products.Cache, pad };
    return products.attend(this.#run, "mix", step, operands);
  }

  step<R extends string, W extends string, P extends string, T extends string>(
    kernel: Kernel<R, W, P, T>,
    call: KernelCall<R, P, T>,
  ): Readonly<Record<W, Handle>> {
    return this.#steps.step(kernel, call) as Record<W, Handle>;
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
      run = new Runner(device, batches, options.kernels ?? []),
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
