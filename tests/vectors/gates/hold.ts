/** The standing share of a mask, SPEC.md §5.4, opened by the product that reads it. */

import { openShare } from "../../../core/protocols/open/gate.ts";
import { hold, multiply } from "../../../core/protocols/products/gate.ts";
import { elements, gateCase, type GateVectors, input } from "../gate_vectors.ts";

export const vectors: GateVectors = {
  section: "5.4",
  folder: "products",
  letters: ({ inputs: [x] }) => ({ n: x!.ringBits }),
  counts: (test) => ({ element: elements(test) }),
  words: { "mask.r": "n", "pad.e": "n" },
  cases: [32, 40].map((ringBits) =>
    gateCase({
      name: `${ringBits} bits, squared`,
      params: { gate: {}, product: { broadcast: false } },
      inputs: [input("wire", ringBits, 4, [1, -5, 2 ** 14])],
      *run(ctx, [x]) {
        const held = yield* ctx.gate("gate", hold, {}, x);
        return yield* ctx.gate(
          "open",
          openShare,
          {},
          yield* ctx.gate("product", multiply, { broadcast: false }, held, held),
        );
      },
    })
  ),
};
