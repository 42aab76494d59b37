/** One layer of `llama-tiny`, dealer and parties apart: a prompt of 128 tokens, and one generated token after 127 others. */

import { archPlan } from "../cmd/plan.ts";
import type { Extent } from "../core/protocols/gate.ts";
import { stage } from "../pipeline/forward.ts";
import { benchLane } from "./_lane.ts";

const POSITIONS = 128, { model } = archPlan("llama-tiny", 1, POSITIONS, "nearest"), { config, scales } = model;
const width = config.kvHeads * config.headWidth;

function rows(tokens: number): Extent {
  return { rows: 1, cols: Array.from({ length: tokens }, () => config.hiddenWidth) };
}

for (
  const [name, positions] of [
    [`layer of llama-tiny, ${POSITIONS} tokens`, { from: 0, count: POSITIONS }],
    [`layer of llama-tiny, token ${POSITIONS} alone`, { from: POSITIONS - 1, count: 1 }],
  ] as const
) {
  benchLane(name, {
    inputs: [{ ringBits: 32, scale: scales.residual, extent: rows(positions.count) }],
    cachedTokens: positions.from,
    run: (ctx, [x], cache) =>
      stage(ctx, model, 1, x!, { keys: cache("keys", width), values: cache("values", width) }, positions),
  });
}
