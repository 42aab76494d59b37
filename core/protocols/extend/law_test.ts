import { assertEquals } from "@std/assert";
import {
  EXACT_BITS,
  planned,
  RAGGED,
  random,
  testLaw,
  testLimits,
  testRefusals,
  underMasks,
  WIDTHS,
} from "../../../tests/gate_cases.ts";
import { gate, type LawResult } from "../../../tests/law.ts";
import { elementCount } from "../tensor.ts";
import { extend } from "./gate.ts";

testLaw(
  "extend",
  Object.fromEntries([20, 32, ...WIDTHS].map((to) => {
    const rings = ([[12, "both"], [32, "both"], [32, "party0"], [to - 1, "both"]] as const).filter(([n]) => n < to);
    const cases = rings.flatMap(([n, knownTo]) => {
      const bits = Math.min(n - 2, EXACT_BITS), top = 2 ** bits, bytes = Math.ceil(elementCount(RAGGED) * (to - n) / 8);
      return underMasks(() => ({
        inputs: [random(n, 0, RAGGED, bits, 0, 1, -1, top - 1, -top, top / 2, -top / 2)],
        run: gate(extend, { to, knownTo }),
        check({ exchanges, sentBytes }: LawResult) {
          assertEquals([exchanges, sentBytes], [1, [knownTo === "both" ? bytes : 0, bytes]]);
        },
      }));
    });
    return [`to ${to} bits`, cases];
  })),
);

testLimits(extend, [[{ to: 40, knownTo: "both" }, 32, 2 ** 30]]);

testRefusals("extend", [
  () => extend.plan({ to: 32, knownTo: "both" }, [planned(32)]),
  () => extend.plan({ to: 65, knownTo: "both" }, [planned(32)]),
  () => extend.plan({ to: 40, knownTo: "both" }, [planned(32, "party0")]),
]);
