/**
 * The shared WebAssembly memory and its allocator: size classes below 32 KiB, best fit with coalescing above.
 *
 * @module
 */

const PAGE_BYTES = 65536;
const MAXIMUM_PAGES = 65536;

/** Kernels read eight bytes at any bit of a block, and two words at its last byte. */
const SLACK_BYTES = 16;

const LINE_BYTES = 64;
const SMALL_LINES = 512;
const SLAB_BYTES = 256 * 1024;
const LARGE_BYTES = 4096;

/** Below here lie what threads share and their scratch memory: see `threads.ts`. */
export const HEAP_BASE = PAGE_BYTES;

/** Lines of the size class that holds `bytes`: four classes to each power of two. */
function classLines(bytes: number): number {
  const lines = Math.max(1, Math.ceil((bytes + SLACK_BYTES) / LINE_BYTES));
  if (lines <= 8) return lines;
  const shift = 29 - Math.clz32(lines - 1);
  return Math.ceil(lines / 2 ** shift) * 2 ** shift;
}

/** Blocks of one shared memory, 64-byte aligned, each with 16 readable bytes behind it. A block is freed with the length it was made with. */
export class Heap {
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1, maximum: MAXIMUM_PAGES, shared: true });
  /** Views of the whole memory, made again when it grows. */
  u8: Uint8Array = new Uint8Array(this.memory.buffer);
  u32: Uint32Array = new Uint32Array(this.memory.buffer);
  readonly #small: number[][] = Array.from({ length: SMALL_LINES + 1 }, () => []);
  #slab = 0;
  #slabEnd = 0;
  /** Free ranges above the size classes, by address; neighbours are merged. */
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  #usedBytes = 0;

  /** Bytes in blocks that are not free, rounded up to their classes. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Returns the address of a new block. Its content is undefined.
   *
   * @throws {RangeError} If the 4 GiB of a WebAssembly memory are used up.
   */
  allocate(bytes: number): number {
    const lines = classLines(bytes);
    if (lines > SMALL_LINES) {
      const length = largeLength(bytes);
      this.#usedBytes += length;
      return this.#allocateLarge(length);
    }
    this.#usedBytes += lines * LINE_BYTES;
    const free = this.#small[lines]!.pop();
    if (free !== undefined) return free;
    if (this.#slab + lines * LINE_BYTES > this.#slabEnd) {
      this.#slab = this.#allocateLarge(SLAB_BYTES);
      this.#slabEnd = this.#slab + SLAB_BYTES;
    }
    const at = this.#slab;
    this.#slab += lines * LINE_BYTES;
    return at;
  }

  /** Takes back the block at `at` that was made with `bytes`. */
  free(at: number, bytes: number): void {
    const lines = classLines(bytes);
    if (lines > SMALL_LINES) {
      const length = largeLength(bytes);
      this.#usedBytes -= length;
      this.#release(at, length);
    } else {
      this.#usedBytes -= lines * LINE_BYTES;
      this.#small[lines]!.push(at);
    }
  }

  #allocateLarge(length: number): number {
    let best = -1;
    for (let i = 0; i < this.#lengths.length; i++) {
      if (this.#lengths[i]! >= length && (best < 0 || this.#lengths[i]! < this.#lengths[best]!)) best = i;
    }
    if (best < 0) {
      this.#grow(length);
      return this.#allocateLarge(length);
    }
    const at = this.#starts[best]!;
    if (this.#lengths[best] === length) {
      this.#starts.splice(best, 1);
      this.#lengths.splice(best, 1);
    } else {
      this.#starts[best]! += length;
      this.#lengths[best]! -= length;
    }
    return at;
  }

  #release(at: number, length: number): void {
    const starts = this.#starts, lengths = this.#lengths;
    let low = 0, high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! < at) low = middle + 1;
      else high = middle;
    }
    starts.splice(low, 0, at);
    lengths.splice(low, 0, length);
    if (low + 1 < starts.length && at + length === starts[low + 1]) this.#mergeNext(low);
    if (low > 0 && starts[low - 1]! + lengths[low - 1]! === at) this.#mergeNext(low - 1);
  }

  #mergeNext(i: number): void {
    this.#lengths[i]! += this.#lengths[i + 1]!;
    this.#starts.splice(i + 1, 1);
    this.#lengths.splice(i + 1, 1);
  }

  /** Grows by at least `length` bytes, and by a quarter to grow rarely. */
  #grow(length: number): void {
    const size = this.memory.buffer.byteLength, room = MAXIMUM_PAGES * PAGE_BYTES - size;
    // The last bytes of the memory are never handed out: a read behind the last block must stay inside.
    const needed = length + LARGE_BYTES,
      wanted = Math.max(needed, 4 * 1024 * 1024, Math.min(size / 4, 256 * 1024 * 1024));
    const pages = Math.ceil(Math.min(wanted, room) / PAGE_BYTES);
    if (needed > room) {
      throw new RangeError(
        `Cannot allocate ${length} bytes as the engine's memory ends at 4 GiB: received ${room} bytes left`,
      );
    }
    this.memory.grow(pages);
    this.u8 = new Uint8Array(this.memory.buffer);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.#release(size, pages * PAGE_BYTES);
  }
}

function largeLength(bytes: number): number {
  return Math.ceil((bytes + SLACK_BYTES) / LARGE_BYTES) * LARGE_BYTES;
}
