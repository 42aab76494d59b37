/**
 * The CPU engine: WebAssembly SIMD kernels on one shared memory, with helper threads for large calls. It agrees bit for bit with the reference engine.
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
import { type Kernel, type KernelCall, placeOf } from "../core/kernel.ts";
import { assertStream } from "../core/prg/seed.ts";
import { areSigned, lowMask, lowWords } from "../core/ring/words.ts";
import { compileKernels, instantiateKernels, kernelNames } from "./kernels.ts";
import { Heap } from "./memory.ts";
import { addressOf, Keys, Runner, type Tensor, TensorScope } from "./runner.ts";
import { Steps } from "./steps.ts";
import { MAX_THREADS, scratchAt, Threads } from "./threads.ts";

/** Panels of 64 bytes a row, that is 16 or 8 columns, row after row; entries of two words that are signed words keep the low one alone. */
class Panels implements Weights {
  constructor(
    readonly at: number,
    readonly inputs: number,
    readonly outputs: number,
    readonly wordsPerElement: 1 | 2,
    readonly isSigned: boolean,
  ) {}
}

/** Two planes of words, token after token: x̂ - r (or -r), and -x̂. */
class Cache implements CacheHandle {
  constructor(readonly at: number, readonly capacityTokens: number, readonly widthPerToken: number) {}
  get planeBytes(): number {
    return 4 * this.capacityTokens * this.widthPerToken;
  }
}

/** How to make an engine. */
export interface WasmEngineOptions {
  /** Threads that share a large call, the caller's included; 1 by default. */
  readonly threads?: number;
  /** Module that helper threads start from; its first statement calls `runKernelWorkerIfNamed`. By default this folder's own. */
  readonly workerUrl?: string | URL;
  /** Calls that are estimated to take less run on the caller's thread alone; 500,000 ns by default, ten times what waking a helper costs. */
  readonly parallelNs?: number;
}

/** The CPU engine. */
export interface WasmEngine extends Engine {
  /** Bytes of memory in use, rounded up to the allocator's classes. */
  readonly usedBytes: number;
  /** Ends the helper threads. The engine cannot be used afterwards. */
  close(): void;
  /** Copies words back; never waits. */
  download(x: Handle): Uint32Array;
  /** Packs the low bits of every element; never waits. */
  pack(x: Handle, bits: number): Uint8Array;
}

class KernelEngine implements WasmEngine {
  readonly name = "wasm";
  readonly #run: Runner;
  readonly #steps: Steps;

  constructor(run: Runner) {
    this.#run = run;
    this.#steps = new Steps(run);
  }
  close(): void {
    this.#run.threads?.close();
  }
  get usedBytes(): number {
    return this.#run.heap.usedBytes;
  }

