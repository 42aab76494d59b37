import { ONE, secrets, tensor, testUniformity, unusedSymbols } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { rowFunction } from "./gate.ts";

const inverse = { function: "reciprocal", divisor: 1, offset: 0 } as const;
const root = { ...inverse, function: "rsqrt" } as const;

testUniformity("rowFunction", {
  small: {
    "rowFunction, one group": {
      tests: secrets(
        gate(rowFunction, { ...inverse, ringBits: 2, scale: 6, lo: 3, hi: 5, mantissaBits: 1, octaves: 2 }),
        [[7, ONE]],
        [[9]],
        [[21]],
      ),
    },
    "rowFunction, two groups": {
      tests: secrets(
        gate(rowFunction, { ...root, ringBits: 1, scale: 3, lo: 6, hi: 8, mantissaBits: 1, octaves: 1 }),
        [[9, ONE]],
        [[70]],
        [[130]],
      ),
      slow: true,
    },
  },
  full: {
    "rowFunction, rsqrt": {
      inputs: [tensor(41, 24, ONE, [2 ** 33 + 12345])],
      run: gate(rowFunction, {
        function: "rsqrt",
        ringBits: 32,
        scale: 12,
        lo: 21,
        hi: 40,
        mantissaBits: 7,
        octaves: 4,
        divisor: 128,
        offset: 1e-5,
      }),
      unused: unusedSymbols([3, 7, 7, 15, 15], 15),
      trials: 1,
    },
    "rowFunction, reciprocal": {
      inputs: [tensor(32, 22, ONE, [2 ** 27 + 4321])],
      run: gate(rowFunction, { ...inverse, ringBits: 32, scale: 14, lo: 20, hi: 29, mantissaBits: 8, octaves: 4 }),
      unused: unusedSymbols([3, 7, 7], 7),
      trials: 1,
    },
  },
});
