import { planned, RAGGED, random, testLaw, testRefusals } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { exp } from "./gate.ts";

const EDGES = [0, 1, 255, 256, 16127, 16128, 16129, 16383, 16384, 16385, 16640, 2 ** 19 - 1];
const wide = random(20, 10, RAGGED, 15, ...EDGES), narrow = random(16, 8, RAGGED, 13, 0, 255, 4095, 4096);

testLaw("exp", {
  "inside the window, at its edge and beyond": {
    inputs: [{ ...wide, data: wide.data.map(Math.abs) }],
    run: gate(exp, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }),
  },
  "in a narrower ring": {
    inputs: [{ ...narrow, data: narrow.data.map(Math.abs) }],
    run: gate(exp, { digits: [6, 6, 4], tableScale: 9, ringBits: 21 }),
  },
});

testRefusals("exp", [() => exp.plan({ digits: [8, 6, 6], tableScale: 11, ringBits: 32 }, [planned(32)])]);
