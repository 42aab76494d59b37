import { ONE, random, secrets, testUniformity } from "../../../tests/gate_cases.ts";
import { ofProduct } from "../../../tests/compositions.ts";
import { gate } from "../../../tests/law.ts";
import { dither } from "./gate.ts";

const ROW = { rows: 1, cols: [3] };

function ofShare(to: number, knownTo: "both" | "party0", ...factors: readonly (readonly [x: number, y: number])[]) {
  const run = ofProduct(dither, { by: 2, to, knownTo }), choices = factors.map(([x, y]) => [[x], [y]] as const);
  return { tests: secrets(run, [[5, ONE], [5, ONE]], ...choices), keys: 1 };
}

testUniformity("dither", {
  small: {
    "dither, from a wire into a wide ring": {
      tests: secrets(gate(dither, { by: 3, to: 6, knownTo: "both" }), [[6, ONE]], [[-13]], [[6]]),
      keys: 1,
    },
    "dither, from a share into a narrow ring": ofShare(3, "both", [-3, 4], [2, 1]),
    "dither, from a share into a wide ring": ofShare(5, "both", [-3, 2], [2, 1]),
    "dither, from a share to party 0": ofShare(5, "party0", [-3, 2], [2, 1]),
  },
  full: Object.fromEntries(
    ([
      [32, 10, 32, "both"],
      [32, 13, 32, "party0"],
      [40, 10, 40, "both"],
      [32, 13, 40, "party0"],
      [48, 12, 32, "party0"],
    ] as const).map(([n, by, to, knownTo]) => [
      `dither, ${n} to ${to} bits by ${by} for ${knownTo}`,
      { inputs: [random(n, 10, ROW, 12), random(n, 10, ROW, 12)], run: ofProduct(dither, { by, to, knownTo }) },
    ]),
  ),
});
