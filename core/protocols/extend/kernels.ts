/**
 * Reading a masked value in a wider ring, for one element: what the spare bit tells of the mask's wrap (SPEC.md §5.17).
 *
 * @module
 */

import type { Engine, Handle } from "../../engine.ts";
import { kernel, type KernelCall } from "../../kernel.ts";

/** (x + 2^(n-2)) mod 2^n: its top bit is 0 where the mask may have wrapped. */
function raised(x: bigint, n: number): bigint {
  return BigInt.asUintN(n, x + (1n << BigInt(n - 2)));
}

/**
 * The masked value of a ring of n bits in one of m: ((x + 2^(n-2)) mod 2^n) - 2^(n-2) + top·2^n mod 2^m with a top of m - n bits; without it the wrap of the
 * mask is still missing.
 */
export const EXTEND = kernel({
  name: "extend",
  reads: {
    x: { holds: "masked value", ring: true },
    top: { holds: "bits above it, public", ring: true, optional: true },
  },
  writes: { result: { holds: "masked value in the wider ring", ring: "out_bits" } },
  params: { in_bits: "n, ring of x, at least 2", out_bits: "m, ring of the result" },
  costNs: () => 1,
  element({ i, ring, p }) {
    const half = 1n << BigInt(p.in_bits - 2), top = ring.top[i] ?? 0n;
    ring.result[i] = raised(ring.x[i]!, p.in_bits) - half + (top << BigInt(p.in_bits));
  },
});

/** A term that counts only where the mask of x may have wrapped: a ± k·c·2^shift mod 2^m, k = 1 - msb((x̂ + 2^(n-2)) mod 2^n). */
export const ADD_WRAP = kernel({
  name: "add_wrap",
  reads: {
    a: { holds: "share, secret", ring: true },
    x: { holds: "masked value", ring: true },
    c: { holds: "share of the term, secret", ring: true },
  },
  writes: { result: { holds: "share, secret", ring: "out_bits" } },
  params: {
    in_bits: "n, ring of x, at least 2",
    shift: "bits that the term is shifted by",
    subtracts: "1 where the term is subtracted",
    out_bits: "m, ring of the result",
  },
  costNs: () => 1,
  element({ i, ring, p }) {
    const k = 1n - (raised(ring.x[i]!, p.in_bits) >> BigInt(p.in_bits - 1)), sign = p.subtracts === 1 ? -1n : 1n;
    ring.result[i] = ring.a[i]! + sign * k * (ring.c[i]! << BigInt(p.shift));
  },
});

/** Calls {@linkcode EXTEND}: public-linear, so that both parties do the same. */
export function widen(
  engine: Engine,
  reads: { readonly x: Handle; readonly top: Handle | null },
  params: { readonly in_bits: number; readonly out_bits: number },
): Handle {
  return engine.step(EXTEND, { party: 0, reads, params }).result;
}

/** Calls {@linkcode ADD_WRAP}. */
export function addWrap(
  engine: Engine,
  reads: KernelCall<"a" | "x" | "c">["reads"],
  params: KernelCall<"a", "in_bits" | "shift" | "subtracts" | "out_bits">["params"],
): Handle {
  return engine.step(ADD_WRAP, { party: 0, reads, params }).result;
}
