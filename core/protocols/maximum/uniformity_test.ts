import { random, secrets, testUniformity, TWO } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { maximumLevel } from "./gate.ts";

const run = gate(maximumLevel, {});

testUniformity("maximumLevel", {
  small: { "maximumLevel": { tests: secrets(run, [[7, TWO]], [[-20, 31]], [[3, 3]]) } },
  full: { "maximumLevel": { inputs: [random(10, 0, { rows: 2, cols: [1, 5] }, 8)], run } },
});
