/**
 * Expansion of seeds on the device.
 *
 * @module
 */

import type { SeedStream } from "../core/engine.ts";
import { assertStream } from "../core/prg/seed.ts";
import type { Block } from "./buffers.ts";
import type { Keys } from "./keys.ts";
import type { Runner } from "./runner.ts";

const BLOCK_BYTES = 64;

/** Little-endian words of bytes. */
function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}

/** Bytes [from, to) of a memory, filled from a stream that begins at its byte `origin`. */
interface Range {
  readonly nonce: Uint8Array;
  readonly origin: number;
  readonly from: number;
  readonly to: number;
}

/** Fills parts of a key memory with ChaCha8 key streams of a seed: all that begin at a word with one call for each part of the memory. */
export function expandInto(run: Runner, seed: Uint8Array, keys: Keys, streams: readonly SeedStream[]): void {
  for (const { nonce, offset, byteLength } of streams) {
    assertStream(seed, nonce);
    if (!(offset >= 0 && byteLength >= 0 && offset + byteLength <= keys.byteLength)) {
      throw new RangeError(
        `Cannot expand a seed as the range must end within ${keys.byteLength} bytes: received ${byteLength} at ${offset}`,
      );
    }
  }
  run.send(keys);
  for (const { block, first, end } of keys.parts) {
    const aligned: Range[] = [];
    for (const { nonce, offset, byteLength } of streams) {
      const from = Math.max(offset, first), to = Math.min(offset + byteLength, end);
      if (from >= to) continue;
      if (offset % 4 === 0) aligned.push({ nonce, origin: offset, from, to });
      else {
        // Words of the stream do not fall on words of the memory: make them elsewhere and move them by bytes.
        const skip = from - offset - (from - offset) % BLOCK_BYTES,
          bytes = to - offset - skip,
          temporary = run.pool.take("key stream", bytes);
        write(run, seed, temporary, 0, [{ nonce, origin: -skip, from: 0, to: bytes }]);
        run.place(temporary, from - offset - skip, block, from - first, to - from);
        run.pool.give(temporary);
      }
    }
    write(run, seed, block, first, aligned);
  }
}

/** Fills ranges of a block that begins at byte `first` of the memory. */
function write(run: Runner, seed: Uint8Array, block: Block, first: number, ranges: readonly Range[]): void {
  const table: number[] = [];
  let items = 0;
  for (const { nonce, origin, from, to } of ranges) {
    const skip = Math.floor((from - origin) / BLOCK_BYTES), tail = (to - first) % 4;
    table.push(
      items,
      (skip - items) >>> 0,
      ((origin - first) / 4) >>> 0,
      Math.ceil((to - first) / 4),
      tail === 0 ? 0xffffffff : 2 ** (8 * tail) - 1,
      ...wordsOf(nonce),
    );
    items += Math.ceil((to - origin) / BLOCK_BYTES) - skip;
  }
  run.run("expand", {
    items,
    operands: { seed: { words: [...wordsOf(seed), ...table] }, key_memory: { block } },
    params: { range_count: ranges.length },
  });
}
