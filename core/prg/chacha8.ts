/**
 * The pseudorandom generator: ChaCha with 8 rounds, in the layout of RFC 8439 (32-byte key, 12-byte nonce, 32-bit block counter).
 *
 * Everything that both sides derive from a seed comes from here: session streams by {@linkcode expandChacha8}, nodes of a tree DPF by
 * {@linkcode chacha8Block}. There is no branch or index that depends on a key.
 */

/** Number of ChaCha rounds. The state makes `CHACHA_ROUNDS / 2` passes over columns and diagonals. */
export const CHACHA_ROUNDS = 8;

const BLOCK_BYTES = 64;
const BLOCK_WORDS = 16;

// "expand 32-byte k", little-endian: the first four words of every ChaCha state.
const CONSTANT_0 = 0x61707865;
const CONSTANT_1 = 0x3320646e;
const CONSTANT_2 = 0x79622d32;
const CONSTANT_3 = 0x6b206574;

const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Writes the block of `state` (16 words) to `out[at .. at + 15]`. Locals and straight-line code: this is the hot loop. */
function permute(state: Uint32Array, out: Uint32Array, at: number): void {
  const s4 = state[4]! | 0, s5 = state[5]! | 0, s6 = state[6]! | 0, s7 = state[7]! | 0;
  const s8 = state[8]! | 0, s9 = state[9]! | 0, s10 = state[10]! | 0, s11 = state[11]! | 0;
  const s12 = state[12]! | 0, s13 = state[13]! | 0, s14 = state[14]! | 0, s15 = state[15]! | 0;
  let x0 = CONSTANT_0, x1 = CONSTANT_1, x2 = CONSTANT_2, x3 = CONSTANT_3;
  let x4 = s4, x5 = s5, x6 = s6, x7 = s7, x8 = s8, x9 = s9, x10 = s10, x11 = s11;
  let x12 = s12, x13 = s13, x14 = s14, x15 = s15;
  for (let round = 0; round < CHACHA_ROUNDS; round += 2) {
    // Columns.
    x0 = (x0 + x4) | 0;
    x12 ^= x0;
    x12 = (x12 << 16) | (x12 >>> 16);
    x8 = (x8 + x12) | 0;
    x4 ^= x8;
    x4 = (x4 << 12) | (x4 >>> 20);
    x0 = (x0 + x4) | 0;
    x12 ^= x0;
    x12 = (x12 << 8) | (x12 >>> 24);
    x8 = (x8 + x12) | 0;
    x4 ^= x8;
    x4 = (x4 << 7) | (x4 >>> 25);
    x1 = (x1 + x5) | 0;
    x13 ^= x1;
    x13 = (x13 << 16) | (x13 >>> 16);
    x9 = (x9 + x13) | 0;
    x5 ^= x9;
    x5 = (x5 << 12) | (x5 >>> 20);
    x1 = (x1 + x5) | 0;
    x13 ^= x1;
    x13 = (x13 << 8) | (x13 >>> 24);
    x9 = (x9 + x13) | 0;
    x5 ^= x9;
    x5 = (x5 << 7) | (x5 >>> 25);
    x2 = (x2 + x6) | 0;
    x14 ^= x2;
    x14 = (x14 << 16) | (x14 >>> 16);
    x10 = (x10 + x14) | 0;
    x6 ^= x10;
    x6 = (x6 << 12) | (x6 >>> 20);
    x2 = (x2 + x6) | 0;
    x14 ^= x2;
    x14 = (x14 << 8) | (x14 >>> 24);
    x10 = (x10 + x14) | 0;
    x6 ^= x10;
    x6 = (x6 << 7) | (x6 >>> 25);
    x3 = (x3 + x7) | 0;
    x15 ^= x3;
    x15 = (x15 << 16) | (x15 >>> 16);
    x11 = (x11 + x15) | 0;
    x7 ^= x11;
    x7 = (x7 << 12) | (x7 >>> 20);
    x3 = (x3 + x7) | 0;
    x15 ^= x3;
    x15 = (x15 << 8) | (x15 >>> 24);
    x11 = (x11 + x15) | 0;
    x7 ^= x11;
    x7 = (x7 << 7) | (x7 >>> 25);
    // Diagonals.
    x0 = (x0 + x5) | 0;
    x15 ^= x0;
    x15 = (x15 << 16) | (x15 >>> 16);
    x10 = (x10 + x15) | 0;
    x5 ^= x10;
    x5 = (x5 << 12) | (x5 >>> 20);
    x0 = (x0 + x5) | 0;
    x15 ^= x0;
    x15 = (x15 << 8) | (x15 >>> 24);
    x10 = (x10 + x15) | 0;
    x5 ^= x10;
    x5 = (x5 << 7) | (x5 >>> 25);
    x1 = (x1 + x6) | 0;
    x12 ^= x1;
    x12 = (x12 << 16) | (x12 >>> 16);
    x11 = (x11 + x12) | 0;
    x6 ^= x11;
    x6 = (x6 << 12) | (x6 >>> 20);
    x1 = (x1 + x6) | 0;
    x12 ^= x1;
    x12 = (x12 << 8) | (x12 >>> 24);
    x11 = (x11 + x12) | 0;
    x6 ^= x11;
    x6 = (x6 << 7) | (x6 >>> 25);
    x2 = (x2 + x7) | 0;
    x13 ^= x2;
    x13 = (x13 << 16) | (x13 >>> 16);
    x8 = (x8 + x13) | 0;
    x7 ^= x8;
    x7 = (x7 << 12) | (x7 >>> 20);
    x2 = (x2 + x7) | 0;
    x13 ^= x2;
    x13 = (x13 << 8) | (x13 >>> 24);
    x8 = (x8 + x13) | 0;
    x7 ^= x8;
    x7 = (x7 << 7) | (x7 >>> 25);
    x3 = (x3 + x4) | 0;
    x14 ^= x3;
    x14 = (x14 << 16) | (x14 >>> 16);
    x9 = (x9 + x14) | 0;
    x4 ^= x9;
    x4 = (x4 << 12) | (x4 >>> 20);
    x3 = (x3 + x4) | 0;
    x14 ^= x3;
    x14 = (x14 << 8) | (x14 >>> 24);
    x9 = (x9 + x14) | 0;
    x4 ^= x9;
    x4 = (x4 << 7) | (x4 >>> 25);
  }
  out[at] = x0 + CONSTANT_0;
  out[at + 1] = x1 + CONSTANT_1;
  out[at + 2] = x2 + CONSTANT_2;
  out[at + 3] = x3 + CONSTANT_3;
  out[at + 4] = x4 + s4;
  out[at + 5] = x5 + s5;
  out[at + 6] = x6 + s6;
  out[at + 7] = x7 + s7;
  out[at + 8] = x8 + s8;
  out[at + 9] = x9 + s9;
  out[at + 10] = x10 + s10;
  out[at + 11] = x11 + s11;
  out[at + 12] = x12 + s12;
  out[at + 13] = x13 + s13;
  out[at + 14] = x14 + s14;
  out[at + 15] = x15 + s15;
}

