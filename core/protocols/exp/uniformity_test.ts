import { ONE, secrets, tensor, testUniformity } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { exp } from "./gate.ts";

testUniformity("exp", {
  small: {
    "exp": {
      tests: secrets(gate(exp, { digits: [1, 1, 1], tableScale: 1, ringBits: 2 }), [[3, ONE]], [[1]], [[5]]),
      slow: true,
    },
  },
  full: {
    "exp": {
      inputs: [tensor(20, 10, { rows: 1, cols: [1, 1] }, [700, 2 ** 18])],
      run: gate(exp, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }),
    },
  },
});
