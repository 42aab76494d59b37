/**
 * Exact truncation: y = ⌊(z + addend) / 2^by⌋ from Z_{2^n} into Z_{2^m}, rounding to nearest (addend 2^(by-1)) or down
 * (addend 0).
 *
 * With ẑ⁺ = ẑ + addend + 2^(n-2), the carry c = 1{ẑ⁺ mod 2^by < r mod 2^by} and w = msb(r)·(1 - msb(ẑ⁺)),
 *
 *   y = (ẑ⁺ ≫ by) - (r ≫ by) - c + w·2^(n-by) - 2^(n-2-by)   mod 2^m,     r_y = pad + (r ≫ by).
 *
 * The spare bit (-2^(n-2) ≤ z + addend < 2^(n-2)) makes w free of a comparison; where m ≤ n - by the term vanishes and
 * every z is in the domain. The carry comes from permuted selection. Only the party that adds the public part needs all
 * of ẑ: the other one gets `by` bits of it, and the bit msb(ẑ⁺) with the symbols.
 *
 * - **Runs on:** both parties, in lockstep   **Spec:** SPEC.md §5.7; its f is `by`, share is 1 of a share
 * - **Exchanges:** `2 + share`
 * - **Sends:** `2^c - 1`, `m` bits per element; of a share `[f, n]`, `[2^c - 1 + 1{m > n - f}, 2^c - 1]`, `m`
 * - **Key:** `C + 2^(c-1)·m + max(0, m - n + f)` bits per element
 * - **Source:** [SIGMA]'s truncation with a spare bit, with the comparison of SPEC §4.2
 *
 * @module
 */

import { choosePermuted, dealPermuted, packChunks, pathCount, permutedBits, symbolCount } from "../../fss/permuted.ts";
import { addPad, type KeyRecord, step, writeMask } from "../key.ts";
import { open, type OpeningSize } from "../opening.ts";
import { assertKnownToBoth, assertRange, assertRing, type Primitive } from "../primitive.ts";
import {
  blockCounts,
  elementCount,
  type Inputs,
  maskBits,
  type Share,
  type TensorType,
  type View,
  type Wire,
  wire,
} from "../tensor.ts";
import { FINISH, SYMBOLS } from "./kernels.ts";

/** Parameters of {@linkcode truncate}. */
export interface TruncateParams {
  /** Bits to drop, 1 ≤ by ≤ min(32, n - 2). */
  readonly by: number;
  /** Ring of the result, in bits. */
  readonly to: number;
  /** To nearest, halves up, or down. */
  readonly rounding: "nearest" | "floor";
  /** The party that receives all bits of a share that is opened here. */
  readonly full: 0 | 1;
  /** Who learns the result: party 0 alone where only linear layers read it. */
  readonly knownTo: "both" | "party0";
}

/** Ring, scale and shape of a truncation's result, however it is rounded. */
export function truncatedType(p: Pick<TruncateParams, "by" | "to">, z: TensorType): TensorType {
  return { ringBits: p.to, scale: z.scale - p.by, extent: z.extent };
}

/**
 * Refuses what no truncation takes, however it is rounded.
 *
 * @throws {RangeError} If rings or shift are out of their range, or one party alone knows a wire.
 */
export function assertTruncates(p: Pick<TruncateParams, "by" | "to">, z: Wire<View> | Share<View>): void {
  assertKnownToBoth(z, "truncate a wire");
  assertRing(z.ringBits, "truncate");
  assertRing(p.to, "truncate");
  const most = Math.min(32, z.ringBits - 2);
  if (!(Number.isInteger(p.by) && p.by >= 1 && p.by <= most)) {
    throw new RangeError(`Cannot truncate as the shift must be 1 to ${most} bits: received ${p.by}`);
  }
}

/** Everything that follows from the parameters and the input. */
function layout(p: TruncateParams, z: Wire<View> | Share<View>) {
  const n = z.ringBits,
    chunks = choosePermuted(p.by, p.to),
    wrapBits = Math.max(0, p.to - (n - p.by)),
    count = elementCount(z.extent);
  const symbols = symbolCount(chunks.length), fromShare = z.kind === "share", told = fromShare && wrapBits > 0 ? 1 : 0;
  // Indexed by the receiving party: the one that does not hold all of ẑ is told its top bit.
  const pick = (full: number, other: number): [number, number] => p.full === 0 ? [full, other] : [other, full];
  const openInput: OpeningSize[] = [{ kind: "add", count, bits: pick(n, p.by) }];
  const openSymbols: OpeningSize[] = [{ kind: "xor", count, bits: pick(symbols, symbols + told) }];
  const openResult: OpeningSize[] = [{ kind: "add", count, bits: p.knownTo === "both" ? [p.to, p.to] : [p.to, 0] }];
  return {
    chunks,
    wrapBits,
    symbols,
    paths: pathCount(chunks.length),
    addend: p.rounding === "nearest" ? 2 ** (p.by - 1) : 0,
    fromShare,
    openInput,
    openSymbols,
    openResult,
  };
}

