import {
  type Case,
  EXACT_BITS,
  planned,
  RAGGED,
  random,
  shared,
  testLaw,
  testLimits,
  testRefusals,
  underMasks,
  WIDTHS,
} from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { truncate } from "./gate.ts";

const RINGS: readonly (readonly [from: number, to: number, shifts: readonly number[]])[] = [
  [32, 32, [1, 2, 4, 7, 8, 10, 12, 14, 16, 30]],
  [32, 20, [1, 2, 4, 7, 8, 10, 12, 14, 16]],
  [20, 10, [1, 2, 4, 7, 8, 10, 12, 14, 16]],
  [20, 32, [4]],
  [4, 3, [2]],
  ...WIDTHS.flatMap((m) =>
    [[m, m], [m, 32], [32, m], [m, 20], [m, 34]].map(([n, to]) => [n!, to!, [1, 8, 13, 27]] as const)
  ),
];

function cases(n: number, to: number, by: number): Case[] {
  return (["nearest", "floor"] as const).flatMap((rounding) => {
    const addend = rounding === "nearest" ? 2 ** (by - 1) : 0, half = 2 ** (by - 1);
    const bits = Math.min(to > n - by ? n - 2 : n - 1, to - 1 + by, EXACT_BITS), limit = 2 ** bits;
    const edges = [limit - 1, -limit, 0, 2 * half - 1].map((v) => v - addend);
    const all = [...edges, 0, 1, -1, half, -half, 2 * half - 1, -2 * half, limit / 2 - 1, -limit / 2].filter((v) =>
      v + addend >= -limit && v + addend < limit
    );
    return (["both", "party0"] as const).flatMap((knownTo) => {
      const run = gate(truncate, { by, to, rounding, full: (by % 2) as 0 | 1, knownTo });
      const x = () => random(n, by, RAGGED, bits - 1, ...all);
      return [...underMasks(() => ({ inputs: [x()], run })), { inputs: [shared(x())], run }];
    });
  });
}

testLaw(
  "truncate",
  Object.fromEntries(
    RINGS.flatMap(([n, to, shifts]) => shifts.map((by) => [`${n} to ${to} bits by ${by}`, cases(n, to, by)])),
  ),
);

const floor = { rounding: "floor", full: 0, knownTo: "both" } as const;
testLimits(truncate, [
  [{ ...floor, by: 12, to: 32 }, 32, 2 ** 30],
  [{ ...floor, by: 12, to: 20 }, 32, 2 ** 31],
  [{ ...floor, by: 10, to: 20 }, 32, 2 ** 29],
]);

testRefusals("truncate", [
  () => truncate.plan({ ...floor, by: 31, to: 32 }, [planned(32)]),
  () => truncate.plan({ ...floor, by: 0, to: 32 }, [planned(32)]),
  () => truncate.plan({ ...floor, by: 4, to: 65 }, [planned(32)]),
  () => truncate.plan({ ...floor, by: 4, to: 32 }, [planned(32, "party0")]),
]);