  upload(words: Uint32Array, wordsPerElement: 1 | 2 = 1): Handle {
    const out = this.#run.tensor(words.length / wordsPerElement, wordsPerElement);
    this.#run.heap.u32.set(words, out.at / 4);
    return out;
  }
  download(x: Handle): Uint32Array {
    const at = addressOf(x) / 4;
    return new Uint32Array(this.#run.heap.u32.subarray(at, at + x.count * x.wordsPerElement));
  }
  begin(): Scope {
    return this.#run.scope = new TensorScope(this.#run, this.#run.scope);
  }
  enter(scope: Scope | null): Scope | null {
    const before = this.#run.scope;
    this.#run.scope = scope as TensorScope | null;
    return before;
  }
  keyMemory(byteLength: number): KeyMemory {
    return new Keys(this.#run.heap, this.#run.heap.allocate(byteLength), byteLength);
  }
  freeKeyMemory(memory: KeyMemory): void {
    const keys = memory as Keys;
    if (keys.at === 0) throw new Error("Internal error: key memory was freed twice");
    this.#run.heap.free(keys.at, keys.byteLength);
    keys.at = 0;
  }
  expand(seed: Uint8Array, memory: KeyMemory, streams: readonly SeedStream[]): void {
    const run = this.#run;
    run.temporary(44, (at) => {
      for (const { nonce, offset, byteLength } of streams) {
        assertStream(seed, nonce);
        const out = (memory as Keys).view(offset, byteLength).byteOffset;
        run.heap.u8.set(seed, at);
        run.heap.u8.set(nonce, at + 32);
        run.items(Math.ceil(byteLength / 256)).run("expand", [at, at + 32, out, byteLength], 150);
      }
      run.heap.u8.fill(0, at, at + 44);
    });
  }

  pack(x: Handle, bits: number): Uint8Array {
    const byteLength = Math.ceil(x.count * bits / 8), run = this.#run, { heap } = run;
    if (bits === 32 && x.wordsPerElement === 1) {
      return new Uint8Array(heap.u8.subarray(addressOf(x), addressOf(x) + byteLength));
    }
    return run.temporary(byteLength + 4, (at) => {
      run.items(Math.ceil(x.count / 32)).run("pack", [addressOf(x), at, bits, x.count, x.wordsPerElement], 40);
      return new Uint8Array(heap.u8.subarray(at, at + byteLength));
    });
  }
  combine(kind: "add" | "xor", mine: Handle | null, count: number, theirs: Uint8Array, bits: number): Handle {
    const run = this.#run,
      { heap } = run,
      out = run.tensor(count, bits > 32 || (bits === 0 && mine?.wordsPerElement === 2) ? 2 : 1),
      byteLength = Math.ceil(count * bits / 8);
    const own = mine === null ? 0 : addressOf(mine), ownWords = mine?.wordsPerElement ?? 1;
    if (bits === 0) {
      if (mine === null) heap.u8.fill(0, out.at, out.at + out.byteLength);
      else heap.u8.copyWithin(out.at, own, own + out.byteLength);
      return out;
    }
    run.temporary(byteLength, (at) => {
      heap.u8.set(theirs, at);
      run.items(count).run(
        "combine",
        [own, ownWords, at, out.at, bits, kind === "xor" ? 1 : 0, out.wordsPerElement],
        1.5,
      );
    });
    return out;
  }

  unpack(record: RecordView, field: string, bits: number = placeOf(record, field).bits): Handle {
    return this.#unpack(record, placeOf(record, field).at, bits);
  }
  #unpack(record: RecordView, at: number, bits: number): Tensor {
    const out = this.#run.tensor(record.counts.reduce((sum, count) => sum + count, 0), bits > 32 ? 2 : 1);
    this.#run.record(record).run("unpack", [out.at, record.bits, at, bits], 1.5);
    return out;
  }

  weights(words: Uint32Array, inputs: number, outputs: number, wordsPerElement: 1 | 2 = 1): Weights {
    const wanted = inputs * outputs * wordsPerElement;
    if (words.length !== wanted) {
      throw new RangeError(`Cannot lay out weights as there must be ${wanted} words: received ${words.length}`);
    }
    const isSigned = wordsPerElement === 2 && areSigned(words),
      entries = isSigned ? lowWords(words) : words,
      rowWords = entries.length / inputs;
    const run = this.#run, panels = Math.ceil(rowWords / 16), at = run.heap.allocate(64 * panels * inputs);
    run.temporary(entries.byteLength, (source) => {
      run.heap.u32.set(entries, source / 4);
      run.items(panels).run("packPanels", [source, at, inputs, rowWords], 10 * inputs);
    });
    const panelled = new Panels(at, inputs, outputs, wordsPerElement, isSigned);
    run.collect(panelled, at, 64 * panels * inputs);
    return panelled;
  }
  linear(x: Handle | null, mask: RecordView | null, weights: Weights, pad: RecordView): Handle {
    const run = this.#run, out = this.#unpack(pad, 0, pad.bits), panels = weights as Panels;
    if (mask === null) {
      if (x !== null) this.#multiplyAdd(addressOf(x), panels, out, pad.bits);
      return out;
    }
    const scope = this.begin(), shares = this.#unpack(mask, 0, mask.bits);
    run.items(shares.count).run("subtract", [x === null ? 0 : addressOf(x), shares.at, shares.wordsPerElement], 1);
    this.#multiplyAdd(shares.at, panels, out, pad.bits);
    scope.end([]);
    return out;
  }
  multiplyWeights(x: Handle, weights: Weights): Handle {
    const run = this.#run,
      out = run.tensor(x.count / weights.inputs * weights.outputs, weights.wordsPerElement);
    run.heap.u32.fill(0, out.at / 4, (out.at + out.byteLength) / 4);
    this.#multiplyAdd(addressOf(x), weights as Panels, out, 32 * weights.wordsPerElement);
    return out;
  }
  /** out = (out + x·W) mod 2^bits for weights in panels of 64 bytes: 16 columns of one word, 8 of two, or 16 of two that are signed words. */
  #multiplyAdd(x: number, { at, inputs, outputs, wordsPerElement, isSigned }: Panels, out: Tensor, bits: number): void {
    const rows = out.count / outputs,
      args = [x, at, out.at, rows, inputs, outputs],
      steps = inputs * rows,
      run = this.#run;
    const panels = run.items(Math.ceil(outputs / (wordsPerElement === 1 || isSigned ? 16 : 8)));
    if (wordsPerElement === 1) panels.run("matrixAdd", [...args, lowMask(bits)], 16 * steps / (rows === 1 ? 4 : 10));
    else if (isSigned) panels.run("matrixAddSigned", [...args, bits], 5 * steps);
    else panels.run("matrixAddWide", [...args, bits], 3 * steps);
  }