/** Reads `count` little-endian words of `bytes` into `words` from `at` on. */
function loadWords(bytes: Uint8Array, words: Uint32Array, at: number): void {
  for (let i = 0; i < bytes.length; i += 4) {
    words[at + i / 4] = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
  }
}

/** Writes words to `bytes` from byte `at` on, little-endian, up to the end of either. */
function storeBytes(words: Uint32Array, bytes: Uint8Array, at: number): void {
  const end = Math.min(bytes.length - at, words.length * 4);
  for (let i = 0; i < end; i++) bytes[at + i] = words[i >>> 2]! >>> (8 * (i & 3));
}

/**
 * Fills `out` with the ChaCha8 key stream of (key, nonce), from block `firstBlock` on.
 *
 * `out = block(firstBlock) ‖ block(firstBlock + 1) ‖ …`, cut to the length of `out`; a block has 64 bytes.
 *
 * @param key 32 bytes, secret.
 * @param nonce 12 bytes, public: see `address` in `seed.ts`. The same (key, nonce, block) always gives the same bytes.
 * @param out Receives the stream; its former content is overwritten.
 * @param firstBlock Index of the first block, 0 if omitted.
 * @throws {RangeError} If the key has not 32 bytes, the nonce not 12, or a block index would reach 2^32.
 *
 * @example A stream continues at any block
 * ```ts
 * import { expandChacha8 } from "sluice/core/prg/chacha8.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const [key, nonce] = [new Uint8Array(32), new Uint8Array(12)];
 * const [whole, tail] = [new Uint8Array(200), new Uint8Array(72)];
 * expandChacha8(key, nonce, whole);
 * expandChacha8(key, nonce, tail, 2);
 *
 * assertEquals(whole.subarray(128), tail);
 * ```
 */
