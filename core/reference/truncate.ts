/**
 * Truncation, step by step.
 *
 * @module
 */

import type { Handle, RecordView, TruncateStep } from "../engine.ts";
import { pathCount, permutedBits, permutedPath, permutedSymbols, symbolCount } from "../fss/permuted.ts";
import { lowMask } from "../ring/words.ts";
import { Cursor, elements, integers, tensor, words } from "./memory.ts";

/** {@linkcode Engine.truncateSymbols}, as loops. */
export function truncateSymbols(step: TruncateStep, z: Handle, given: RecordView, free: RecordView): Handle {
  if (step.inBits > 32) return wideSymbols(step, z, given, free);
  const data = words(z),
    out = new Uint32Array(data.length),
    key = new Cursor(given),
    pads = new Cursor(free),
    count = symbolCount(step.chunks.length);
  for (let e = 0; e < data.length; e++) {
    key.seek(e);
    const shifted = raised(step, data[e]!),
      tells = step.full && step.wrapBits > 0 ? 1 - (shifted >>> (step.inBits - 1)) : 0;
    const symbols = permutedSymbols(key.bytes, key.at, step.chunks, key.parity, shifted % 2 ** step.by);
    out[e] = symbols ^ pads.seek(e).field(0, count) ^ (tells << count);
  }
  return tensor(out);
}

/** {@linkcode Engine.truncateFinish}, as loops. */
export function truncateFinish(
  step: TruncateStep,
  z: Handle,
  opened: Handle,
  given: RecordView,
  free: RecordView,
): Handle {
  if (step.inBits > 32 || step.outBits > 32) return wideFinish(step, z, opened, given, free);
  const data = words(z),
    symbols = words(opened),
    out = new Uint32Array(data.length),
    key = new Cursor(given),
    pads = new Cursor(free);
  const { chunks, outBits: m, inBits: n, by, wrapBits } = step,
    count = symbolCount(chunks.length),
    paths = pathCount(chunks.length);
  const carries = permutedBits(chunks), ring = lowMask(m);
  for (let e = 0; e < data.length; e++) {
    key.seek(e);
    const selected = permutedPath(symbols[e]!, chunks.length), path = selected >>> 1, bit = selected & 1;
    let sum = pads.seek(e).field(count, m) - (1 - 2 * bit) * key.field(carries + path * m, m);
    if (wrapBits > 0 && ((symbols[e]! >>> count) & 1) === 1) {
      sum += key.field(carries + paths * m, wrapBits) * 2 ** (n - by);
    }
    if (step.adds) sum += Math.floor(raised(step, data[e]!) / 2 ** by) - 2 ** (n - 2 - by) - bit;
    out[e] = sum & ring;
  }
  return tensor(out);
}

/** ẑ + addend + 2^(n-2) mod 2^n (or its low bits, where the party holds only these). */
function raised(step: TruncateStep, word: number): number {
  return (word + step.addend + 2 ** (step.inBits - 2)) % 2 ** step.inBits;
}

/** {@linkcode truncateSymbols} of a ring above 32 bits. */
function wideSymbols(step: TruncateStep, z: Handle, given: RecordView, free: RecordView): Handle {
  const key = new Cursor(given), pads = new Cursor(free), count = symbolCount(step.chunks.length);
  const out = wideRaised(step, z).map((shifted, e) => {
    key.seek(e);
    const tells = step.full && step.wrapBits > 0 ? 1 - Number(shifted >> BigInt(step.inBits - 1)) : 0,
      low = Number(BigInt.asUintN(step.by, shifted));
    const symbols = permutedSymbols(key.bytes, key.at, step.chunks, key.parity, low);
    return symbols ^ pads.seek(e).field(0, count) ^ (tells << count);
  });
  return tensor(Uint32Array.from(out));
}

/** {@linkcode truncateFinish} where one of the rings has more than 32 bits. */
function wideFinish(step: TruncateStep, z: Handle, opened: Handle, given: RecordView, free: RecordView): Handle {
  const { chunks, outBits: m, inBits: n, by, wrapBits } = step, symbols = words(opened);
  const key = new Cursor(given), pads = new Cursor(free), count = symbolCount(chunks.length);
  const carries = permutedBits(chunks), wrapAt = carries + pathCount(chunks.length) * m;
  const out = wideRaised(step, z).map((shifted, e) => {
    key.seek(e);
    const selected = permutedPath(symbols[e]!, chunks.length), bit = BigInt(selected & 1);
    let sum = pads.seek(e).wide(count, m) - (1n - 2n * bit) * key.wide(carries + (selected >>> 1) * m, m);
    if (((symbols[e]! >>> count) & 1) === 1) sum += key.wide(wrapAt, wrapBits) << BigInt(n - by);
    if (step.adds) sum += (shifted >> BigInt(by)) - (1n << BigInt(n - 2 - by)) - bit;
    return sum;
  });
  return elements(out, m);
}

/** {@linkcode raised} of every element of any ring. */
function wideRaised({ addend, inBits }: TruncateStep, z: Handle): bigint[] {
  const constant = BigInt(addend) + (1n << BigInt(inBits - 2));
  return integers(z).map((word) => BigInt.asUintN(inBits, word + constant));
}
