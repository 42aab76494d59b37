import { ONE, random, secrets, testUniformity, TWO } from "../../../tests/gate_cases.ts";
import { opened, times } from "../../../tests/compositions.ts";
import { type Composition, gate } from "../../../tests/law.ts";
import { extend } from "./gate.ts";

const LANES = { rows: 2, cols: [1, 3] };

/** x and its extension share the low bits of their mask: squares of both are opened. */
const betweenProducts: Composition<["wire"]> = function* (ctx, [x]) {
  const before = ctx.within("before"), after = ctx.within("after");
  yield* opened(before, yield* times(before, x, x));
  const y = yield* ctx.gate("gate", extend, { to: 5, knownTo: "both" }, x);
  return yield* opened(after, yield* times(after, y, y));
};

testUniformity("extend", {
  small: {
    "extend": { tests: secrets(gate(extend, { to: 7, knownTo: "both" }), [[4, TWO]], [[-2, 3]], [[1, 0]]) },
    "extend, to party 0": {
      tests: secrets(gate(extend, { to: 7, knownTo: "party0" }), [[4, TWO]], [[-2, 3]], [[1, 0]]),
    },
    "extend, with products before and after": { tests: secrets(betweenProducts, [[4, ONE]], [[-3]], [[2]]) },
  },
  full: {
    "extend": { inputs: [random(32, 10, LANES, 20)], run: gate(extend, { to: 40, knownTo: "both" }) },
    "extend, to party 0": { inputs: [random(32, 10, LANES, 20)], run: gate(extend, { to: 64, knownTo: "party0" }) },
  },
});
