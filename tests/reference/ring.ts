/** BigInt twin of `core/ring`: rings, bit packing and fixed point as their definitions read. Imports nothing. */

/** Reduces mod 2^ringBits. */
export function reduce(x: bigint, ringBits: number): bigint {
  const modulus = 1n << BigInt(ringBits);
  return ((x % modulus) + modulus) % modulus;
}

/** Reads a reduced element as two's complement. */
export function signed(x: bigint, ringBits: number): bigint {
  const reduced = reduce(x, ringBits);
  return reduced >= 1n << BigInt(ringBits - 1) ? reduced - (1n << BigInt(ringBits)) : reduced;
}

/** Packs elements into one little-endian integer, element i at bit `bits·i`, and returns its `⌈bits·count / 8⌉` bytes. */
export function pack(values: readonly bigint[], bits: number): Uint8Array {
  let whole = 0n;
  values.forEach((value, i) => whole |= reduce(value, bits) << BigInt(bits * i));
  const bytes = new Uint8Array(Math.ceil((bits * values.length) / 8));
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number((whole >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

/** Reads `bits` bits at `bitOffset`. */
export function readBits(bytes: Uint8Array, bitOffset: number, bits: number): bigint {
  let value = 0n;
  for (let i = 0; i < bits; i++) {
    const position = bitOffset + i;
    const bit = Math.floor(bytes[Math.floor(position / 8)]! / 2 ** (position % 8)) % 2;
    value |= BigInt(bit) << BigInt(i);
  }
  return value;
}
