import { planned, tensor, testLaw, testRefusals, underMasks } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import type { Extent } from "../tensor.ts";
import { rowFunction, type RowFunctionParams } from "./gate.ts";

const EXTENT: Extent = { rows: 4, cols: [1, 1, 1] };
const inverse = {
  function: "reciprocal",
  ringBits: 32,
  scale: 14,
  mantissaBits: 7,
  octaves: 4,
  divisor: 1,
  offset: 0,
} as const;

/** Values of all sizes in [2^lo, 2^hi), both ends among them. */
function positive(n: number, scale: number, { lo, hi }: RowFunctionParams) {
  return tensor(
    n,
    scale,
    EXTENT,
    Array.from({ length: 12 }, (_, i) => {
      return i === 0 ? 2 ** lo : i === 1 ? 2 ** hi - 1 : Math.floor(2 ** (lo + (hi - lo) * i / 12.5));
    }),
  );
}

testLaw(
  "rowFunction",
  Object.fromEntries(
    ([
      ["rsqrt", 41, 24, { ...inverse, function: "rsqrt", scale: 12, lo: 21, hi: 40, divisor: 128, offset: 1e-5 }],
      ["reciprocal", 32, 22, { ...inverse, lo: 20, hi: 29 }],
      ["reciprocal of 31 bits", 32, 22, { ...inverse, lo: 20, hi: 31, mantissaBits: 8 }],
      ["reciprocal in a narrower ring", 30, 20, { ...inverse, ringBits: 19, scale: 12, lo: 18, hi: 26 }],
    ] as const).map(([name, n, scale, params]) => [
      name,
      underMasks(() => ({ inputs: [positive(n, scale, params)], run: gate(rowFunction, params) })),
    ]),
  ),
);

testRefusals(
  "rowFunction",
  // The last group would index up to bit 33.
  [() => rowFunction.plan({ ...inverse, lo: 21, hi: 31 }, [planned(32)])],
  [() => rowFunction.plan({ ...inverse, lo: 20, hi: 31 }, [planned(32)])],
);
