import { ONE, random, secrets, testUniformity } from "../../gate_cases.ts";
import { gate } from "../../law.ts";
import { lookup } from "./gate.ts";

const small = gate(lookup, { table: Uint32Array.of(1, 0, 3, 2), ringBits: 2 });
const full = gate(lookup, { table: Uint32Array.from({ length: 32 }, (_, i) => i * i * i - 500), ringBits: 20 });

testUniformity("lookup", {
  small: { "lookup": { tests: secrets(small, [[2, ONE]], [[0]], [[3]]) } },
  full: { "lookup": { inputs: [random(5, 0, ONE, 4)], run: full } },
});
