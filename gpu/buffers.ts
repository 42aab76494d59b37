/**
 * Device buffers: pooled by size class, filled and used in the order of one command stream.
 *
 * Commands collect in a *batch*; {@linkcode Batches.submit} sends it. What the host writes into a buffer takes effect before the open batch runs, so a buffer
 * that the open batch uses already is written after a submit.
 *
 * @module
 */

import { BINDING_ALIGNMENT_BYTES, type Device } from "./device.ts";
import type { PassTimer } from "./pass_timer.ts";

/** Kernels read one word behind the last one of a record. */
const SLACK_BYTES = 16;

/** Free buffers are kept for reuse up to this, and up to what is in use. */
const MIN_KEPT_BYTES = 2 ** 30;

/** Words that one batch may pass to its kernels before it is submitted. */
const ARENA_WORDS = 2 ** 18;

/** One write to the device, and what is staged before a submit: some drivers have little memory that both sides see. */
const PIECE_BYTES = 2 ** 24, MAX_STAGED_BYTES = 2 ** 26;

/** A buffer of a pool. */
export interface Block {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** Its size. */
  readonly byteLength: number;
  /** What of it is in use: what was asked for, and 16 bytes that kernels may read behind it. */
  usedBytes: number;
  /** Number of the last batch that used it. */
  batch: number;
}

/** Size of the class that holds `bytes`: four classes to each power of two, at least 256 bytes. */
function classBytes(bytes: number): number {
  const needed = Math.max(BINDING_ALIGNMENT_BYTES, bytes + SLACK_BYTES),
    step = Math.max(BINDING_ALIGNMENT_BYTES, 2 ** (Math.ceil(Math.log2(needed)) - 3));
  return Math.ceil(needed / step) * step;
}

/** The commands of one device, in order. */
export class Batches {
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #arenaWords = new Uint32Array(ARENA_WORDS);
  #arena: GPUBuffer;
  #arenaUsed = 0;
  #stagedBytes = 0;
  /** Number of the open batch. */
  number = 1;
  /** Time spent handing words over to blocks so far, in milliseconds. */
  uploadMs = 0;
  /** Bytes handed over so far. */
  uploadedBytes = 0;

  /** @param timer Takes the time of every kernel, if any does. */
  constructor(readonly device: Device, readonly timer: PassTimer | null = null) {
    this.#arena = this.#makeArena();
  }

