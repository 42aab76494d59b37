/** BigInt twin of `core/prg/chacha8.ts`: the block function of RFC 8439, section 2.3, with 8 rounds. Imports nothing. */

const WORD = 0xffffffffn;

function rotateLeft(x: bigint, by: bigint): bigint {
  return ((x << by) | (x >> (32n - by))) & WORD;
}

function quarterRound(state: bigint[], a: number, b: number, c: number, d: number): void {
  const step = (sum: number, addend: number, mixed: number, by: bigint): void => {
    state[sum] = (state[sum]! + state[addend]!) & WORD;
    state[mixed] = rotateLeft(state[mixed]! ^ state[sum]!, by);
  };
  step(a, b, d, 16n);
  step(c, d, b, 12n);
  step(a, b, d, 8n);
  step(c, d, b, 7n);
}

/** Reads bytes as little-endian 32-bit words. */
export function toWords(bytes: Uint8Array): bigint[] {
  const words: bigint[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    words.push([3, 2, 1, 0].reduce((word, j) => (word << 8n) | BigInt(bytes[i + j]!), 0n));
  }
  return words;
}

/** Returns the 64-byte block of (key, nonce, counter). */
export function chacha8Block(key: Uint8Array, nonce: Uint8Array, counter: number): Uint8Array {
  const constants = toWords(new TextEncoder().encode("expand 32-byte k"));
  const initial = [...constants, ...toWords(key), BigInt(counter), ...toWords(nonce)];
  const state = [...initial];
  for (let pass = 0; pass < 4; pass++) {
    quarterRound(state, 0, 4, 8, 12);
    quarterRound(state, 1, 5, 9, 13);
    quarterRound(state, 2, 6, 10, 14);
    quarterRound(state, 3, 7, 11, 15);
    quarterRound(state, 0, 5, 10, 15);
    quarterRound(state, 1, 6, 11, 12);
    quarterRound(state, 2, 7, 8, 13);
    quarterRound(state, 3, 4, 9, 14);
  }
  const block = new Uint8Array(64);
  state.forEach((word, i) => {
    const sum = (word + initial[i]!) & WORD;
    for (let j = 0; j < 4; j++) block[4 * i + j] = Number((sum >> BigInt(8 * j)) & 0xffn);
  });
  return block;
}
