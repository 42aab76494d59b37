import { ONE, secrets, testUniformity, TWO } from "../../../tests/gate_cases.ts";
import { opened, times } from "../../../tests/compositions.ts";
import type { Composition } from "../../../tests/law.ts";
import { hidePadding, type PaddingParams } from "./gate.ts";

/** A product whose columns beyond the client's real tokens are lowered, opened. */
function lowered(params: PaddingParams): Composition<["wire", "wire"]> {
  return function* (ctx, [x, y]) {
    return yield* opened(ctx, yield* ctx.gate("gate", hidePadding, params, yield* times(ctx, x, y, true)));
  };
}

const shapes = [[5, TWO], [5, ONE]] as const;
testUniformity("padding", {
  small: {
    "padding": {
      tests: secrets(lowered({ below: 4, clip: 1 }), shapes, [[1, -2], [3]], [[0, 5], [7]]).map((test, i) => ({
        ...test,
        realTokens: i + 1,
      })),
    },
  },
  full: {},
});
