/**
 * What a tournament level computes of a pair's opened difference.
 *
 * @module
 */

import { Formula, formulas } from "../formula/formula.ts";
import { bit, value } from "../formula/sum.ts";

/** y = g·d, where g stands under one of several mask bits β_j: 2 words for each of them. */
export const maximumFormula: (ringBits: number, paths: number) => Formula<"larger" | "d"> = formulas((
  ringBits,
  paths,
) => new Formula([bit("larger").times(value("d"))], { ringBits, paths: ["larger", paths] }));
