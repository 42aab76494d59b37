/**
 * What a splice computes of opened values: three bits in exchange 2, the value in exchange 3.
 *
 * @module
 */

import { Formula, formulas } from "../formula/formula.ts";
import { bit, one, sign, value } from "../formula/sum.ts";

/** The symbols of exchange 1, lowest bit first: those of SPEC.md §5.12. */
export const SYMBOLS = [
  "carry",
  "windowLess",
  "equal0",
  "equal1",
  "signLess",
  "signEqual",
  "sign0",
  "sign1",
] as const;

const [carry, windowLess, equal0, equal1, signLess, signEqual, sign0, sign1] = [
  bit("carry"),
  bit("windowLess"),
  bit("equal0"),
  bit("equal1"),
  bit("signLess"),
  bit("signEqual"),
  bit("sign0"),
  bit("sign1"),
] as const;
const inside = equal0.plus(windowLess.times(equal0.plus(equal1)));
const negative = sign0.plus(signLess.plus(signEqual.times(carry)).times(sign0.plus(sign1)));

/**
 * pos = 1 ⊕ sign_0 ⊕ (signLess ⊕ signEqual·carry)·(sign_0 ⊕ sign_1), w_0 = inside·(1 ⊕ carry) and w_1 = inside·carry with
 * inside = equal_0 ⊕ windowLess·(equal_0 ⊕ equal_1): 6 pairs of mask bits.
 */
export const bitsFormula: Formula<(typeof SYMBOLS)[number]> = new Formula([
  one.plus(negative),
  inside.times(one.plus(carry)),
  inside.times(carry),
], { ringBits: 1, held: true });

const s = sign("s"),
  pos = bit("pos"),
  w0 = bit("w0"),
  w1 = bit("w1"),
  x = value("x"),
  v0 = value("v0"),
  v1 = value("v1");

/** y = pos·x - w_0·s·(v_0 - μ_0) - w_1·s·(v_1 - μ_1) with x of a ring of `inBits` bits and v_b of one of `valueBits`: 7 words, and 6 of the missing bits. */
export const spliceFormula: (
  ringBits: number,
  inBits: number,
  valueBits: number,
) => Formula<"s" | "pos" | "w0" | "w1" | "x" | "v0" | "v1"> = formulas((ringBits, inBits, valueBits) =>
  new Formula([pos.times(x).minus(s.times(w0).times(v0)).minus(s.times(w1).times(v1))], {
    ringBits,
    narrow: { x: inBits, v0: valueBits, v1: valueBits },
  })
);
