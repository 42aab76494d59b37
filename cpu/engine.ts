/**
 * The CPU engine: WebAssembly SIMD kernels on one shared memory, with helper threads for large calls. It agrees bit for bit with the reference engine.
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
import { assertStream } from "../core/prg/seed.ts";
import { lowMask, lowWords } from "../core/ring/words.ts";
import * as steps from "./gate_steps.ts";
import { compileKernels, instantiateKernels } from "./kernels.ts";
import { Heap } from "./memory.ts";
import { addressOf, Keys, recordAt, Runner, Tensor, TensorScope } from "./runner.ts";
import { MAX_THREADS, scratchAt, Threads } from "./threads.ts";
import * as wide from "./wide_steps.ts";

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

  constructor(run: Runner) {
    this.#run = run;
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
    const narrow = mine !== null && mine.wordsPerElement > out.wordsPerElement ? wide.lowWords(run, mine) : mine,
      own = narrow === null ? 0 : addressOf(narrow);
    if (bits === 0) {
      if (mine === null) heap.u8.fill(0, out.at, out.at + out.byteLength);
      else heap.u8.copyWithin(out.at, own, own + out.byteLength);
      return out;
    }
    run.temporary(byteLength, (at) => {
      heap.u8.set(theirs, at);
      run.items(count).run("combine", [own, at, out.at, bits, kind === "xor" ? 1 : 0, out.wordsPerElement], 1.5);
    });
    return out;
  }

  add(x: Handle, y: Handle, bits: number): Handle {
    const out = this.#run.tensor(x.count, x.wordsPerElement), addresses = [addressOf(x), addressOf(y), out.at];
    if (bits > 32) this.#run.items(x.count).run("addWide", [...addresses, bits], 1);
    else this.#run.items(x.count).run("add", [...addresses, lowMask(bits)], 0.5);
    return out;
  }
  columns(x: Handle, extent: Extent, from: number, to: number): Handle {
    const { wordsPerElement } = x,
      words = wordsPerElement * (to - from),
      out = this.#run.tensor(extent.cols.length * extent.rows * (to - from), wordsPerElement),
      inWords = wordsPerElement === 1 ? extent : { ...extent, cols: extent.cols.map((cols) => 2 * cols) };
    this.#rows(inWords).run("columns", [addressOf(x), out.at, wordsPerElement * from, words], words / 2);
    return out;
  }
  rotate(x: Handle, angles: Int32Array, heads: number, width: number, bits: number): Handle {
    const run = this.#run, out = run.tensor(x.count);
    run.temporary(angles.byteLength, (at) => {
      run.heap.u32.set(angles, at / 4);
      run.items(x.count / width).run("rotate", [addressOf(x), at, out.at, heads, width / 2, lowMask(bits)], width);
    });
    return out;
  }
  distance(top: Handle, x: Handle, extent: Extent, scale: number, bits: number): Handle {
    const out = this.#run.tensor(x.count);
    this.#rows(extent).run(
      "distance",
      [addressOf(top), addressOf(x), out.at, scale, lowMask(bits)],
      x.count / Math.max(1, top.count) / 2,
    );
    return out;
  }
  rowSum(x: Handle, extent: Extent, bits: number): Handle {
    const out = this.#run.tensor(extent.cols.length * extent.rows);
    this.#rows(extent).run("rowSum", [addressOf(x), out.at, lowMask(bits)], x.count / Math.max(1, out.count) / 2);
    return out;
  }

  shift(x: Handle, inBits: number, by: number, bits: number): Handle {
    if (inBits > 32) return wide.shift(this.#run, x, inBits, by, bits);
    const out = this.#run.tensor(x.count);
    this.#run.items(x.count).run("shift", [addressOf(x), out.at, lowMask(inBits), by, lowMask(bits)], 0.5);
    return out;
  }
  extend(x: Handle, from: number, top: Handle | null, to: number): Handle {
    if (to > 32) return wide.extend(this.#run, x, from, top, to);
    const out = this.#run.tensor(x.count), tops = top === null ? 0 : addressOf(top);
    this.#run.items(x.count).run(
      "extend",
      [addressOf(x), tops, out.at, lowMask(from), 2 ** (from - 2), from, lowMask(to)],
      1,
    );
    return out;
  }
  addWrap(step: WrapStep, a: Handle, x: Handle, c: Handle): Handle {
    if (wide.isWide(step)) return wide.addWrap(this.#run, step, a, x, c);
    const out = this.#run.tensor(x.count), { inBits, shift, sign, outBits } = step;
    this.#run.items(x.count).run("addWrap", [
      addressOf(a),
      addressOf(x),
      addressOf(c),
      out.at,
      2 ** (inBits - 2),
      inBits - 1,
      sign * 2 ** shift,
      lowMask(outBits),
    ], 1);
    return out;
  }

  /** One segment per block, of its rows: records, then first element and columns. */
  #rows(extent: Extent, given?: RecordView, free?: RecordView, starts?: readonly number[]): Runner {
    const run = this.#run.clear();
    let element = 0;
    for (let b = 0; b < extent.cols.length; b++) {
      run.segment(
        extent.rows,
        given ? recordAt(given, b) : 0,
        free ? recordAt(free, b) : 0,
        0,
        element,
        starts?.[b] ?? 0,
        extent.cols[b]!,
      );
      element += extent.rows * extent.cols[b]!;
    }
    return run;
  }

  unpack(record: RecordView, offset: number, bits: number): Handle {
    const out = this.#run.tensor(record.counts.reduce((sum, count) => sum + count, 0), bits > 32 ? 2 : 1);
    this.#run.records(record).run("unpack", [out.at, record.bits, offset, bits], 1.5);
    return out;
  }

  weights(words: Uint32Array, inputs: number, outputs: number, wordsPerElement: 1 | 2 = 1): Weights {
    const wanted = inputs * outputs * wordsPerElement;
    if (words.length !== wanted) {
      throw new RangeError(`Cannot lay out weights as there must be ${wanted} words: received ${words.length}`);
    }
    const isSigned = wordsPerElement === 2 && wide.areSigned(words),
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
    if (weights.wordsPerElement === 2) return this.#wideLinear(x, mask, weights as Panels, pad);
    const run = this.#run,
      out = this.unpack(pad, 0, 32) as Tensor,
      { inputs, outputs } = weights,
      rows = out.count / outputs;
    if (mask === null) {
      if (x !== null) this.#multiplyAdd(addressOf(x), rows, weights, out.at);
      return out;
    }
    run.temporary(4 * rows * inputs, (at) => {
      run.records(mask).run("subtractMask", [x === null ? 0 : addressOf(x), at], 0.5);
      this.#multiplyAdd(at, rows, weights, out.at);
    });
    return out;
  }
  #wideLinear(x: Handle | null, mask: RecordView | null, panels: Panels, pad: RecordView): Handle {
    const run = this.#run, out = this.unpack(pad, 0, pad.bits) as Tensor, rows = out.count / panels.outputs;
    const add = (factor: number): void => wide.multiplyAdd(run, factor, panels, out.at, rows, pad.bits);
    if (mask === null) {
      if (x !== null) add(addressOf(x));
      return out;
    }
    const scope = this.begin(), shares = this.unpack(mask, 0, mask.bits) as Tensor;
    run.items(shares.count).run("subtractWide", [x === null ? 0 : addressOf(x), shares.at, shares.at], 1);
    add(shares.at);
    scope.end([]);
    return out;
  }
  multiplyWeights(x: Handle, weights: Weights): Handle {
    const run = this.#run,
      rows = x.count / weights.inputs,
      out = run.tensor(rows * weights.outputs, weights.wordsPerElement);
    run.heap.u32.fill(0, out.at / 4, (out.at + out.byteLength) / 4);
    if (weights.wordsPerElement === 2) {
      wide.multiplyAdd(run, addressOf(x), weights as Panels, out.at, rows, 64);
      return out;
    }
    this.#multiplyAdd(addressOf(x), rows, weights, out.at);
    return out;
  }
  #multiplyAdd(x: number, rows: number, weights: Weights, out: number): void {
    const { at, inputs, outputs } = weights as Panels, costNs = 16 * inputs * rows / (rows === 1 ? 4 : 10);
    this.#run.items(Math.ceil(outputs / 16)).run("matrixAdd", [x, at, out, rows, inputs, outputs], costNs);
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
    const out = this.#run.tensor(x.count, x.wordsPerElement), rows = Math.max(1, extent.cols.length * extent.rows);
    const args = [addressOf(x), addressOf(maskX), addressOf(y), addressOf(maskY), out.at, 1 - party, broadcast ? 1 : 0];
    if (pad.bits > 32) this.#rows(extent, pad).run("multiplyWide", [...args, pad.bits], 4 * x.count / rows);
    else this.#rows(extent, pad).run("multiply", args, 1.5 * x.count / rows);
    return out;
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
    const scores = step.cols.reduce((sum, cols) => sum + cols * step.tokens * step.heads, 0);
    return this.#attend("scores", q, maskQ, cache, step, pad, scores);
  }
  mix(p: Handle, maskP: Handle, cache: CacheHandle, step: AttentionStep, pad: RecordView): Handle {
    return this.#attend("mix", p, maskP, cache, step, pad, step.cols.length * step.tokens * step.heads * step.width);
  }
  #attend(
    kernel: "scores" | "mix",
    x: Handle,
    mask: Handle,
    cache: CacheHandle,
    step: AttentionStep,
    pad: RecordView,
    count: number,
  ): Handle {
    const { at, planeBytes } = cache as Cache, { heads, kvHeads, width } = step, out = this.#run.tensor(count);
    const rows = step.tokens * heads,
      columns = step.cols.reduce((sum, cols) => sum + cols, 0) / Math.max(1, step.cols.length);
    const args = [
      addressOf(x),
      addressOf(mask),
      at,
      at + planeBytes,
      out.at,
      heads,
      heads / kvHeads,
      width,
      kvHeads * width,
    ];
    this.#rows({ rows, cols: step.cols }, pad, undefined, step.starts).run(kernel, args, columns * width / 2);
    return out;
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
    const out = this.#run.tensor(extent.cols.length * extent.rows, 2), costNs = 5 * x.count / Math.max(1, out.count);
    const args = [addressOf(x), out.at, outBits, 1 - party, given.bits, free.bits, inBits];
    this.#rows(extent, given, free).run(inBits > 32 ? "squareSumWide" : "squareSum", args, costNs);
    return out;
  }

  truncateSymbols(step: TruncateStep, z: Handle, given: RecordView, free: RecordView): Handle {
    const { truncateSymbols } = step.inBits > 32 ? wide : steps;
    return truncateSymbols(this.#run, step, z, given, free);
  }
  truncateFinish(step: TruncateStep, z: Handle, opened: Handle, given: RecordView, free: RecordView): Handle {
    const { truncateFinish } = wide.isWide(step) ? wide : steps;
    return truncateFinish(this.#run, step, z, opened, given, free);
  }
  maximumSymbols(step: MaximumStep, x: Handle, given: RecordView, free: RecordView): Handle {
    return steps.maximumSymbols(this.#run, step, x, given, free);
  }
  maximumSelect(
    party: 0 | 1,
    step: MaximumStep,
    x: Handle,
    opened: Handle,
    given: RecordView,
    free: RecordView,
  ): Handle {
    return steps.maximumSelect(this.#run, party, step, x, opened, given, free);
  }
  maximumMerge(step: MaximumStep, x: Handle, selected: Handle): Handle {
    return steps.maximumMerge(this.#run, step, x, selected);
  }
  expSymbols(
    party: 0 | 1,
    step: ExpStep,
    t: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle } {
    return steps.expSymbols(this.#run, party, step, t, given, free);
  }
  expClip(party: 0 | 1, _step: ExpStep, symbols: Handle, given: RecordView, free: RecordView): Handle {
    return steps.expClip(this.#run, party, symbols, given, free);
  }
  expFinish(step: ExpStep, symbols: Handle, values: Handle, clip: Handle, given: RecordView, free: RecordView): Handle {
    return steps.expFinish(this.#run, step, symbols, values, clip, given, free);
  }
  expDitheredValues(party: 0 | 1, step: ExpDitheredStep, t: Handle, given: RecordView, free: RecordView): Handle {
    return steps.expDitheredValues(this.#run, party, step, t, given, free);
  }
  expDitheredFinish(step: ExpDitheredStep, values: Handle, given: RecordView, free: RecordView): Handle {
    return steps.expDitheredFinish(this.#run, step, values, given, free);
  }
  spliceSymbols(
    party: 0 | 1,
    step: SpliceStep,
    x: Handle,
    given: RecordView,
    free: RecordView,
  ): { symbols: Handle; values: Handle } {
    return steps.spliceSymbols(this.#run, party, step, x, given, free);
  }
  spliceBits(party: 0 | 1, step: SpliceStep, symbols: Handle, given: RecordView, free: RecordView): Handle {
    return steps.spliceBits(this.#run, party, step, symbols, given, free);
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
    return steps.spliceFinish(this.#run, party, step, x, values, bits, given, free);
  }
  rowSymbols(
    party: 0 | 1,
    step: RowStep,
    v: Handle,
    given: RecordView,
    free: RecordView,
    common: RecordView,
  ): { thresholds: Handle; symbols: Handle; values: Handle } {
    return steps.rowSymbols(this.#run, party, step, v, given, free, common);
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
    return steps.rowFinish(this.#run, step, v, thresholds, symbols, values, given, free);
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
  return new KernelEngine(new Runner(heap, kernels, threads, parallelNs));
}
