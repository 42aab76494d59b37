/**
 * Extension, step by step.
 *
 * @module
 */

import type { ExtendStep, Handle, RecordView } from "../engine.ts";
import { elements, integers, recordIntegers } from "./memory.ts";

/** û = (x̂ + 2^(n-2)) mod 2^n. */
function raised({ inBits: n }: ExtendStep, x: Handle): bigint[] {
  return integers(x).map((word) => BigInt.asUintN(n, word + (1n << BigInt(n - 2))));
}

/** {@linkcode Engine.extendTop}, as loops. */
export function extendTop(step: ExtendStep, x: Handle, given: RecordView, free: RecordView): Handle {
  const b = recordIntegers(given), t = recordIntegers(free), top = BigInt(step.inBits - 1);
  return elements(raised(step, x).map((u, e) => (1n - (u >> top)) * b[e]! + t[e]!), step.outBits - step.inBits);
}

/** {@linkcode Engine.extendFinish}, as loops. */
export function extendFinish(step: ExtendStep, x: Handle, opened: Handle): Handle {
  const { inBits: n, outBits } = step, tau = integers(opened);
  return elements(raised(step, x).map((u, e) => u - (1n << BigInt(n - 2)) + (tau[e]! << BigInt(n))), outBits);
}
