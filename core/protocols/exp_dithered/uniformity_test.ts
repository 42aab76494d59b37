import { ONE, tensor, testUniformity } from "../../../tests/gate_cases.ts";
import { gate } from "../../../tests/law.ts";
import { expDithered } from "./gate.ts";

testUniformity("expDithered", {
  small: {
    "expDithered": {
      tests: [[1], [7]].map((t) => ({
        inputs: [tensor(5, 2, ONE, t)],
        run: gate(expDithered, { skip: 1, digits: [2, 2], tableScale: 1, ringBits: 4 }),
      })),
      keys: 1,
    },
  },
  full: {
    "expDithered": {
      inputs: [tensor(20, 10, { rows: 1, cols: [3] }, [1, 5000, 400_000])],
      run: gate(expDithered, { skip: 3, digits: [8, 8], tableScale: 11, ringBits: 32 }),
    },
  },
});
