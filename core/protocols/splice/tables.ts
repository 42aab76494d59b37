/**
 * What the splice gate's functions are far from 0, and the tables of what they are beside that.
 *
 * @module
 */

import { memo } from "../memo.ts";

/**
 * Functions that {@linkcode bumpTable} knows. `gelu_tanh` is GELU's tanh form; `tanh_plus_1` is tanh(x) + 1, whose
 * constant the next linear layer takes back.
 */
export type SpliceFunction = "silu" | "gelu" | "gelu_tanh" | "tanh_plus_1";

/** What a function is far from 0: x·1{x ≥ 0} ("ramp"), or 2·1{x ≥ 0} ("step"). */
export function asymptote(name: SpliceFunction): "ramp" | "step" {
  return name === "tanh_plus_1" ? "step" : "ramp";
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

/**
 * Abramowitz and Stegun 7.1.26 is too coarse here; this is the series (small x) and the continued fraction (large x) of
 * erf.
 */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 3) {
    let term = a, sum = a;
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= -a * a / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

function gelu(x: number): number {
  return x / 2 * (1 + erf(x / Math.SQRT2));
}

function geluTanh(x: number): number {
  return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

const FUNCTIONS: Readonly<Record<SpliceFunction, (x: number) => number>> = {
  silu,
  gelu,
  gelu_tanh: geluTanh,
  tanh_plus_1: (x) => Math.tanh(x) + 1,
};

/**
 * δ(x) = asymptote(x) - f(x) on the window [-W, W), one entry per step of 2^low units: the mean of δ at both ends of
 * the step, rounded. Both end entries are 0.
 *
 * @param name The function f.
 * @param digits Digit sizes in bits, lowest first: low, index, top.
 * @param scale Fractional bits of x and of the entries.
 */
export function bumpTable(name: SpliceFunction, digits: readonly [number, number, number], scale: number): Uint32Array {
  return memo(`${name}/${digits}/${scale}`, () => {
    const [low, index] = digits, size = 2 ** index, f = FUNCTIONS[name], step = asymptote(name) === "step";
    const at = (i: number): number => (i - size / 2) * 2 ** (low - scale);
    return Uint32Array.from({ length: size }, (_, i) => {
      if (i === 0 || i === size - 1) return 0;
      // A step of the table lies on one side of 0, and its ends take that side's asymptote.
      const positive = i >= size / 2, bump = (x: number): number => (positive ? (step ? 2 : x) : 0) - f(x);
      return Math.round((bump(at(i)) + bump(at(i + 1))) / 2 * 2 ** scale);
    });
  });
}
