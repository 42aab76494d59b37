/** One layer of each small shape, dealer and parties apart: a prompt of 128 tokens with either rounding, and one generated token after 127 others. */

import { archPlan } from "../cmd/plan_flags.ts";
import { benchLane, layerCase } from "./lane.ts";

const POSITIONS = 128;

for (const arch of ["llama-tiny", "bert-tiny", "gpt2"]) {
  for (const rounding of ["nearest", "dither"] as const) {
    const { model } = archPlan(arch, { layers: 1, seq: POSITIONS, rounding });
    benchLane(`layer of ${arch}, ${POSITIONS} tokens, ${rounding}`, layerCase(model, { from: 0, count: POSITIONS }));
    if (arch !== "llama-tiny") continue;
    const last = { from: POSITIONS - 1, count: 1 };
    benchLane(`layer of ${arch}, token ${POSITIONS} alone, ${rounding}`, layerCase(model, last));
  }
}
