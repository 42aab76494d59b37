import { assert, assertEquals } from "@std/assert";
import { collectFolded, foldModel } from "../../models/fold.ts";
import { integers, steadyCoins } from "../../tests/models.ts";
import { recordedModels, recordedRows } from "../../tests/recorded_models.ts";
import { specOf } from "../../tests/tiny_models.ts";
import { calibrate } from "./calibrate.ts";
import { outputScale } from "./model_spec.ts";
import { argmax, Oracle } from "./oracle.ts";

/** Standard deviation of a list. */
function deviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Where the two best answers of a class are nearer to each other than the fixed point's unit of error. */
const NEAR_TIES = new Set(["olmo2 dither", "olmo3 nearest", "olmo3 dither"]);

for (const recorded of recordedModels()) {
  for (const [rounding, most] of [["nearest", 0.11], ["dither", 0.2]] as const) {
    Deno.test(`Oracle answers as Hugging Face's class, to ${most} of the answers' deviation: ${recorded.name} (${rounding})`, async () => {
      const { config, source, ids, types, output, name } = recorded, count = ids.length;
      const draft = specOf(config, count),
        matrices = await integers(draft, await collectFolded(foldModel(config, source)));
      const weights = (name: string): Int32Array => matrices.get(name)!.data;
      const { scales } = calibrate(draft, weights, { tokens: ids, types }), model = { ...draft, scales, rounding };

      const words = new Oracle(model, weights, { coins: steadyCoins() }).tokens(ids, count, types);

      const { head, logitCap: cap } = config, more = head.outputs === 0 ? 1 : 0;
      const answer = recordedRows(recorded, words).map((word) => word / 2 ** outputScale(model) - more)
        .map((value) => cap === null ? value : cap * Math.tanh(value / cap));
      const limit = most * deviation(output);
      assertEquals(answer.length, output.length);
      answer.forEach((value, i) => assert(Math.abs(value - output[i]!) < limit, `${i}: ${value} for ${output[i]}`));
      if (head.rows !== "every" && !NEAR_TIES.has(`${name} ${rounding}`)) assertEquals(argmax(answer), argmax(output));
    });
  }
}
