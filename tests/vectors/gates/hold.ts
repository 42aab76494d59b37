/** The standing share of a mask, SPEC.md §5.4, opened by the product that reads it. */

import { openShare } from "../../../core/protocols/open/gate.ts";
import type { Gate } from "../../../core/protocols/opening.ts";
import type { Context } from "../../../core/protocols/primitive.ts";
import { hold, multiply } from "../../../core/protocols/products/gate.ts";
import type { Share, View, Wire } from "../../../core/protocols/tensor.ts";
import { elements, type GateVectors, input } from "../gate_vectors.ts";

export const vectors: GateVectors = {
  section: "5.4",
  folder: "products",
  letters: ({ inputs: [x] }) => ({ n: x!.ringBits }),
  counts: (test) => ({ element: elements(test) }),
  words: { "mask.r": "n", "pad.e": "n" },
  cases: [32, 40].map((ringBits) => ({
    name: `${ringBits} bits, squared`,
    params: { gate: {}, product: { broadcast: false } },
    inputs: [input("wire", ringBits, 4, [1, -5, 2 ** 14])],
    *run<V extends View>(ctx: Context<V>, [x]: (Wire<V> | Share<V>)[]): Gate<Wire<V>> {
      const held = yield* ctx.gate("gate", hold, {}, x as Wire<V>);
      return yield* ctx.gate(
        "open",
        openShare,
        {},
        yield* ctx.gate("product", multiply, { broadcast: false }, held, held),
      );
    },
  })),
};
