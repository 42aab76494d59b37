/**
 * What an exponential computes of opened values: the clip bit in exchange 2, the value in exchange 3.
 *
 * @module
 */

import { Formula, formulas } from "../formula/formula.ts";
import { bit, sign, value } from "../formula/sum.ts";

const s = sign("s"), low = value("low"), v0 = value("v0"), v1 = value("v1"), carry = bit("carry"), clip = bit("clip");
const less = bit("less"), equal0 = bit("equal0"), equal1 = bit("equal1");

/** g = E_0 ⊕ l·(E_0 ⊕ E_1): nothing is dealt. */
export const clipFormula: Formula<"less" | "equal0" | "equal1"> = new Formula([
  equal0.plus(less.times(equal0.plus(equal1))),
], { ringBits: 1, held: true });

/** y = g·s·(v_low - m_low)·((1 - c)·(v_0 - μ_0) + c·(v_1 - μ_1)), in a ring of as many bits as told: 15 words. */
export const expFormula: (ringBits: number) => Formula<"s" | "low" | "v0" | "v1" | "carry" | "clip"> = formulas((
  ringBits,
) => new Formula([s.times(low).times(v0.plus(v1.minus(v0).times(carry))).times(clip)], { ringBits }));
