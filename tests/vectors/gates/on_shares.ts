/** What is done to shares before they are opened, SPEC.md §5.14. */

import { addConstants, addShares, shareColumns } from "../../../core/protocols/linear/gate.ts";
import { openShare } from "../../../core/protocols/open/gate.ts";
import type { Gate } from "../../../core/protocols/opening.ts";
import { hidePadding } from "../../../core/protocols/padding/gate.ts";
import type { Context } from "../../../core/protocols/primitive.ts";
import type { Share, View, Wire } from "../../../core/protocols/tensor.ts";
import { gateCase, type GateVectors, input } from "../gate_vectors.ts";

const constants = { name: "bias", from: 1, count: 2 },
  columns = { from: 1, to: 2, moreScale: 2 },
  padding = { below: 8, clip: 2 };

/** A gate on a share, opened. */
function opened<V extends View>(ctx: Context<V>, gate: Gate<Share<V>>): Gate<Wire<V>> {
  return (function* () {
    return yield* ctx.gate("open", openShare, {}, yield* gate);
  })();
}

export const vectors: GateVectors = {
  section: "5.14",
  folder: "linear",
  free: true,
  letters: ({ inputs: [z] }) => ({ n: z!.ringBits }),
  counts: () => ({}),
  words: {},
  cases: [
    gateCase({
      name: "constants repeat over the rows",
      params: { gate: { constants } },
      inputs: [input("share", 32, 20, [1, -2, 3, -4], { rows: 2, cols: [2] })],
      constants: { bias: Int32Array.of(7, 100, -100) },
      run: (ctx, [z]) => opened(ctx, ctx.gate("gate", addConstants, { constants }, z)),
    }),
    gateCase({
      name: "columns",
      params: { gate: columns },
      inputs: [input("share", 40, 20, [2 ** 36, -2, 3, -4], { rows: 2, cols: [2] })],
      run: (ctx, [z]) => opened(ctx, ctx.gate("gate", shareColumns, columns, z)),
    }),
    gateCase({
      name: "add",
      params: { gate: {} },
      inputs: [input("share", 32, 20, [1, -2]), input("share", 32, 20, [2 ** 30, -(2 ** 30)])],
      run: (ctx, [a, b]) => opened(ctx, ctx.gate("gate", addShares, {}, a, b)),
    }),
    gateCase({
      name: "padding, 2 of 3 columns real",
      params: { gate: padding },
      inputs: [input("share", 24, 10, [1024, -2048, 512, 0, 4096, 1], { rows: 2, cols: [3] })],
      realTokens: 2,
      run: (ctx, [z]) => opened(ctx, ctx.gate("gate", hidePadding, padding, z)),
    }),
  ],
};
