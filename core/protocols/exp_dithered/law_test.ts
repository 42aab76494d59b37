import { assertEquals } from "@std/assert";
import { planned, RAGGED, random, testLaw, testRefusals } from "../../../tests/gate_cases.ts";
import { gate, type LawResult } from "../../../tests/law.ts";
import { expDithered } from "./gate.ts";

const EDGES = [0, 1, 7, 8, 2047, 2048, 2049, 2 ** 12, 2 ** 14, 2 ** 18, 2 ** 19 - 2 ** 12 - 1];
const params = { skip: 3, digits: [8, 8], tableScale: 11, ringBits: 32 } as const;

testLaw("expDithered", {
  "small, large and clipped arguments": [19, 20].map((ring) => {
    const t = random(ring, 10, RAGGED, 18, ...EDGES);
    return {
      inputs: [{ ...t, data: t.data.map(Math.abs) }],
      run: gate(expDithered, params),
      check: ({ exchanges }: LawResult) => assertEquals(exchanges, 2),
    };
  }),
});

testRefusals("expDithered", [() => expDithered.plan({ ...params, digits: [8, 10] }, [planned(20)])]);
