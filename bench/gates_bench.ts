/** Latency of every gate, dealer and parties apart: `deno task bench bench/gates_bench.ts`. Sizes are of 16 tokens of a model 768 wide, or of their scores. */

import type { Extent } from "../core/protocols/tensor.ts";
import { dither } from "../core/protocols/dither/gate.ts";
import { exp } from "../core/protocols/exp/gate.ts";
import { expDithered } from "../core/protocols/exp_dithered/gate.ts";
import { linear } from "../core/protocols/linear/gate.ts";
import { maximumLevel } from "../core/protocols/maximum/gate.ts";
import { hold, multiply } from "../core/protocols/products/gate.ts";
import { openShare } from "../core/protocols/open/gate.ts";
import { rowFunction } from "../core/protocols/row_function/gate.ts";
import { splice } from "../core/protocols/splice/gate.ts";
import { squares } from "../core/protocols/squares/gate.ts";
import { truncate } from "../core/protocols/truncate/gate.ts";
import { benchLane } from "./lane.ts";

const TOKENS = 16, WIDTH = 768, HEADS = 12;
/** Hidden values: one block per token. */
const HIDDEN: Extent = { rows: 1, cols: Array.from({ length: TOKENS }, () => WIDTH) };
/** Scores of the first tokens: token t sees t + 1 columns. */
const SCORES: Extent = { rows: HEADS, cols: Array.from({ length: TOKENS }, (_, t) => t + 1) };
/** One value per token. */
const ROWS: Extent = { rows: 1, cols: Array.from({ length: TOKENS }, () => 1) };

const hidden = { ringBits: 32, scale: 12, extent: HIDDEN };

benchLane(`linear ${TOKENS} × ${WIDTH} × ${WIDTH}, opened`, {
  inputs: [hidden],
  run: function* (ctx, [x]) {
    const weights = { name: "w", inputs: WIDTH, outputs: WIDTH };
    return yield* ctx.gate("open", openShare, {}, yield* ctx.gate("linear", linear, { weights, weightScale: 10 }, x!));
  },
});

benchLane(`truncate ${TOKENS} × ${WIDTH} by 12 bits`, {
  inputs: [hidden],
  run: (ctx, [x]) =>
    ctx.gate("truncate", truncate, { by: 12, to: 32, rounding: "nearest", full: 1, knownTo: "both" }, x!),
});

benchLane(`dither ${TOKENS} × ${WIDTH} by 12 bits`, {
  inputs: [hidden],
  run: (ctx, [x]) => ctx.gate("dither", dither, { by: 12, to: 32, knownTo: "both" }, x!),
});

benchLane(`multiply ${TOKENS} × ${WIDTH}, opened`, {
  inputs: [hidden, hidden],
  run: function* (ctx, [x, y]) {
    const left = yield* ctx.gate("left", hold, {}, x!), right = yield* ctx.gate("right", hold, {}, y!);
    return yield* ctx.gate(
      "open",
      openShare,
      {},
      yield* ctx.gate("product", multiply, { broadcast: false }, left, right),
    );
  },
});

benchLane(`squares ${TOKENS} × ${WIDTH}`, {
  inputs: [hidden],
  run: (ctx, [x]) => ctx.gate("squares", squares, { outBits: 44, operandBits: 32 }, x!),
});

benchLane(`silu ${TOKENS} × ${WIDTH}`, {
  inputs: [{ ...hidden, scale: 10 }],
  run: (ctx, [x]) =>
    ctx.gate("silu", splice, {
      function: "silu",
      digits: [5, 9, 6],
      skip: 0,
      valueBits: 16,
      ringBits: 32,
      knownTo: "both",
    }, x!),
});

benchLane(`silu ${TOKENS} × ${WIDTH}, dithered`, {
  inputs: [{ ringBits: 22, scale: 10, extent: HIDDEN }],
  run: (ctx, [x]) =>
    ctx.gate("silu", splice, {
      function: "silu",
      digits: [5, 9, 6],
      skip: 2,
      valueBits: 26,
      ringBits: 32,
      knownTo: "both",
    }, x!),
});

benchLane(`exp of ${TOKENS} tokens' scores, ${HEADS} heads`, {
  inputs: [{ ringBits: 20, scale: 10, extent: SCORES }],
  run: (ctx, [t]) => ctx.gate("exp", exp, { digits: [8, 6, 6], tableScale: 11, ringBits: 32 }, t!),
});

benchLane(`exp of ${TOKENS} tokens' scores, ${HEADS} heads, dithered`, {
  inputs: [{ ringBits: 20, scale: 10, extent: SCORES }],
  run: (ctx, [t]) => ctx.gate("exp", expDithered, { skip: 3, digits: [8, 8], tableScale: 11, ringBits: 32 }, t!),
});

benchLane(`maximum level of ${TOKENS} tokens' scores, ${HEADS} heads`, {
  inputs: [{ ringBits: 10, scale: 0, extent: SCORES }],
  run: (ctx, [x]) => ctx.gate("maximum", maximumLevel, {}, x!),
});

benchLane(`reciprocal square root of ${TOKENS} rows`, {
  inputs: [{ ringBits: 44, scale: 24, extent: ROWS }].map((x) => ({ ...x, ringBits: 32 })),
  run: (ctx, [x]) =>
    ctx.gate("rsqrt", rowFunction, {
      function: "rsqrt",
      scale: 12,
      ringBits: 32,
      lo: 11,
      hi: 31,
      mantissaBits: 7,
      octaves: 4,
      divisor: WIDTH,
      offset: 1e-5,
    }, x!),
});
