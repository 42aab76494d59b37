import { assert, assertEquals } from "@std/assert";
import { archPlan } from "../../cmd/plan_flags.ts";
import { planTotals } from "../../roles/costs.ts";
import type { ModelConfig } from "../../models/model_config.ts";
import { specOf, TINY_LLAMA, TINY_MODELS } from "../../tests/tiny_models.ts";
import { stageCount } from "../forward/forward.ts";
import { layoutBlock } from "../interpreters/layout.ts";
import { chunksOf, positionCount, SessionPlan, type SessionShape, STREAM_PREFIX_BYTES } from "./session_plan.ts";

function tinyPlan(config: ModelConfig, shape: SessionShape): SessionPlan {
  return new SessionPlan(specOf(config, positionCount(shape)), shape);
}

Deno.test("chunksOf() covers every position once, in order", () => {
  for (const shape of [{ promptTokens: 7, generate: 4 }, { promptTokens: 1, generate: 0 }]) {
    for (const chunkTokens of [1, 2, 3, 7, 100]) {
      const covered = chunksOf(shape, chunkTokens).flatMap(({ from, count }) =>
        Array.from({ length: count }, (_, i) => from + i)
      );
      assertEquals(covered, Array.from({ length: positionCount(shape) }, (_, i) => i));
    }
  }
});

for (const [name, config] of Object.entries({ "a causal": TINY_LLAMA, "a bidirectional": TINY_MODELS.BERT })) {
  Deno.test(`SessionPlan.offset() gives every block of ${name} model bytes of its own and leaves none over`, () => {
    const shape = { promptTokens: 5, generate: config.causal ? 4 : 0, requests: 3 }, plan = tinyPlan(config, shape);
    for (const party of [0, 1] as const) {
      const regions: [number, number][] = [];
      for (let request = 0; request < shape.requests; request++) {
        for (let stage = 0; stage < stageCount(plan.model); stage++) {
          for (let position = 0; position < plan.blocks; position++) {
            const at = plan.offset(party, request, stage, position);
            regions.push([at, at + plan.layout(stage, position).explicitBytes[party]]);
          }
        }
      }
      let at = STREAM_PREFIX_BYTES;
      for (const [begin, end] of regions.sort(([a, b], [c, d]) => a - c || b - d)) {
        assertEquals(begin, at);
        at = end;
      }
      assertEquals(at, plan.keyBytes[party]);
    }
  });
}

Deno.test("SessionPlan.layout() is what the lanes of any chunks need, so keys serve any split and any prompt", () => {
  const plan = tinyPlan(TINY_LLAMA, { promptTokens: 8, generate: 0, requests: 1 });
  for (let stage = 0; stage < stageCount(plan.model); stage++) {
    // The last position has every record, and a record one owner in all blocks.
    const owners = new Map(
      [...plan.layout(stage, plan.positions - 1).records].map(([address, { places }]) =>
        [address, places[0]?.part === "explicit" ? 0 : 1] as const
      ),
    );
    for (const promptTokens of [1, 3, 8]) {
      for (const chunkTokens of [1, 2, 5]) {
        for (const chunk of plan.chunks({ promptTokens, generate: 9 - promptTokens }, chunkTokens)) {
          const { gates } = plan.lane(stage, chunk);
          for (const [block, position] of plan.blocksOf(chunk).entries()) {
            assertEquals(layoutBlock(gates, block, owners), plan.layout(stage, position));
          }
        }
      }
    }
  }
});

Deno.test("SessionPlan gives the same keys however many of the positions are the prompt's", () => {
  const bytes = [[9, 1], [5, 5], [1, 9]].map(([promptTokens, generate]) =>
    tinyPlan(TINY_LLAMA, { promptTokens: promptTokens!, generate: generate!, requests: 2 }).keyBytes
  );

  assertEquals(bytes[1], bytes[0]);
  assertEquals(bytes[2], bytes[0]);
});

Deno.test("SessionPlan.positionBytes() adds up to the key streams", () => {
  const plan = tinyPlan(TINY_LLAMA, { promptTokens: 4, generate: 3, requests: 2 });

  const all = Array.from({ length: plan.positions }, (_, position) => plan.positionBytes(position))
    .reduce((a, b) => a + b);

  assertEquals(plan.keyBytes[0] + plan.keyBytes[1], 2 * STREAM_PREFIX_BYTES + 2 * all);
});

