import { ONE, random, secrets, testUniformity } from "../../../tests/gate_cases.ts";
import { ofProduct } from "../../../tests/compositions.ts";
import { gate } from "../../../tests/law.ts";
import { truncate, type TruncateParams } from "./gate.ts";

const LANES = { rows: 2, cols: [1, 3] };
const nearest = { rounding: "nearest", full: 0, knownTo: "both" } as const, small = { ...nearest, by: 4, to: 3 };

function ofWire(params: TruncateParams) {
  return { tests: secrets(gate(truncate, params), [[6, ONE]], [[-13]], [[6]]) };
}

function ofShare(params: TruncateParams) {
  const shapes = [[6, ONE], [6, ONE]] as const;
  return { tests: secrets(ofProduct(truncate, params), shapes, [[-3], [4]], [[2], [1]]), slow: true } as const;
}

function wires(n: number, bits: number, params: TruncateParams) {
  return { inputs: [random(n, 12, LANES, bits)], run: gate(truncate, params) };
}

function shares(n: number, params: TruncateParams) {
  return { inputs: [random(n, 10, LANES, 14), random(n, 10, LANES, 14)], run: ofProduct(truncate, params) };
}

testUniformity("truncate", {
  small: {
    "truncate, from a wire": ofWire(small),
    "truncate, from a wire to party 0": ofWire({ ...small, rounding: "floor", knownTo: "party0" }),
    "truncate, from a share, all bits to party 0": ofShare(small),
    "truncate, from a share, all bits to party 1": ofShare({ ...small, full: 1, knownTo: "party0" }),
    "truncate, into a wider ring": ofWire({ ...nearest, by: 2, to: 7 }),
  },
  full: {
    "truncate, from a wire": wires(32, 29, { ...nearest, by: 12, to: 32 }),
    "truncate, from a wire to party 0": wires(32, 29, {
      ...nearest,
      by: 10,
      to: 20,
      rounding: "floor",
      knownTo: "party0",
    }),
    ...Object.fromEntries([[40, 40], [32, 40], [48, 32]].map(([n, to]) => [
      `truncate, from a wire of ${n} into ${to} bits`,
      wires(n!, 24, { ...nearest, by: 12, to: to! }),
    ])),
    ...Object.fromEntries(([0, 1] as const).flatMap((full) => [
      ...(["both", "party0"] as const).map((knownTo) => [
        `truncate, from a share, all bits to party ${full}, for ${knownTo}`,
        shares(32, { ...nearest, by: 12, to: 32, full, knownTo }),
      ]),
      [
        `truncate, from a share of 40 bits, all bits to party ${full}`,
        shares(40, { ...nearest, by: 12, to: 40, full, knownTo: full === 0 ? "both" : "party0" }),
      ],
    ])),
  },
});
