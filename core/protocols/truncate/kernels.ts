/**
 * The two steps of exact truncation, each defined for one element (SPEC.md §5.7).
 *
 * @module
 */

import { permutedPath, permutedSymbols, symbolCount, unpackChunks } from "../../fss/permuted.ts";
import { kernel } from "../../kernel.ts";

/** ẑ + addend + 2^(n-2) mod 2^n, or its low bits where the party holds only these. */
function raised(z: bigint, { addend, in_bits }: { readonly addend: number; readonly in_bits: number }): bigint {
  return BigInt.asUintN(in_bits, z + BigInt(addend) + (1n << BigInt(in_bits - 2)));
}

/** Exchange 1: the symbols of ẑ⁺ mod 2^by under their mask bits and, from the party that holds all of ẑ, 1 - msb(ẑ⁺) above them. */
export const SYMBOLS = kernel({
  name: "truncate_symbols",
  reads: { z: { holds: "masked value", ring: true } },
  writes: { symbols: { holds: "XOR share, secret" } },
  records: { given: { fields: ["compare"] }, free: { fields: ["symbols"] } },
  params: {
    in_bits: "n, ring of z",
    by: "bits to drop",
    addend: "added before the shift",
    chunks: "chunk sizes, a byte each",
    chunk_count: "chunks",
    tells: "1 for the party that tells the top bit",
  },
  costNs: () => 20,
  element({ i, x, ring, given, free, p }) {
    const shifted = raised(ring.z[i]!, p), chunks = unpackChunks(p.chunks, p.chunk_count);
    const low = Number(BigInt.asUintN(p.by, shifted)), count = symbolCount(p.chunk_count);
    const told = p.tells * (1 - Number(shifted >> BigInt(p.in_bits - 1)));
    const symbols = permutedSymbols(given.bytes, given.place("compare"), chunks, given.parity, low);
    x.symbols[i] = symbols ^ free.word("symbols", count) ^ (told << count);
  },
});

/** Exchange 2: the share of (ẑ⁺ ≫ by) - carry + w·2^(n-by) - 2^(n-2-by) under the pad. */
export const FINISH = kernel({
  name: "truncate_finish",
  reads: { z: { holds: "masked value", ring: true }, opened: { holds: "opened symbols, public" } },
  writes: { result: { holds: "share, secret", ring: "out_bits" } },
  records: { given: { fields: ["carries", "wrap"] }, free: { fields: ["pad"] } },
  params: {
    in_bits: "n, ring of z",
    by: "bits to drop",
    addend: "added before the shift",
    out_bits: "m, ring of the result",
    wrap_bits: "bits of the wrap correction, 0 for none",
    chunk_count: "chunks",
    adds: "1 for the party that adds the public part",
  },
  costNs: () => 10,
  element({ i, x, ring, given, free, p }) {
    const symbols = x.opened[i]!, selected = permutedPath(symbols, p.chunk_count), bit = BigInt(selected & 1);
    const wraps = (symbols >>> symbolCount(p.chunk_count)) & 1, m = p.out_bits;
    let sum = free.wide("pad", m) - (1n - 2n * bit) * given.wide("carries", m, selected >>> 1);
    if (wraps === 1) sum += given.wide("wrap", p.wrap_bits) << BigInt(p.in_bits - p.by);
    const offset = 1n << BigInt(p.in_bits - 2 - p.by);
    if (p.adds === 1) sum += (raised(ring.z[i]!, p) >> BigInt(p.by)) - offset - bit;
    ring.result[i] = sum;
  },
});
