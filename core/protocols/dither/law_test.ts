import { assert, assertEquals } from "@std/assert";
import {
  EXACT_BITS,
  planned,
  RAGGED,
  random,
  shared,
  testLaw,
  testLimits,
  testRefusals,
} from "../../../tests/gate_cases.ts";
import { gate, type LawResult } from "../../../tests/law.ts";
import { dither, dithered } from "./gate.ts";

const RINGS = [
  [32, 10, 32],
  [32, 14, 32],
  [32, 10, 20],
  [32, 10, 22],
  [32, 9, 30],
  [20, 10, 10],
  [24, 8, 24],
  [40, 10, 40],
  [40, 10, 32],
  [48, 12, 30],
  [32, 10, 40],
  [32, 12, 64],
  [64, 13, 64],
  [36, 8, 28],
] as const;

testLaw(
  "dither",
  Object.fromEntries(RINGS.map(([n, by, to]) => {
    const bits = Math.min(n - 2, to - 1 + by, EXACT_BITS) - 1, top = 2 ** bits, opensTop = to > n - by;
    const x = () => random(n, by, RAGGED, bits, 0, 1, -1, 2 ** by - 1, -(2 ** by), top - 1, -top);
    const cases = (["both", "party0"] as const).flatMap((knownTo) =>
      [x(), shared(x())].map((z) => ({
        inputs: [z],
        run: gate(dither, { by, to, knownTo }),
        check({ exchanges, keyBytes, sentBytes }: LawResult) {
          assertEquals(exchanges, (z.kind === "share" ? 1 : 0) + (opensTop ? 1 : 0));
          if (!opensTop) assertEquals(keyBytes, [0, 0]);
          if (!opensTop && z.kind === "wire") assertEquals(sentBytes, [0, 0]);
        },
      }))
    );
    return [`${n} to ${to} bits by ${by}`, cases];
  })),
);

Deno.test("dithered() is unbiased over all coins and off by less than one unit", () => {
  for (const v of [-17, -16, -1, 0, 1, 5, 15, 16, 100]) {
    let sum = 0;
    for (let coin = 0; coin < 16; coin++) {
      const y = dithered(v, 4, coin);
      assert(Math.abs(y - v / 16) < 1);
      sum += y;
    }
    assertEquals(sum, v);
  }
});

const knownTo = "both";
testLimits(dither, [
  [{ by: 12, to: 21, knownTo }, 32, 2 ** 30],
  [{ by: 12, to: 20, knownTo }, 32, 2 ** 31],
  [{ by: 10, to: 20, knownTo }, 32, 2 ** 29],
]);

testRefusals("dither", [
  () => dither.plan({ by: 19, to: 10, knownTo }, [planned(20)]),
  () => dither.plan({ by: 0, to: 20, knownTo }, [planned(20)]),
  () => dither.plan({ by: 4, to: 65, knownTo }, [planned(20)]),
  () => dither.plan({ by: 4, to: 10, knownTo }, [planned(20, "party0")]),
]);
