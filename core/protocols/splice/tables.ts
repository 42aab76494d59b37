/**
 * The tables of what the activation functions are beside what they are far from 0.
 *
 * @module
 */

import { type ActivationName, activationOf } from "../activations.ts";
import { memo } from "../memo.ts";

/**
 * δ(x) = asymptote(x) - f(x) on the window [-W, W), one entry per step of 2^low units: the mean of δ at both ends of
 * the step, rounded. Both end entries are 0.
 *
 * @param name The function f.
 * @param digits Digit sizes in bits, lowest first: low, index, top.
 * @param scale Fractional bits of x and of the entries.
 */
export function bumpTable(name: ActivationName, digits: readonly [number, number, number], scale: number): Uint32Array {
  return memo(`splice/${name}/${digits}/${scale}`, () => {
    const [low, index] = digits, size = 2 ** index, { f, asymptote } = activationOf(name), step = asymptote === "step";
    const at = (i: number): number => (i - size / 2) * 2 ** (low - scale);
    return Uint32Array.from({ length: size }, (_, i) => {
      if (i === 0 || i === size - 1) return 0;
      // A step of the table lies on one side of 0, and its ends take that side's asymptote.
      const positive = i >= size / 2, bump = (x: number): number => (positive ? (step ? 2 : x) : 0) - f(x);
      return Math.round((bump(at(i)) + bump(at(i + 1))) / 2 * 2 ** scale);
    });
  });
}
