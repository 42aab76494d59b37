/**
 * Device time of kernels: one kernel in each pass, with a timestamp at its beginning and one at its end.
 *
 * Timestamps are read when somebody asks, not before: mapping a buffer waits for the device, which would stand in the way of what is measured.
 *
 * @module
 */

import type { Device } from "./device.ts";

/** Passes of one batch: a query set holds 4096 timestamps. */
const MAX_PASSES = 2048;

const TIMESTAMP_BYTES = 8, NANOSECONDS_PER_MS = 1e6;

/** Timestamps of one batch, and whose they are. */
interface Taken {
  readonly names: readonly string[];
  readonly staging: GPUBuffer;
}

/** Takes the time of the passes of one device; its adapter must have the feature `timestamp-query`. */
export class PassTimer {
  readonly #device: Device;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #names: string[] = [];
  #taken: Taken[] = [];

  constructor(device: Device) {
    this.#device = device;
    this.#queries = device.gpu.createQuerySet({ label: "timestamps", type: "timestamp", count: 2 * MAX_PASSES });
    this.#resolved = device.buffer(
      "timestamps",
      2 * MAX_PASSES * TIMESTAMP_BYTES,
      GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    );
  }

  /** Whether the open batch must be submitted before its next pass. */
  get isFull(): boolean {
    return this.#names.length === MAX_PASSES;
  }

  /** Where the next pass of the open batch writes its timestamps. */
  next(name: string): GPUComputePassTimestampWrites {
    const first = 2 * (this.#names.push(name) - 1);
    return { querySet: this.#queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  /** Ends a batch: records that its timestamps are kept. */
  keep(encoder: GPUCommandEncoder): void {
    const names = this.#names, bytes = 2 * names.length * TIMESTAMP_BYTES;
    if (names.length === 0) return;
    this.#names = [];
    const staging = this.#device.buffer("kept timestamps", bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    encoder.resolveQuerySet(this.#queries, 0, 2 * names.length, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, staging, 0, bytes);
    this.#taken.push({ names, staging });
  }

  /** Milliseconds by name of all passes that were submitted since the last time. */
  async take(): Promise<Map<string, number>> {
    const taken = this.#taken, sums = new Map<string, number>();
    this.#taken = [];
    for (const { names, staging } of taken) {
      await staging.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(staging.getMappedRange());
      names.forEach((name, i) => {
        const ms = Number(times[2 * i + 1]! - times[2 * i]!) / NANOSECONDS_PER_MS;
        sums.set(name, (sums.get(name) ?? 0) + ms);
      });
      staging.destroy();
    }
    return sums;
  }
}