export function expandChacha8(key: Uint8Array, nonce: Uint8Array, out: Uint8Array, firstBlock: number = 0): void {
  if (key.length !== 32) {
    throw new RangeError(`Cannot expand a key as it must have 32 bytes: received ${key.length}`);
  }
  if (nonce.length !== 12) {
    throw new RangeError(`Cannot expand a key as the nonce must have 12 bytes: received ${nonce.length}`);
  }
  const endBlock = firstBlock + Math.ceil(out.length / BLOCK_BYTES);
  if (!(Number.isInteger(firstBlock) && firstBlock >= 0 && endBlock <= 0x100000000)) {
    throw new RangeError(
      `Cannot expand a key as block indices must be below 2^32: received ${firstBlock} to ${endBlock}`,
    );
  }
  const state = new Uint32Array(BLOCK_WORDS);
  loadWords(key, state, 4);
  loadWords(nonce, state, 13);
  const wholeBlocks = Math.floor(out.length / BLOCK_BYTES);
  const block = new Uint32Array(BLOCK_WORDS);
  const isDirect = IS_LITTLE_ENDIAN && out.byteOffset % 4 === 0;
  const words = isDirect ? new Uint32Array(out.buffer, out.byteOffset, wholeBlocks * BLOCK_WORDS) : block;
  for (let i = 0; i < wholeBlocks; i++) {
    state[12] = firstBlock + i;
    permute(state, words, isDirect ? i * BLOCK_WORDS : 0);
    if (!isDirect) storeBytes(block, out, i * BLOCK_BYTES);
  }
  if (wholeBlocks * BLOCK_BYTES < out.length) {
    state[12] = firstBlock + wholeBlocks;
    permute(state, block, 0);
    storeBytes(block, out, wholeBlocks * BLOCK_BYTES);
  }
}

const blockState = new Uint32Array(BLOCK_WORDS);

/**
 * Writes one ChaCha8 block, as words: word `i` holds bytes `4i` to `4i + 3` of the block, little-endian.
 *
 * @param key 8 words, secret.
 * @param nonce 3 words.
 * @param counter Block index, below 2^32.
 * @param out 16 words, overwritten.
 * @throws {RangeError} If a length differs or the counter is out of range.
 */
export function chacha8Block(key: Uint32Array, nonce: Uint32Array, counter: number, out: Uint32Array): void {
  if (key.length !== 8 || nonce.length !== 3 || out.length !== BLOCK_WORDS) {
    throw new RangeError(
      `Cannot make a block as key, nonce and output must have 8, 3 and 16 words: received ${key.length}, ${nonce.length} and ${out.length}`,
    );
  }
  if (!(Number.isInteger(counter) && counter >= 0 && counter < 0x100000000)) {
    throw new RangeError(`Cannot make a block as the counter must be below 2^32: received ${counter}`);
  }
  blockState.set(key, 4);
  blockState[12] = counter;
  blockState.set(nonce, 13);
  permute(blockState, out, 0);
  blockState.fill(0); // No key outlives the call.
}
