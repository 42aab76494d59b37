/**
 * A byte stream between two threads: a ring in shared memory for each direction, with `Atomics.waitAsync` where one side has to wait.
 *
 * ```text
 * ring = i32 written, i32 taken (both totals mod 2^32), i32 closed, i32 unused || bytes (a power of two)
 * ```
 *
 * @module
 */

import { type Duplex, writeFully } from "./duplex.ts";

const WRITTEN = 0, TAKEN = 1, CLOSED = 2, HEADER_BYTES = 16;

/** Bytes that one direction may hold: about what a party sends while its device works. More waits in the sockets. */
export const RING_BYTES = 1 << 23;

/** Both rings of a stream, as they travel to the other thread. */
export interface SharedStream {
  /** What the side that made the stream writes. */
  readonly out: SharedArrayBuffer;
  /** What it reads. */
  readonly in: SharedArrayBuffer;
}

/**
 * Makes the memory of a stream.
 *
 * @param ringBytes Bytes of each direction, a power of two.
 */
export function createSharedStream(ringBytes: number = RING_BYTES): SharedStream {
  if (ringBytes < 1 || (ringBytes & (ringBytes - 1)) !== 0) {
    throw new RangeError(
      `Cannot create a shared stream as its rings must be a power of two of bytes: received ${ringBytes}`,
    );
  }
  const ring = (): SharedArrayBuffer => new SharedArrayBuffer(HEADER_BYTES + ringBytes);
  return { out: ring(), in: ring() };
}

/** The other side's view of a stream. */
export function otherSide({ out, in: input }: SharedStream): SharedStream {
  return { out: input, in: out };
}

class Ring {
  readonly #head: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
  }
  /** Bytes that wait to be taken. */
  #filled(): number {
    return (Atomics.load(this.#head, WRITTEN) - Atomics.load(this.#head, TAKEN)) >>> 0;
  }
  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const written = Atomics.load(this.#head, WRITTEN), filled = this.#filled();
      if (filled > 0) {
        const count = Math.min(filled, into.length), size = this.#bytes.length;
        const at = (Atomics.load(this.#head, TAKEN) >>> 0) % size, first = Math.min(count, size - at);
        into.set(this.#bytes.subarray(at, at + first));
        into.set(this.#bytes.subarray(0, count - first), first);
        this.#advance(TAKEN, count);
        return count;
      }
      // Looked at again: the other side may have written its last bytes and closed since the first look.
      if (Atomics.load(this.#head, CLOSED) !== 0 && this.#filled() === 0) return null;
      await change(this.#head, WRITTEN, written);
    }
  }
  write(bytes: Uint8Array): number | Promise<number> {
    if (Atomics.load(this.#head, CLOSED) !== 0) throw new Deno.errors.BrokenPipe("The shared stream is closed");
    const taken = Atomics.load(this.#head, TAKEN), size = this.#bytes.length, room = size - this.#filled();
    if (room === 0) return change(this.#head, TAKEN, taken).then(() => this.write(bytes));
    const count = Math.min(room, bytes.length), at = (Atomics.load(this.#head, WRITTEN) >>> 0) % size;
    const first = Math.min(count, size - at);
    this.#bytes.set(bytes.subarray(0, first), at);
    this.#bytes.set(bytes.subarray(first, count), 0);
    this.#advance(WRITTEN, count);
    return count;
  }
  #advance(index: number, count: number): void {
    Atomics.add(this.#head, index, count);
    Atomics.notify(this.#head, index);
  }
  close(): void {
    Atomics.store(this.#head, CLOSED, 1);
    Atomics.notify(this.#head, WRITTEN);
    Atomics.notify(this.#head, TAKEN);
  }
}

/** Longest time between two looks at a ring: closing wakes a waiter too, but only one that waits already. */
const LOOK_MS = 1000;

async function change(head: Int32Array, index: number, seen: number): Promise<void> {
  const waiting = Atomics.waitAsync(head, index, seen, LOOK_MS);
  if (waiting.async) await waiting.value;
}

/** One thread's end of a stream, whose other end seals (`sealed_pump.ts`). What was written before `close` can still be read by the other side. */
export class SharedDuplex implements Duplex {
  readonly #out: Ring;
  readonly #in: Ring;

  constructor(stream: SharedStream) {
    this.#out = new Ring(stream.out);
    this.#in = new Ring(stream.in);
  }
  read(into: Uint8Array): Promise<number | null> {
    return this.#in.read(into);
  }
  write(bytes: Uint8Array): number | Promise<number> {
    return this.#out.write(bytes);
  }
  close(): void {
    this.#out.close();
    this.#in.close();
  }
  async sealWith(key: Uint8Array): Promise<void> {
    await writeFully(this, key);
  }
}
