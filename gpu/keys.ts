/**
 * Key memory on the device: blocks of at most one binding each, which overlap, so that every element of a record lies within one of them.
 *
 * @module
 */

import type { KeyMemory } from "../core/engine.ts";
import type { Block, BufferPool } from "./buffers.ts";

/** Bytes that neighbouring blocks share, at most: what one element of a record may have. */
const MAX_OVERLAP_BYTES = 65536;

/** A part of the memory in one block. */
export interface KeyPart {
  /** The block. */
  readonly block: Block;
  /** Bytes [first, end) of the memory lie in it, from its beginning on. */
  readonly first: number;
  /** Byte behind its last one. */
  readonly end: number;
}

/** Key bytes of one lane. */
export class Keys implements KeyMemory {
  /** Where the bytes lie; empty once they are freed. */
  parts: KeyPart[] = [];
  /** Parts begin this many bytes apart. */
  readonly #partBytes: number;
  #views: { readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> }[] = [];

  constructor(readonly pool: BufferPool, readonly byteLength: number) {
    const { bindingBytes } = pool.batches.device,
      isWhole = byteLength + 32 <= bindingBytes,
      overlap = Math.min(MAX_OVERLAP_BYTES, bindingBytes / 4 - bindingBytes / 4 % 256);
    this.#partBytes = isWhole ? Math.max(byteLength, 1) : bindingBytes - overlap - 256;
    for (let first = 0; first < Math.max(1, byteLength); first += this.#partBytes) {
      const end = Math.min(byteLength, first + this.#partBytes + (isWhole ? 0 : overlap));
      this.parts.push({
        block: pool.take(`keys of ${byteLength} bytes, from ${first} on`, end - first + 16),
        first,
        end,
      });
    }
  }

  /** Bytes for the caller to fill; they go to the device when the memory is used next. */
  view(offset: number, byteLength: number): Uint8Array {
    if (!(offset >= 0 && byteLength >= 0 && offset + byteLength <= this.byteLength)) {
      throw new RangeError(
        `Cannot view key memory as the range must end within ${this.byteLength} bytes: received ${byteLength} at ${offset}`,
      );
    }
    const bytes = new Uint8Array(byteLength);
    if (byteLength > 0) this.#views.push({ offset, bytes });
    return bytes;
  }

  /** What was viewed since the last call. */
  takeViews(): readonly { readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> }[] {
    if (this.#views.length === 0) return this.#views;
    const views = this.#views;
    this.#views = [];
    return views;
  }

  /** The part that holds bytes [first, end), null if none holds all of them. */
  partOf(first: number, end: number): KeyPart | null {
    if (this.parts.length === 0) throw new Error("Internal error: key memory was used after it was freed");
    const part = this.parts[Math.min(this.parts.length - 1, Math.floor(first / this.#partBytes))]!;
    return end <= part.end ? part : null;
  }

  /** Gives the blocks back. */
  free(): void {
    if (this.parts.length === 0) throw new Error("Internal error: key memory was freed twice");
    for (const { block } of this.parts) this.pool.give(block);
    this.parts = [];
    this.#views = [];
  }
}