  cache(capacityTokens: number, widthPerToken: number): CacheHandle {
    return new Cache(this.#run.heap.allocate(8 * capacityTokens * widthPerToken), capacityTokens, widthPerToken);
  }
  freeCache(cache: CacheHandle): void {
    this.#run.heap.free((cache as Cache).at, 2 * (cache as Cache).planeBytes);
  }
  store(party: 0 | 1, cache: CacheHandle, fromToken: number, x: Handle, mask: Handle): void {
    const { at, planeBytes, widthPerToken, capacityTokens } = cache as Cache,
      first = at + 4 * fromToken * widthPerToken;
    if (fromToken * widthPerToken + x.count > capacityTokens * widthPerToken) {
      throw new RangeError(
        `Cannot store tokens as the cache ends at ${capacityTokens}: received ${
          x.count / widthPerToken
        } from ${fromToken} on`,
      );
    }
    this.#run.items(x.count).run(
      "cacheStore",
      [addressOf(x), addressOf(mask), first, first + planeBytes, 1 - party],
      1,
    );
  }
  scores(q: Handle, maskQ: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    return this.#attend("scores", [q, maskQ], cache as Cache, step, pad);
  }
  mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    return this.#attend("mix", [p, maskP], cache as Cache, step, pad);
  }
  #attend(
    kernel: "scores" | "mix",
    [x, mask]: readonly [Handle, Handle],
    { at, planeBytes }: Cache,
    { tokens, heads, kvHeads, width, cols, starts }: AttentionStep,
    pad: RecordView,
  ): Handle {
    const run = this.#run, out = this.#unpack(pad, 0, pad.bits), rows = tokens * heads, ring = lowMask(pad.bits);
    let element = 0;
    run.clear();
    cols.forEach((count, b) => {
      run.segment(rows, 0, 0, 0, element, starts[b]!, count);
      element += rows * count;
    });
    const args = [addressOf(x), addressOf(mask), at, at + planeBytes, out.at];
    run.run(
      kernel,
      [...args, heads, heads / kvHeads, width, kvHeads * width, ring],
      element / Math.max(1, rows * cols.length) * width / 2,
    );
    return out;
  }

  step<R extends string, W extends string, P extends string, T extends string>(
    kernel: Kernel<R, W, P, T>,
    call: KernelCall<R, P, T>,
  ): Readonly<Record<W, Handle>> {
    return this.#steps.step(kernel, call) as Record<W, Handle>;
  }
}

/**
 * Makes a CPU engine. With one thread nothing else is started.
 *
 * @throws {RangeError} If `threads` is not 1 to 60.
 *
 * @example A product mod 2^32
 * ```ts
 * import { createWasmEngine } from "sluice/cpu/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const engine = await createWasmEngine();
 * const weights = engine.weights(Uint32Array.of(1, 2, 3, 4), 2, 2);
 * const product = engine.multiplyWeights(engine.upload(Uint32Array.of(10, 1)), weights);
 *
 * assertEquals(engine.download(product), Uint32Array.of(13, 24));
 * engine.close();
 * ```
 */
export async function createWasmEngine(options: WasmEngineOptions = {}): Promise<WasmEngine> {
  const { threads: count = 1, workerUrl = new URL("./worker.ts", import.meta.url), parallelNs = 500_000 } = options;
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_THREADS)) {
    throw new RangeError(`Cannot make an engine as threads must be 1 to ${MAX_THREADS}: received ${count}`);
  }
  const module = await compileKernels(),
    heap = new Heap(),
    kernels = instantiateKernels(module, heap.memory, scratchAt(0));
  const threads = count === 1 ? null : await Threads.start(count, workerUrl, module, heap.memory, kernels);
  return new KernelEngine(new Runner(heap, kernels, kernelNames(module), threads, parallelNs));
}
