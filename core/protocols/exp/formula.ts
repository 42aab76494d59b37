/**
 * What an exponential computes of opened values: the clip bit in exchange 2, the value in exchange 3.
 *
 * @module
 */

import { Formula, formulas } from "../formula/formula.ts";
import { bit, sign, value } from "../formula/sum.ts";

const s = sign("s"), low = value("low"), v0 = value("v0"), v1 = value("v1"), carry = bit("carry"), clip = bit("clip");
const less = bit("less"), equal0 = bit("equal0"), equal1 = bit("equal1");

/** clip = equal_0 ⊕ less·(equal_0 ⊕ equal_1): nothing is dealt. */
export const clipFormula: Formula<"less" | "equal0" | "equal1"> = new Formula([
  equal0.plus(less.times(equal0.plus(equal1))),
], { ringBits: 1, held: true });

/** y = clip·s·(v_low - μ)·((1 - carry)·(v_0 - μ_0) + carry·(v_1 - μ_1)), in a ring of as many bits as told: 15 words. */
export const expFormula: (ringBits: number) => Formula<"s" | "low" | "v0" | "v1" | "carry" | "clip"> = formulas((
  ringBits,
) => new Formula([s.times(low).times(v0.plus(v1.minus(v0).times(carry))).times(clip)], { ringBits }));
