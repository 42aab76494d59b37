import { assertEquals, assertThrows } from "@std/assert";
import { random, shared, testLaw } from "../../../tests/gate_cases.ts";
import { onShare } from "../../../tests/compositions.ts";
import type { LawInput } from "../../../tests/law.ts";
import { clearOf } from "../cost.ts";
import { share } from "../tensor.ts";
import { hidePadding, type PaddingParams } from "./gate.ts";

const PADDING: PaddingParams = { below: 512, clip: 16 };

/** Each with its scores, the counts of real tokens, and which elements are then seen. */
const CASES: readonly (readonly [
  name: string,
  params: PaddingParams,
  scores: LawInput,
  realTokens: readonly number[],
  seen: (e: number, realTokens: number) => boolean,
])[] = [
  [
    "columns beyond the real tokens",
    PADDING,
    shared(random(32, 20, { rows: 3, cols: [5, 5] }, 24)),
    [1, 4, 5],
    (e, real) => e % 5 < real,
  ],
  [
    "columns that are too far away, of real tokens and of padding",
    { ...PADDING, near: { heads: 2, window: 2 } },
    shared(random(32, 20, { rows: 8, cols: [4] }, 24)),
    [2, 4],
    (e, real) => e % 4 < real && Math.abs(Math.floor(e / 8) - e % 4) < 2,
  ],
];

for (const [name, params, scores, tokens, seen] of CASES) {
  testLaw("hidePadding", {
    [name]: tokens.map((realTokens) => ({ realTokens, inputs: [scores], run: onShare(hidePadding, params) })),
  });

  Deno.test(`hidePadding lowers ${name}, and no others`, () => {
    for (const realTokens of tokens) {
      const { data } = clearOf(hidePadding, params, [share("clear", scores, scores.data)], { realTokens });
      const moved = Array.from(data, (value, e) => scores.data[e]! - value);
      assertEquals(moved, moved.map((_, e) => seen(e, realTokens) ? 0 : 512 * 2 ** 20));
    }
  });
}

Deno.test("hidePadding refuses scores too far apart, and to lower them by too much or too little", () => {
  const type = { ringBits: 32, scale: 20, extent: { rows: 1, cols: [2] } };
  const loud = share("clear", type, Float64Array.of(0, 495 * 2 ** 20));
  assertThrows(() => clearOf(hidePadding, PADDING, [loud], { realTokens: 1 }), RangeError, "at most 494");
  for (const below of [2048, 18]) {
    const plan = () => hidePadding.plan({ below, clip: 16 }, [share("plan", type, null)]);
    assertThrows(plan, RangeError, `by 19 to 1024: received ${below}`);
  }
});
