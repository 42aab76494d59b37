/**
 * Expansion of seeds on the device.
 *
 * @module
 */

import type { Block } from "./buffers.ts";
import type { Keys } from "./keys.ts";
import type { Runner } from "./runner.ts";

const BLOCK_BYTES = 64;

/** Little-endian words of bytes. */
function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}

/** Fills bytes [offset, offset + byteLength) of a key memory with the ChaCha8 key stream of (seed, nonce). */
export function expandInto(
  run: Runner,
  seed: Uint8Array,
  nonce: Uint8Array,
  keys: Keys,
  offset: number,
  byteLength: number,
): void {
  if (seed.length !== 32 || nonce.length !== 12) {
    throw new RangeError(
      `Cannot expand a seed as seed and nonce must have 32 and 12 bytes: received ${seed.length} and ${nonce.length}`,
    );
  }
  if (!(offset >= 0 && byteLength >= 0 && offset + byteLength <= keys.byteLength)) {
    throw new RangeError(
      `Cannot expand a seed as the range must end within ${keys.byteLength} bytes: received ${byteLength} at ${offset}`,
    );
  }
  run.send(keys);
  const stream = [...wordsOf(seed), ...wordsOf(nonce)];
  for (const { block, first, end } of keys.parts) {
    const from = Math.max(offset, first), to = Math.min(offset + byteLength, end);
    if (from >= to) continue;
    if (offset % 4 === 0) write(run, stream, block, first, offset, from, to);
    else {
      // Words of the stream do not fall on words of the memory: make them elsewhere and move them by bytes.
      const skip = from - offset - (from - offset) % BLOCK_BYTES,
        temporary = run.pool.take("key stream", to - offset - skip);
      write(run, stream, temporary, 0, -skip, 0, to - offset - skip);
      run.place(temporary, from - offset - skip, block, from - first, to - from);
      run.pool.give(temporary);
    }
  }
}

/** Writes the stream that begins at byte `origin` of the memory to its bytes [from, to), in a block that begins at byte `first`. */
function write(
  run: Runner,
  stream: readonly number[],
  block: Block,
  first: number,
  origin: number,
  from: number,
  to: number,
): void {
  const tail = (to - first) % 4;
  run.run("expand", {
    first: Math.floor((from - origin) / BLOCK_BYTES),
    items: Math.ceil((to - origin) / BLOCK_BYTES),
    operands: { seed: { words: stream }, key_memory: { block } },
    params: {
      target_at: (origin - first) / 4,
      word_first: (from - first) / 4,
      word_end: Math.ceil((to - first) / 4),
      tail_mask: tail === 0 ? 0xffffffff : 2 ** (8 * tail) - 1,
    },
  });
}