  #makeArena(): GPUBuffer {
    return this.device.buffer(
      "arguments",
      this.#arenaWords.byteLength,
      GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    );
  }

  /** The pass for a kernel: the open one, or one of its own where time is taken. */
  pass(kernel: string): GPUComputePassEncoder {
    if (this.timer === null) return this.#pass ??= this.encoder.beginComputePass();
    this.#endPass();
    return this.#pass = this.encoder.beginComputePass({ timestampWrites: this.timer.next(kernel) });
  }

  /** The open encoder. */
  get encoder(): GPUCommandEncoder {
    return this.#encoder ??= this.device.gpu.createCommandEncoder();
  }

  /** Reserves room for arguments of the coming commands; submits the batch first where there is too little left. */
  reserve(words: number): void {
    const room = words + BINDING_ALIGNMENT_BYTES;
    if (this.timer?.isFull) this.submit();
    if (this.#arenaUsed + room <= this.#arenaWords.length) return;
    this.submit();
    if (room <= this.#arenaWords.length) return;
    this.#arena.destroy();
    this.#arenaWords = new Uint32Array(2 ** Math.ceil(Math.log2(room)));
    this.#arena = this.#makeArena();
  }

  /** Passes reserved words to kernels of this batch, as storage or as a uniform; there are at least `minimumWords`. */
  arguments(words: ArrayLike<number>, minimumWords = 4): GPUBufferBinding {
    const first = this.#arenaUsed, size = Math.max(minimumWords, words.length);
    this.#arenaWords.set(words, first);
    this.#arenaUsed = Math.ceil((first + size) / 64) * 64;
    return { buffer: this.#arena, offset: 4 * first, size: 4 * size };
  }

  /** Copies between buffers, in order with the dispatches. Offsets and size are multiples of 4 bytes. */
  copy(from: Block, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    this.#endPass();
    from.batch = this.number;
    this.encoder.copyBufferToBuffer(from.buffer, fromOffset, to, toOffset, bytes);
  }

  /** Writes to a block; `bytes` is whole words. Large writes go in pieces, each of which the device stages before the next ones. */
  write(block: Block, offset: number, bytes: Uint8Array | Uint32Array): void {
    if (block.batch === this.number) this.submit();
    const since = performance.now(),
      { device } = this,
      data = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Uint8Array<ArrayBuffer>;
    for (let at = 0; at < data.length; at += PIECE_BYTES) {
      const piece = data.subarray(at, at + PIECE_BYTES),
        write = (): void => device.gpu.queue.writeBuffer(block.buffer, offset + at, piece);
      if (data.length <= PIECE_BYTES) write();
      else {
        device.guard(
          "out-of-memory",
          write,
          (error) =>
            `Cannot fill the buffer "${block.buffer.label}" as ${device.adapterName} must have ${piece.length} bytes free to stage: received ${
              error.message || "out of memory"
            }`,
        );
      }
      this.#stagedBytes += piece.length;
      if (this.#stagedBytes > MAX_STAGED_BYTES) {
        this.#stagedBytes = 0;
        device.gpu.queue.submit([]);
      }
    }
    this.uploadedBytes += data.length;
    this.uploadMs += performance.now() - since;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  /** Sends what was recorded. */
  submit(): void {
    if (this.#encoder === null) return;
    this.#endPass();
    const { queue } = this.device.gpu;
    if (this.#arenaUsed > 0) {
      queue.writeBuffer(this.#arena, 0, this.#arenaWords, 0, this.#arenaUsed);
      this.#arenaWords.fill(0, 0, this.#arenaUsed); // seeds passed through
      this.#arenaUsed = 0;
    }
    this.timer?.keep(this.#encoder);
    queue.submit([this.#encoder.finish()]);
    this.#stagedBytes = 0;
    this.#encoder = null;
    this.number++;
  }
}

/** Storage buffers for reuse, the longest unused first. */
export class BufferPool {
  readonly #free = new Map<number, Block[]>();
  #freeBytes = 0;
  #usedBytes = 0;

  constructor(readonly batches: Batches) {}

  /** Bytes in blocks that are not free, rounded up to their classes. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** A block of at least `bytes` bytes with undefined content. */
  take(label: string, bytes: number): Block {
    this.batches.device.check();
    const byteLength = Math.min(classBytes(bytes), Math.max(bytes + SLACK_BYTES, this.batches.device.bufferBytes)),
      free = this.#free.get(byteLength),
      usedBytes = Math.ceil(bytes / 4) * 4 + SLACK_BYTES;
    this.#usedBytes += byteLength;
    const block = free?.shift();
    if (block !== undefined) {
      this.#freeBytes -= byteLength;
      block.usedBytes = usedBytes;
      return block;
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      aligned = Math.ceil(byteLength / 4) * 4;
    return { buffer: this.batches.device.buffer(label, aligned, usage), byteLength, usedBytes, batch: 0 };
  }

  /** Takes a block back. Commands that use it may still be on their way. */
  give(block: Block): void {
    this.#usedBytes -= block.byteLength;
    if (this.#freeBytes + block.byteLength > Math.max(MIN_KEPT_BYTES, this.#usedBytes)) {
      if (block.batch === this.batches.number) this.batches.submit();
      block.buffer.destroy();
      return;
    }
    this.#freeBytes += block.byteLength;
    const free = this.#free.get(block.byteLength);
    if (free === undefined) this.#free.set(block.byteLength, [block]);
    else free.push(block);
  }
}
