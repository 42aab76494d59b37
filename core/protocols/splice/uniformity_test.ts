import { ONE, random, secrets, type SmallCase, testUniformity } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { splice, type SpliceParams } from "./gate.ts";

const PAIR = { rows: 1, cols: [1, 1] };
const silu = { function: "silu", skip: 0, valueBits: 16, ringBits: 32, knownTo: "both" } as const;

/** All pads together are too many to count: those of bits and those of words in turn. */
function halves(name: string, params: SpliceParams, ...data: readonly [number, number]): Record<string, SmallCase> {
  const tests = secrets(gate(splice, params), [[4, ONE]], ...data.map((x) => [[x]] as const));
  const isBit = (field: string): boolean => field === "symbols" || field === "bits";
  return {
    [`${name}, bits`]: { tests, keys: 1, pads: ({ field }) => isBit(field), units: ({ kind }) => kind === "xor" },
    [`${name}, words`]: { tests, keys: 1, pads: ({ field }) => !isBit(field), units: ({ kind }) => kind === "add" },
  };
}

testUniformity("splice", {
  small: {
    ...halves("splice", { ...silu, digits: [1, 2, 1], valueBits: 4, ringBits: 4 }, -5, 3),
    ...halves(
      "splice of narrow wires and values",
      { ...silu, digits: [2, 1, 1], skip: 1, valueBits: 3, ringBits: 5 },
      -3,
      2,
    ),
  },
  full: {
    "splice": { inputs: [random(32, 10, PAIR, 14)], run: gate(splice, { ...silu, digits: [5, 9, 6] }) },
    "splice, tanh + 1": {
      inputs: [random(32, 10, PAIR, 13)],
      run: gate(splice, { ...silu, function: "tanh_plus_1", digits: [5, 8, 6] }),
    },
    "splice of narrow wires and values": {
      inputs: [random(24, 12, { rows: 1, cols: [3] }, 14)],
      run: gate(splice, { ...silu, function: "gelu", digits: [7, 8, 5], skip: 3, valueBits: 26, knownTo: "party0" }),
    },
  },
});
