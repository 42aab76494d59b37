/**
 * Reading results back: everything that is asked for in one turn of the program comes back with one submit and one mapping.
 *
 * An awaited mapping takes at least 10 ms in Deno, which polls for it. The call itself waits for the device, though, and maps before it returns: once a buffer
 * has been mapped the slow way, `getMappedRange()` works right after an un-awaited `mapAsync()`. That leans on the implementation, so it is tried on opening,
 * and awaiting is what remains where it fails.
 *
 * @module
 */

import { DeviceError } from "../core/errors.ts";
import type { Batches, Block } from "./buffers.ts";

const PROBE_READS = 50;
const PROBE_WRITES = 8;
const MIN_STAGING_BYTES = 65536;

interface Wanted {
  readonly at: number;
  readonly byteLength: number;
  readonly done: PromiseWithResolvers<Uint8Array<ArrayBuffer>>;
}

/** What comes back through one staging buffer. */
interface Load {
  readonly staging: Staging;
  readonly wanted: Wanted[];
  usedBytes: number;
}

interface Staging {
  readonly buffer: GPUBuffer;
  readonly byteLength: number;
  /** It was mapped and awaited before. */
  isPrimed: boolean;
}

/** Staging buffers and what waits for them. */
export class Readback {
  readonly #batches: Batches;
  readonly #free = new Map<number, Staging[]>();
  #loads: Load[] = [];
  #isFast: boolean;
  /** Time spent waiting for the device, in milliseconds. */
  deviceMs = 0;
  /** Readbacks so far. */
  count = 0;

  /** @param isFast Whether to try the fast way at all. */
  constructor(batches: Batches, readonly log: (line: string) => void, isFast = true) {
    this.#batches = batches;
    this.#isFast = isFast;
  }

  /** Whether readbacks do without awaiting. */
  get isFast(): boolean {
    return this.#isFast;
  }

  /** Tries the fast way on a block of 4 bytes and measures what one readback takes: the mean of 50, in milliseconds. */
  async probe(block: Block): Promise<number> {
    for (let i = 0; i < PROBE_WRITES; i++) {
      this.#batches.write(block, 0, Uint32Array.of(i));
      const [first] = await this.read(block, 0, 4);
      if (first !== i) this.#slowDown();
    }
    const since = performance.now();
    for (let i = 0; i < PROBE_READS; i++) await this.read(block, 0, 4);
    const readbackMs = (performance.now() - since) / PROBE_READS;
    this.deviceMs = 0;
    this.count = 0;
    return readbackMs;
  }

  #slowDown(): void {
    if (this.#isFast) this.log("webgpu: every readback is awaited here and takes 10 ms or more");
    this.#isFast = false;
  }

  /** Reads bytes [offset, offset + byteLength) of a block as the commands so far leave them; `offset` is a whole word. */
  read(block: Block, offset: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    if (byteLength === 0) return Promise.resolve(new Uint8Array(0));
    const copyBytes = Math.ceil(byteLength / 4) * 4, done = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    let load = this.#loads.at(-1);
    if (load === undefined) queueMicrotask(() => void this.#flush());
    if (load === undefined || load.usedBytes + copyBytes > load.staging.byteLength) {
      load = { staging: this.#take(copyBytes), wanted: [], usedBytes: 0 };
      this.#loads.push(load);
    }
    this.#batches.copy(block, offset, load.staging.buffer, load.usedBytes, copyBytes);
    load.wanted.push({ at: load.usedBytes, byteLength, done });
    load.usedBytes += copyBytes;
    return done.promise;
  }

  /** Brings everything back that was asked for. */
  async #flush(): Promise<void> {
    const loads = this.#loads;
    this.#loads = [];
    try {
      const { device } = this.#batches;
      this.#batches.submit();
      if (device.isUnsettled) await device.settle();
      device.check();
      const since = performance.now(), results: Uint8Array<ArrayBuffer>[][] = [];
      for (const load of loads) results.push(await this.#unload(load));
      device.check();
      this.deviceMs += performance.now() - since;
      this.count++;
      loads.forEach(({ wanted }, i) => wanted.forEach(({ done }, j) => done.resolve(results[i]![j]!)));
    } catch (cause) {
      const error = cause instanceof DeviceError
        ? cause
        : new DeviceError(`Cannot read a result as its buffer must be mapped: received ${String(cause)}`, { cause });
      this.#batches.device.fail(error);
      for (const { wanted } of loads) for (const { done } of wanted) done.reject(error);
    }
  }

  /** Waits for one staging buffer and copies what lies in it. */
  async #unload({ staging, wanted, usedBytes }: Load): Promise<Uint8Array<ArrayBuffer>[]> {
    const range = await this.#map(staging, usedBytes),
      results = wanted.map(({ at, byteLength }) => new Uint8Array(range.slice(at, at + byteLength)));
    staging.buffer.unmap();
    this.#free.get(staging.byteLength)!.push(staging);
    return results;
  }

  /** Maps the first bytes of a staging buffer. */
  async #map({ buffer, isPrimed }: Staging, bytes: number): Promise<ArrayBuffer> {
    const mapping = buffer.mapAsync(GPUMapMode.READ);
    if (this.#isFast && isPrimed) {
      mapping.catch(() => {}); // unmapping comes before it is noticed
      try {
        return buffer.getMappedRange(0, bytes);
      } catch {
        this.#batches.device.check();
        this.#slowDown();
      }
    }
    await mapping;
    return buffer.getMappedRange(0, bytes);
  }

  #take(bytes: number): Staging {
    const byteLength = Math.max(MIN_STAGING_BYTES, 2 ** Math.ceil(Math.log2(bytes))), free = this.#free.get(byteLength);
    if (free === undefined) this.#free.set(byteLength, []);
    const staging = free?.pop();
    if (staging !== undefined) return { ...staging, isPrimed: true };
    const buffer = this.#batches.device.buffer(
      `staging of ${byteLength} bytes`,
      byteLength,
      GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    );
    return { buffer, byteLength, isPrimed: false };
  }
}
