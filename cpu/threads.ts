/**
 * Helper threads: one call of a kernel is cut into chunks of items, which the engine's thread and the helpers take in turn.
 *
 * The first page of the shared memory holds, in u32 words from byte 64 on, the current job; from byte 1024 on its arguments; from byte 4096 on 1 KiB of
 * scratch memory for each thread. A ticket is (generation, next chunk): taking one succeeds only in its own generation, so a helper that wakes late
 * finds nothing to do and nobody waits for it.
 *
 * @module
 */

import { HEAP_BASE } from "./memory.ts";
import { instantiateKernels, type Kernels, runRange } from "./kernels.ts";

/** Where the arguments of the current call lie, in bytes, and how many words fit. */
export const ARGS_AT = 1024;

const JOB_AT = 64;
const SCRATCH_AT = 4096;
const SCRATCH_BYTES = 1024;
const JOB_WORDS = 16;

/** Words of the job. */
const JOB = {
  generation: 0,
  ticket: 1,
  done: 2,
  kernel: 3,
  segments: 4,
  count: 5,
  items: 6,
  chunks: 7,
  stop: 8,
  failed: 9,
} as const;

const CHUNK_BITS = 12;
const GENERATION_MASK = 2 ** (31 - CHUNK_BITS) - 1;
const CHUNKS_PER_THREAD = 4;

/** Most threads that an engine can have. */
export const MAX_THREADS: number = (HEAP_BASE - SCRATCH_AT) / SCRATCH_BYTES;

/** Name of a worker that helps an engine. */
export const WORKER_NAME = "sluice-kernel";

/** Scratch memory of one thread. */
export function scratchAt(thread: number): number {
  return SCRATCH_AT + thread * SCRATCH_BYTES;
}

interface Start {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
}

/** Takes chunks of generation `generation` until none is left. */
function takeChunks(job: Int32Array, generation: number, kernels: Kernels, memory: Uint32Array): void {
  for (;;) {
    const ticket = Atomics.load(job, JOB.ticket), chunk = ticket & (2 ** CHUNK_BITS - 1);
    if (ticket >>> CHUNK_BITS !== generation) return;
    // Read before the ticket is taken: afterwards they cannot have changed.
    const chunks = job[JOB.chunks]!, items = job[JOB.items]! >>> 0, kernel = kernels[job[JOB.kernel]!];
    const segments = job[JOB.segments]! >>> 0, count = job[JOB.count]!;
    if (chunk >= chunks) return;
    if (Atomics.compareExchange(job, JOB.ticket, ticket, ticket + 1) !== ticket) continue;
    try {
      const from = Math.floor(items * chunk / chunks), to = Math.floor(items * (chunk + 1) / chunks);
      runRange(kernel!, memory, ARGS_AT, segments, count, from, to);
    } catch {
      Atomics.store(job, JOB.failed, 1);
    }
    if (Atomics.add(job, JOB.done, 1) + 1 === chunks) Atomics.notify(job, JOB.done);
  }
}

/** The helpers of one engine. */
export class Threads {
  readonly #workers: readonly Worker[];
  readonly #job: Int32Array;
  readonly #kernels: Kernels;
  #generation = 0;

  private constructor(workers: readonly Worker[], job: Int32Array, kernels: Kernels) {
    this.#workers = workers;
    this.#job = job;
    this.#kernels = kernels;
  }

  /** Starts `count - 1` helpers; `url` is a module that calls {@linkcode runKernelWorkerIfNamed} first. */
  static async start(
    count: number,
    url: string | URL,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    kernels: Kernels,
  ): Promise<Threads> {
    const workers: Worker[] = [];
    const job = new Int32Array(memory.buffer, JOB_AT, JOB_WORDS);
    const started = new Threads(workers, job, kernels);
    try {
      await Promise.all(Array.from({ length: count - 1 }, (_, i) => {
        const worker = new Worker(url, { type: "module", name: WORKER_NAME });
        workers.push(worker);
        const ready = Promise.withResolvers<void>();
        worker.onmessage = () => ready.resolve();
        worker.onerror = (event) => {
          event.preventDefault();
          ready.reject(new Error(`Cannot start a kernel thread as its module must load: received ${event.message}`));
        };
        worker.postMessage({ module, memory, thread: i + 1 } satisfies Start);
        return ready.promise;
      }));
    } catch (error) {
      started.close();
      throw error;
    }
    return started;
  }

  /** Number of threads, the caller's included. */
  get count(): number {
    return this.#workers.length + 1;
  }

  /** Runs all items of a list of segments and returns when all are done. */
  run(kernel: number, memory: Uint32Array, segments: number, count: number, items: number): void {
    const job = this.#job, chunks = Math.min(items, this.count * CHUNKS_PER_THREAD, 2 ** CHUNK_BITS - 1);
    this.#generation = (this.#generation + 1) & GENERATION_MASK;
    job[JOB.kernel] = kernel;
    job[JOB.segments] = segments;
    job[JOB.count] = count;
    job[JOB.items] = items;
    job[JOB.chunks] = chunks;
    Atomics.store(job, JOB.done, 0);
    Atomics.store(job, JOB.ticket, this.#generation * 2 ** CHUNK_BITS);
    Atomics.store(job, JOB.generation, this.#generation);
    Atomics.notify(job, JOB.generation);
    takeChunks(job, this.#generation, this.#kernels, memory);
    for (let done = Atomics.load(job, JOB.done); done < chunks; done = Atomics.load(job, JOB.done)) {
      Atomics.wait(job, JOB.done, done);
    }
    if (Atomics.load(job, JOB.failed) !== 0) throw new Error("Internal error: a kernel failed");
  }

  /** Ends the helpers. */
  close(): void {
    Atomics.store(this.#job, JOB.stop, 1);
    Atomics.store(this.#job, JOB.generation, -1);
    Atomics.notify(this.#job, JOB.generation);
    for (const worker of this.#workers) worker.terminate();
  }
}

/** What the scope of a worker has, of which this project's libraries declare only the page's. */
interface WorkerScope {
  readonly name: string;
  onmessage: ((event: MessageEvent<Start>) => void) | null;
  postMessage(message: string): void;
  close(): void;
}

function help({ module, memory, thread }: Start, scope: WorkerScope): void {
  const kernels = instantiateKernels(module, memory, scratchAt(thread)),
    job = new Int32Array(memory.buffer, JOB_AT, JOB_WORDS);
  let seen = Atomics.load(job, JOB.generation);
  scope.postMessage("ready");
  while (Atomics.load(job, JOB.stop) === 0) {
    Atomics.wait(job, JOB.generation, seen);
    seen = Atomics.load(job, JOB.generation);
    memory.grow(0); // the engine may have grown it: `buffer` is renewed here
    takeChunks(job, seen, kernels, new Uint32Array(memory.buffer));
  }
  scope.close();
}

/**
 * Turns the calling worker into a helper thread if it was started as one. An application's entry module calls this first and does nothing else
 * when it returns true, so that a bundle of one file can start helpers from itself.
 *
 * @returns Whether this is a helper.
 */
export function runKernelWorkerIfNamed(): boolean {
  const scope = globalThis as unknown as WorkerScope;
  if (!("WorkerGlobalScope" in globalThis) || scope.name !== WORKER_NAME) return false;
  scope.onmessage = (event) => help(event.data, scope);
  return true;
}
