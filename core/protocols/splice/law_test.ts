import { planned, RAGGED, random, testLaw, testLimits, testRefusals, underMasks } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { splice, type SpliceParams } from "./gate.ts";

/** Each function with its digits and fractional bits, and rings: of x, bits that it reads without, of values, of y. */
const FUNCTIONS = [
  ["silu", [5, 9, 6], 10],
  ["gelu", [5, 8, 7], 10],
  ["gelu", [7, 8, 5], 12],
  ["gelu_tanh", [5, 8, 7], 10],
  ["tanh_plus_1", [5, 8, 7], 10],
] as const;
const RINGS = [[32, 0, 32, 32], [32, 0, 16, 32], [24, 3, 22, 32], [22, 1, 32, 32], [24, 0, 20, 32]] as const;
const CASES = [
  ...FUNCTIONS.flatMap((of) => RINGS.map((rings) => [...of, ...rings] as const)),
  ["silu", [4, 8, 5], 8, 18, 0, 21, 21] as const,
];

testLaw(
  "splice",
  Object.fromEntries(CASES.map(([name, digits, scale, inBits, skip, valueBits, ringBits]) => {
    const [low, index, top] = digits, step = 2 ** low, window = 2 ** (low + index - 1), read = low + index + top;
    const limit = Math.min(2 ** (read - 1) - window, 2 ** (inBits - 2)), bits = Math.floor(Math.log2(limit));
    const inside = [0, 1, -1, 7, -8, step - 1, step, -step, -step - 1, window - 1, -window];
    const edges = [...inside, window, -window - 1, window + step - 1, -window - step, limit - 1, -limit];
    const run = gate(splice, { function: name, digits, skip, valueBits, ringBits, knownTo: "both" });
    return [
      `${name} of ${inBits} bits in digits ${digits}, without ${skip} of them, values of ${valueBits} bits`,
      underMasks(() => ({ inputs: [random(inBits, scale, RAGGED, bits, ...edges)], run }), read, low + index),
    ];
  })),
);

const silu: SpliceParams = {
  function: "silu",
  digits: [5, 9, 6],
  skip: 0,
  valueBits: 32,
  ringBits: 32,
  knownTo: "both",
};
testLimits(splice, [
  [silu, 32, 2 ** 19 - 2 ** 13],
  [silu, 20, 2 ** 18],
  [{ ...silu, function: "tanh_plus_1" }, 20, 2 ** 19 - 2 ** 13],
]);

testRefusals("splice", [
  () => splice.plan(silu, [planned(19)]),
  () => splice.plan({ ...silu, skip: 5 }, [planned(20)]),
  () => splice.plan({ ...silu, valueBits: 6 }, [planned(20)]),
]);