/**
 * z + addend keeps the spare bit free where w is needed, may be any value of the ring elsewhere, and fits the result's
 * ring when it is shifted.
 */
function limit(p: TruncateParams, [z]: Inputs<View, ["value"]>): number {
  return 2 ** Math.min(z.ringBits - (layout(p, z).wrapBits > 0 ? 2 : 1), p.to - 1 + p.by);
}

/**
 * Truncates a wire, or opens a share and truncates it.
 *
 * @example Two values, rounded to 10 fractional bits, and what that costs
 * ```ts
 * import { clearOf, costOf } from "sluice/core/protocols/cost.ts";
 * import { wire } from "sluice/core/protocols/tensor.ts";
 * import { truncate } from "sluice/core/protocols/truncate/gate.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { by: 12, to: 32, rounding: "nearest", full: 0, knownTo: "both" } as const;
 * const extent = { rows: 1, cols: [2] }, data = Float64Array.of(3 * 2 ** 22 + 2 ** 11, -(2 ** 22));
 * const x = wire("clear", { ringBits: 32, scale: 22, extent }, data);
 *
 * assertEquals([...clearOf(truncate, params, [x]).data], [3 * 2 ** 10 + 1, -(2 ** 10)]);
 * assertEquals(costOf(truncate, params, x).sentBytes, [2 + 8, 2 + 8]); // 7 symbols and 32 bits of each value
 * ```
 */
export const truncate: Primitive<TruncateParams, ["value"], "wire"> = {
  name: "truncate",
  limit,

  clear(p, [z]) {
    const { addend } = layout(p, z), shifted = z.data.map((v) => v + addend);
    assertRange(shifted, limit(p, [z]), `truncate a ${z.ringBits}-bit value into ${p.to} bits`);
    const data = shifted.map((v) => Math.floor(v / 2 ** p.by));
    return wire("clear", truncatedType(p, z), data, p.knownTo);
  },

  plan(p, [z]) {
    assertTruncates(p, z);
    const { chunks, wrapBits, symbols, paths, fromShare, openInput, openSymbols, openResult } = layout(p, z),
      counts = blockCounts(z.extent);
    const key: KeyRecord[] = [{
      name: "given",
      kind: "given",
      counts,
      fields: [
        { name: "compare", bits: permutedBits(chunks) },
        { name: "carries", bits: paths * p.to },
        { name: "wrap", bits: wrapBits },
      ],
    }, {
      name: "free",
      kind: "free",
      counts,
      fields: [{ name: "symbols", bits: symbols }, { name: "pad", bits: p.to }],
    }];
    const opens = [...(fromShare ? [openInput] : []), openSymbols, openResult];
    return {
      out: wire("plan", truncatedType(p, z), null, p.knownTo),
      key,
      opens,
    };
  },

  deal(p, [z], key) {
    const { chunks, wrapBits, symbols, paths } = layout(p, z), given = key.record("given"), free = key.record("free");
    const carries = key.offset("given", "carries"), wrap = key.offset("given", "wrap");
    const data = maskBits(z.data, p.by, p.to), pad = { offset: key.offset("free", "pad"), bits: p.to, at: 0 };
    const low = maskBits(z.data, 0, p.by), top = maskBits(z.data, z.ringBits - 1, 1);
    for (let e = 0; e < low.length; e++) {
      given.seek(e);
      free.seek(e);
      const masks = dealPermuted(given, 0, chunks, Number(low[e]!), free.xor(0, symbols));
      for (let path = 0; path < paths; path++) writeMask(given, carries + path * p.to, p.to, (masks >>> path) & 1);
      if (wrapBits > 0) writeMask(given, wrap, wrapBits, top[e]!);
      addPad(free, pad, data, e);
    }
    return wire("mask", truncatedType(p, z), data, p.knownTo);
  },

  *run(p, [z], key) {
    const { chunks, wrapBits, addend, fromShare, openInput, openSymbols, openResult } = layout(p, z), { party } = key;
    const holdsAll = !fromShare || party === p.full, chunk_count = chunks.length;
    const shift = { in_bits: z.ringBits, by: p.by, addend, chunk_count };
    const [masked] = fromShare ? yield* open(openInput, z.data) : [z.data];
    const first = step(key, SYMBOLS, {
      reads: { z: masked },
      params: { ...shift, chunks: packChunks(chunks), tells: holdsAll && wrapBits > 0 ? 1 : 0 },
    });
    const [opened] = yield* open(openSymbols, first.symbols);
    const { result } = step(key, FINISH, {
      reads: { z: masked, opened },
      params: { ...shift, out_bits: p.to, wrap_bits: wrapBits, adds: party === (fromShare ? p.full : 0) ? 1 : 0 },
    });
    const [data] = yield* open(openResult, result);
    return wire("masked", truncatedType(p, z), data, p.knownTo);
  },
};
