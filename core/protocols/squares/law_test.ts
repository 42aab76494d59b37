import {
  EXACT_BITS,
  planned,
  RAGGED,
  random,
  testLaw,
  testLimits,
  testRefusals,
  underMasks,
  WIDTHS,
} from "../../../tests/gate_cases.ts";
import { squaredProduct, sumOfSquares } from "../../../tests/compositions.ts";
import { columnExtent } from "../tensor.ts";
import { squares } from "./gate.ts";

const RINGS: readonly (readonly [n: number, outBits: number])[] = [
  [20, 30],
  [20, 32],
  [24, 40],
  [31, 34],
  ...[36, 40, 41, 48, 64].map((outBits) => [32, outBits] as const),
  ...WIDTHS.flatMap((m) => [Math.min(m + 1, 64), 64, 40].map((outBits) => [m, outBits] as const)),
];

/** Bits of the largest |x|: two of them and small ones have a sum of squares that fits. */
function largest(n: number, outBits: number): number {
  return Math.min(n - 2, Math.floor(Math.min(outBits - 1, EXACT_BITS) / 2 - 1));
}

/** x beside a factor y of one column that is read in `operandBits` bits. */
function withProduct(n: number, outBits: number, operandBits: number) {
  const bits = largest(n, outBits), edge = 2 ** bits;
  return {
    inputs: [
      random(n, 6, RAGGED, bits, 0, 1, -1, edge - 1, -edge),
      random(operandBits, 4, columnExtent(RAGGED), Math.min(operandBits, EXACT_BITS) - bits - 3),
    ],
    run: squaredProduct({ outBits, operandBits, broadcast: true }),
  };
}

testLaw("squares", {
  ...Object.fromEntries(RINGS.map(([n, outBits]) => [
    `${n} bits into ${outBits}`,
    underMasks(() => {
      const bits = largest(n, outBits), edges = [0, 1, -1, 2 ** bits, -(2 ** bits)];
      return { inputs: [random(n, 12, RAGGED, bits - 2, ...edges)], run: sumOfSquares(outBits) };
    }),
  ])),
  "with the product that uses its standing share": RINGS.map(([n, outBits]) => withProduct(n, outBits, n)),
  "with a product that reads a narrow wire in its own ring": [20, 22, 24].map((n) => withProduct(n, 52, 32)),
});

testLimits(squares, [[{ outBits: 40, operandBits: 20 }, 20, 2 ** 18]]);

testRefusals("squares", [
  () => squares.plan({ outBits: 32, operandBits: 32 }, [planned(32)]),
  () => squares.plan({ outBits: 40, operandBits: 32 }, [planned(32, "party0")]),
  () => squares.plan({ outBits: 40, operandBits: 19 }, [planned(20)]),
]);
