/**
 * What a dithered exponential computes of opened values.
 *
 * @module
 */

import { Formula, formulas } from "../formula/formula.ts";
import { sign, value } from "../formula/sum.ts";

/** y = s·(v_0 - μ_0)·(v_1 - μ_1), in a ring of as many bits as told: 3 words. */
export const expDitheredFormula: (ringBits: number) => Formula<"s" | "v0" | "v1"> = formulas((ringBits) =>
  new Formula([sign("s").times(value("v0")).times(value("v1"))], { ringBits })
);