Deno.test("SessionPlan.chunks() takes all tokens of a bidirectional model at once", () => {
  const plan = tinyPlan(TINY_MODELS.BERT, { promptTokens: 6, generate: 0, requests: 1 });

  assertEquals(plan.chunks(plan.shape, 2), [{ from: 0, count: 6 }]);
  assertEquals(plan.blocks, 1);
});

Deno.test("SessionPlan of a local layer stops growing at its window", () => {
  const shape = { promptTokens: 10, generate: 0, requests: 1 },
    globalPlan = tinyPlan({ ...TINY_MODELS["GPT-Neo"], windows: [null, null, null] }, shape),
    localPlan = tinyPlan({ ...TINY_MODELS["GPT-Neo"], windows: [null, 4, null] }, shape);
  const bytes = (plan: SessionPlan, layer: number, position: number): number =>
    plan.layout(layer + 1, position).explicitBytes.reduce((a, b) => a + b);

  assertEquals(bytes(localPlan, 1, 3), bytes(globalPlan, 1, 3));
  assertEquals(bytes(localPlan, 1, 9), bytes(localPlan, 1, 3));
  assert(bytes(globalPlan, 1, 9) > bytes(globalPlan, 1, 3));
  assertEquals(bytes(localPlan, 0, 9), bytes(globalPlan, 0, 9));
});

Deno.test("SessionPlan plans rows of more than 1024 columns", () => {
  const plan = tinyPlan(TINY_LLAMA, { promptTokens: 1500, generate: 0, requests: 1 });

  assert(plan.layout(1, 1499).explicitBytes[0] > plan.layout(1, 1023).explicitBytes[0]);
});

Deno.test("SessionPlan plans Llama2-7B at 128 tokens to the byte", () => {
  const { keyBytes, sentBytes, exchanges, exchangesPerLayer } = planTotals(
    archPlan("llama2-7b", { seq: 128 }),
    128,
  );

  assertEquals(keyBytes, [7_539_564_592, 7_541_661_744]);
  assertEquals(sentBytes, [2_583_881_728, 2_667_841_536]);
  assertEquals([exchangesPerLayer, exchanges], [62, 32 * 62 + 1]);
});

type Goal = readonly [keyBytes: number, sentBytes: number, exchanges: number];

/**
 * Dithered, at 128 tokens, blocks alone: key bytes of both parties, bytes that the busier party sends, exchanges of a
 * layer.
 */
const DITHERED_GOALS: Record<string, Goal> = {
  "bert-tiny": [21.4e6, 5.6e6, 42],
  "bert-base": [0.718e9, 200e6, 42],
  "bert-large": [1.904e9, 535e6, 42],
  "gpt2": [0.602e9, 150e6, 42],
  "gpt-neo-1.3b": [2.726e9, 720e6, 42],
  "gpt-neo-2.7b": [4.535e9, 1.2e9, 42],
  "llama2-7b": [7.663e9, 2.35e9, 45],
  "llama2-13b": [12.01e9, 3.7e9, 45],
};

/** The same to nearest. */
const GOALS: Record<string, Goal> = {
  "bert-tiny": [38.7e6, 7.0e6, 57],
  "bert-base": [1.341e9, 255e6, 57],
  "bert-large": [3.563e9, 670e6, 57],
  "gpt2": [1.092e9, 195e6, 57],
  "gpt-neo-1.3b": [4.974e9, 940e6, 57],
  "gpt-neo-2.7b": [8.282e9, 1.55e9, 57],
  "llama2-7b": [15.09e9, 2.95e9, 62],
  "llama2-13b": [23.62e9, 4.6e9, 62],
};

for (const [rounding, goals] of [["nearest", GOALS], ["dither", DITHERED_GOALS]] as const) {
  for (const [arch, [keyBytes, sentBytes, exchanges]] of Object.entries(goals)) {
    Deno.test(`SessionPlan keeps ${arch} within the goal for keys, traffic and exchanges (${rounding})`, () => {
      const totals = planTotals(archPlan(arch, { seq: 128, rounding }), 128), [keys0, keys1] = totals.keyBytes;

      assert(keys0 + keys1 <= keyBytes, `${keys0} and ${keys1} bytes of keys`);
      assert(Math.abs(keys0 - keys1) <= 0.1 * keys0, `streams of ${keys0} and ${keys1} bytes`);
      assert(Math.max(...totals.sentBytes) <= sentBytes, `${totals.sentBytes} bytes sent`);
      assert(totals.exchangesPerLayer <= exchanges, `${totals.exchangesPerLayer} exchanges`);
    });
  }
}
