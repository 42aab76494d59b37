/**
 * Models whose residual stream has outliers near 10^3 and 10^4, as large published models have them: their products do not fit 32 bits. Calibration widens the
 * stream, the oracle stays close to the float model, and secure runs equal the oracle.
 */

import { assert, assertEquals } from "@std/assert";
import type { Engine } from "../core/engine.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import { createGpuEngine, findAdapter } from "../gpu/mod.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { type ModelSpec, outputScale } from "../pipeline/forward/model_spec.ts";
import { calibratedModel } from "./models.ts";
import { livelyModel, TINY_LLAMA, TINY_MODELS } from "./tiny_models.ts";
import { floatModel } from "../pipeline/forward/float_model.ts";
import { runOnCpu, runTestSession, type TestOutcome, type TestSession } from "./two_parties.ts";

const ADAPTER = await findAdapter(), isGpuMissing = ADAPTER === null && Deno.env.get("REQUIRE_GPU") !== "1";

const IDS = [3, 1, 4, 1, 5, 9], SAMPLE = [...IDS, 2, 6];

/** The column of the residual stream that the first layer's feed-forward part makes large. */
const OUTLIER = 7;

const FAMILIES: Readonly<Record<string, ModelConfig>> = {
  "Llama": TINY_LLAMA,
  "GPT-2": TINY_MODELS["GPT-2"],
  "BERT": TINY_MODELS.BERT,
  "BERT classifier": TINY_MODELS["BERT classifier"],
  "BERT without a pooler": TINY_MODELS["BERT without a pooler"],
};

/** The largest |x| of the residual stream over the sample, in the float model. */
function largestResidual(folded: FoldedModel): number {
  let largest = 0;
  floatModel(folded, (part, _layer, values) => {
    if (part === "residual") { for (const value of values) largest = Math.max(largest, Math.abs(value)); }
  }).tokens(SAMPLE);
  return largest;
}

/** A hidden unit that is always on and writes one large column: the massive activations of published models. */
function withConstantUnit({ config, embed, layers, ...rest }: FoldedModel, written: number): FoldedModel {
  const [first, ...others] = layers, { gateUp, down } = first!, [, outputs] = gateUp.shape, data = down.data.slice();
  // Without a bias what turns the unit on is a column of the embedding that is the same for all tokens.
  const columns = config.gated ? [0, config.ffnWidth] : [0], bias = gateUp.bias?.slice() ?? null, on = 4;
  const constant = config.gated
    ? { ...embed, data: embed.data.map((value, i) => i % config.hiddenWidth === OUTLIER ? 20 : value) }
    : embed;
  if (bias !== null) bias[0] = on;
  const up = gateUp.data.map((value, i) => {
    if (!columns.includes(i % outputs)) return value;
    return config.gated && Math.floor(i / outputs) === OUTLIER ? 1 : 0;
  });
  data.fill(0, 0, config.hiddenWidth);
  data[OUTLIER] = written;
  const layer = { ...first!, gateUp: { ...gateUp, data: up, bias }, down: { ...down, data } };
  return { ...rest, config, embed: constant, layers: [layer, ...others] };
}

/** A model of random weights whose residual stream reaches `size` in one column, from the first layer on. */
async function withOutlier(config: ModelConfig, size: number): Promise<FoldedModel> {
  const folded = await livelyModel(config);
  return withConstantUnit(folded, size ** 2 / largestResidual(withConstantUnit(folded, size)));
}

/** What a session of the tokens takes. */
function sessionOf(folded: FoldedModel, model: (positions: number) => ModelSpec): Omit<TestSession, "engines"> {
  const generate = folded.config.causal ? 3 : 0, positions = IDS.length + Math.max(0, generate - 1);
  return {
    model: model(positions),
    folded,
    dealt: { promptTokens: IDS.length, generate },
    requests: [{ promptIds: IDS, generate }],
  };
}

function assertEqualsOracle(outcome: TestOutcome): void {
  assertEquals(outcome.tokens, outcome.expectedTokens);
  assertEquals(outcome.logits, outcome.expectedLogits);
  assertEquals(outcome.streamBytes, outcome.keyBytes);
}

/** Largest distance of the first output from the float model's. */
function distance(folded: FoldedModel, { model }: Pick<TestSession, "model">, outcome: TestOutcome): number {
  const { config } = folded, words = outcome.logits[0]![0]!, one = 2 ** outputScale(model);
  const plus = config.head.answer === "pooled" ? 1 : 0;
  const expected = floatModel(folded).tokens(IDS);
  return Math.max(...Array.from(words, (word, i) => Math.abs(word / one - plus - expected[i]!)));
}

for (const [name, config] of Object.entries(FAMILIES)) {
  for (const [size, rounding] of [[1500, "nearest"], [1500, "dither"], [15_000, "nearest"]] as const) {
    Deno.test(`secure ${name} with residuals up to ${size} (${rounding}) equals the oracle, which is close to the float model`, async () => {
      const folded = await withOutlier(config, size), model = await calibratedModel(folded, SAMPLE, rounding);
      assert(largestResidual(folded) > 0.9 * size);
      const { residualBits } = model(1).scales;
      assert(residualBits > 32 && residualBits <= 44, `${residualBits} bits`);

      const session = sessionOf(folded, model), outcome = await runOnCpu(session);

      assertEqualsOracle(outcome);
      const most = distance(folded, session, outcome);
      assert(most <= (rounding === "dither" ? 0.1 : 0.05), `the oracle is ${most} away`);
    });
  }
}

Deno.test({
  name:
    "secure models with outliers equal the oracle with the client on the CPU and the server on the GPU, and the reverse",
  ignore: isGpuMissing,
  async fn() {
    const cpu = await createWasmEngine(), dealer = await createWasmEngine(), gpu = await createGpuEngine();
    try {
      const cases: [ModelConfig, Rounding, [Engine, Engine]][] = [
        [TINY_LLAMA, "nearest", [gpu, cpu]],
        [TINY_LLAMA, "dither", [cpu, gpu]],
        [TINY_MODELS["GPT-2"], "nearest", [cpu, gpu]],
        [TINY_MODELS["GPT-2"], "dither", [gpu, cpu]],
        [TINY_MODELS.BERT, "nearest", [gpu, cpu]],
      ];
      for (const [config, rounding, engines] of cases) {
        const folded = await withOutlier(config, 1500), model = await calibratedModel(folded, SAMPLE, rounding);
        assert(model(1).scales.residualBits > 32);
        assertEqualsOracle(await runTestSession({ ...sessionOf(folded, model), engines, dealer }));
      }
    } finally {
      cpu.close();
      dealer.close();
      gpu.close();
    }
  },
});
