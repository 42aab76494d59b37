import { planned, RAGGED, random, tensor, testLaw, testRefusals, underMasks } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { maximumLevel } from "./gate.ts";

const run = gate(maximumLevel, {});

testLaw("maximumLevel", {
  "odd columns and all": [8, 10, 12].map((m) => {
    const top = 2 ** (m - 2);
    return { inputs: [random(m, 0, RAGGED, m - 2, top - 1, 0, -top, top - 1, -top, 3, 3)], run };
  }),
  "pairs as far apart as they may be": [4, 10, 20].flatMap((m) => {
    const half = 2 ** (m - 1), pairs = [-half, -1, half - 1, 0, half / 2 - 1, -half / 2, -half / 2, half / 2];
    return underMasks(() => ({ inputs: [tensor(m, 0, { rows: 4, cols: [2] }, pairs)], run }));
  }),
});

testRefusals("maximumLevel", [() => maximumLevel.plan({}, [planned(32, "party0")])]);
