/**
 * What a row function computes of an octave group's opened values.
 *
 * @module
 */

import { Formula, formulas } from "../formula/formula.ts";
import { bit, sign, value } from "../formula/sum.ts";

const s = sign("s"), member = bit("member"), v0 = value("v0"), v1 = value("v1"), carry = bit("carry");

/**
 * y = m·s·((1 - c)·(v_0 - μ_0) + c·(v_1 - μ_1)), where c stands under one of several mask bits: 3 words, and 4 for each of them. Not member of the group, the
 * value adds nothing.
 */
export const rowFormula: (
  ringBits: number,
  paths: number,
) => Formula<"s" | "member" | "v0" | "v1" | "carry"> = formulas((ringBits, paths) =>
  new Formula([s.times(member).times(v0.plus(v1.minus(v0).times(carry)))], { ringBits, paths: ["carry", paths] })
);
