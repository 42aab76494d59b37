/** After its warm-up an engine has compiled every kernel that a session of the model calls. */

import { assert, assertEquals } from "@std/assert";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { createGpuEngine, findAdapter } from "../gpu/mod.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { ModelSpec } from "../pipeline/forward/model.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import { warmUp } from "../pipeline/session/warm_up.ts";
import { livelyModel, specOf, TINY_LLAMA, TINY_MODELS } from "./tiny_models.ts";
import { openSession } from "./two_parties.ts";

const ignore = await findAdapter() === null && Deno.env.get("REQUIRE_GPU") !== "1";

const PROMPT = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], GENERATE = 3;

/** Names of the kernels that are compiled while `body` runs. */
async function compiled(body: () => Promise<void>): Promise<string[]> {
  const names: string[] = [], { createComputePipeline } = GPUDevice.prototype;
  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    names.push(descriptor.label!);
    return createComputePipeline.call(this, descriptor);
  };
  try {
    await body();
  } finally {
    GPUDevice.prototype.createComputePipeline = createComputePipeline;
  }
  return names;
}

const FAMILIES: Readonly<Record<string, ModelConfig>> = { "Llama": TINY_LLAMA, ...TINY_MODELS };

for (const [name, family] of Object.entries(FAMILIES)) {
  Deno.test(`warmUp() leaves no kernel of ${name} to be compiled later`, { ignore }, async () => {
    const config = { ...family, maxPositions: 16 },
      generate = config.causal ? GENERATE : 0,
      folded = await livelyModel(config),
      dealer = new ReferenceEngine();
    const positions = PROMPT.length + Math.max(0, generate - 1),
      nearest = specOf(config, positions),
      variants: ModelSpec[] = [
        nearest,
        { ...nearest, rounding: "dither" },
        { ...nearest, scales: defaultScales(config, 40) },
        ...(config.causal ? [] : [{ ...nearest, bucket: PROMPT.length }]),
      ];
    for (const model of variants) {
      const engine = await createGpuEngine();
      try {
        const before = await compiled(() => warmUp(engine, model));
        const after = await compiled(async () => {
          const session = await openSession({
            model,
            folded,
            dealt: { promptTokens: PROMPT.length, generate },
            requests: [{ promptIds: PROMPT.map((id) => id % config.vocabCount), generate }],
            engines: [engine, engine],
            dealer,
          });
          session.prepare();
          await Promise.all(session.run());
          await session.close();
        });

        assert(before.length > 20, `${before.length} kernels`);
        assertEquals(after, []);
      } finally {
        engine.close();
      }
    }
  });
}
