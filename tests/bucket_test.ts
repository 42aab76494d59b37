/** Texts filled up with padding: real rows stay what they are, and what is sent says nothing of how many there are. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { ReferenceEngine } from "../core/reference/engine.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { calibrate } from "../pipeline/forward/calibrate.ts";
import type { ModelSpec } from "../pipeline/forward/model.ts";
import { Oracle } from "../pipeline/forward/oracle.ts";
import { defaultScales } from "../pipeline/forward/scales.ts";
import { filledUp, SessionPlan } from "../pipeline/session/session_plan.ts";
import { integers, readFolded } from "./models.ts";
import { readFolder, sharedFolder } from "./shared_data.ts";
import { livelyModel, specOf, TINY_LLAMA, TINY_MODELS } from "./tiny_models.ts";
import { runOnCpu, runTestSession } from "./two_parties.ts";

const TEXT = [3, 1, 4, 1, 5, 9, 2, 6, 5], PAD = 0;
const sst2 = sharedFolder("models/bert-sst2");
const HEADS = ["BERT classifier", "BERT", "BERT without a pooler"] as const;

/** A model calibrated on padding, as `prepare` does; the result makes the spec of a session. */
async function paddedModel(config: ModelConfig): Promise<{
  folded: FoldedModel;
  weights: (name: string) => Int32Array;
  spec: (positions: number, bucket?: number) => ModelSpec;
}> {
  const folded = await livelyModel(config), matrices = await integers(specOf(config, 9), folded);
  const weights = (name: string): Int32Array => matrices.get(name)!.data,
    sample = { tokens: [...TEXT.slice(0, 6), PAD, PAD, PAD], realTokens: 6 };
  const { scales } = calibrate({ ...specOf(config, 9), bucket: 9 }, weights, sample);
  return {
    folded,
    weights,
    spec: (positions, bucket) => ({
      ...specOf(config, positions, { scales }),
      ...(bucket === undefined ? {} : { bucket }),
    }),
  };
}

/** The first `tokens` of the text, filled up. */
function filled(tokens: number, bucket: number): number[] {
  return Array.from({ length: filledUp(tokens, bucket) }, (_, i) => i < tokens ? TEXT[i]! : PAD);
}

for (const name of HEADS) {
  Deno.test(`real rows of ${name} are those of the text alone, bit for bit, whatever it is filled up to`, async () => {
    const config: ModelConfig = TINY_MODELS[name], { weights, spec } = await paddedModel(config);
    for (const tokens of [1, 2, 5, 8, 9]) {
      const alone = new Oracle(spec(tokens), weights).tokens(TEXT.slice(0, tokens));
      for (const bucket of [1, 3, 4, 8, 9]) {
        const ids = filled(tokens, bucket);
        if (ids.length > config.maxPositions) continue;
        const output = new Oracle(spec(ids.length, bucket), weights).tokens(ids, tokens);
        assertEquals(output.subarray(0, alone.length), alone, `${tokens} tokens in a multiple of ${bucket}`);
        if (ids.length === tokens) continue;
        const seen = new Oracle(spec(ids.length, bucket), weights).tokens(ids).subarray(0, alone.length);
        assert(seen.some((value, i) => value !== alone[i]), "padding that is taken for text shows");
      }
    }
  });

  Deno.test(`a secure run of ${name} with padding equals the oracle`, async () => {
    const { folded, spec } = await paddedModel(TINY_MODELS[name]);
    for (const [tokens, bucket] of [[5, 8], [1, 4], [6, 3]] as const) {
      const ids = filled(tokens, bucket), request = { promptIds: ids, generate: 0, realTokens: tokens };
      const outcome = await runOnCpu({
        model: spec(ids.length, bucket),
        folded,
        dealt: { promptTokens: ids.length, generate: 0 },
        requests: [request, { ...request, realTokens: Math.min(ids.length, tokens + 1) }],
      });
      assertEquals(outcome.logits, outcome.expectedLogits);
    }
  });
}

Deno.test({
  name: `a trained BERT classifies sentences alike when they are filled up to a multiple of 32${sst2.missing}`,
  ignore: sst2.missing !== "",
  async fn() {
    const folded = await readFolded(await readFolder(sst2.folder, ["config.json", "model.safetensors"])),
      golden: { ids: number[] }[] = JSON.parse(await Deno.readTextFile(`${sst2.folder}/golden-dev.json`)),
      sample = golden[1]!.ids;
    const matrices = await integers(specOf(folded.config, 64), folded),
      weights = (name: string): Int32Array => matrices.get(name)!.data,
      padded = { ...specOf(folded.config, 64), bucket: 64 },
      fill = (ids: readonly number[], count: number) => [...ids, ...new Array<number>(count - ids.length).fill(PAD)];
    const { scales } = calibrate(padded, weights, { tokens: fill(sample, 64), realTokens: sample.length });
    for (const { ids } of golden.slice(0, 12)) {
      const filled = fill(ids, filledUp(ids.length, 32));
      assertEquals(
        new Oracle({ ...specOf(folded.config, filled.length, { scales }), bucket: 32 }, weights).tokens(
          filled,
          ids.length,
        ),
        new Oracle(specOf(folded.config, ids.length, { scales }), weights).tokens(ids),
      );
    }
  },
});

Deno.test("padding is hidden when the parties compute on different engines", async () => {
  const { folded, spec } = await paddedModel(TINY_MODELS["BERT classifier"]), ids = filled(3, 5);
  const wasm = await createWasmEngine({ threads: 1 });
  try {
    for (const engines of [[wasm, new ReferenceEngine()], [new ReferenceEngine(), wasm]] as const) {
      const outcome = await runTestSession({
        model: spec(5, 5),
        folded,
        dealt: { promptTokens: 5, generate: 0 },
        requests: [{ promptIds: ids, generate: 0, realTokens: 3 }],
        engines,
      });
      assertEquals(outcome.logits, outcome.expectedLogits);
    }
  } finally {
    wasm.close();
  }
});

Deno.test("what both parties send has the same order and sizes whatever the count of real tokens", async () => {
  const { folded, spec } = await paddedModel(TINY_MODELS.BERT), runs: string[][] = [];
  for (const realTokens of [1, 4, 7, 8]) {
    const posted: string[][] = [[], []];
    const { plan, sentBytes } = await runOnCpu({
      model: spec(8, 8),
      folded,
      dealt: { promptTokens: 8, generate: 0 },
      requests: [{ promptIds: filled(realTokens, 8), generate: 0, realTokens }],
      channel: (link) => ({
        party: link.party,
        stats: link.stats,
        post: (lane, exchange, payload) => {
          posted[link.party]!.push(`${lane.stage}/${exchange}: ${payload.map((part) => part.length).join()}`);
          link.post(lane, exchange, payload);
        },
        take: (lane, exchange, expectedBytes) => link.take(lane, exchange, expectedBytes),
        close: (reason) => link.close(reason),
      }),
    });
    runs.push([...posted.flat(), String(plan.keyBytes), String(sentBytes)]);
  }
  assert(runs[0]!.length > 100);
  for (const run of runs) assertEquals(run, runs[0]);
});

Deno.test("Oracle refuses scores that padding cannot be hidden below", async () => {
  const { weights, spec } = await paddedModel(TINY_MODELS.BERT), { scales } = spec(4, 4);
  const loud = (name: string): Int32Array => name.endsWith("qkv") ? weights(name).map((w) => 12 * w) : weights(name);
  assertThrows(() => new Oracle(spec(4, 4), loud).tokens(filled(2, 4), 2), ModelError, "stage 1: attention/padding");
  assertEquals(scales.scoreBits, defaultScales(TINY_MODELS.BERT).scoreBits);
});

Deno.test("SessionPlan refuses to hide lengths of a causal model, among scores too wide, or that are no multiple", () => {
  const shape = { promptTokens: 8, generate: 0, requests: 1 }, scales = defaultScales(TINY_MODELS.BERT);
  assertThrows(
    () => new SessionPlan({ ...specOf(TINY_LLAMA, 8), bucket: 4 }, shape),
    ModelError,
    "must be bidirectional",
  );
  const wide = (scoreBits: number, top: number): ModelSpec => ({
    ...specOf(TINY_MODELS.BERT, 8, { scales: { ...scales, scoreBits, expDigits: [8, 6, top] } }),
    bucket: 4,
  });
  new SessionPlan(wide(21, 7), shape);
  assertThrows(() => new SessionPlan(wide(22, 8), shape), ModelError, "at most 21 bits: received 22");
  assertThrows(
    () => new SessionPlan({ ...specOf(TINY_MODELS.BERT, 8), bucket: 3 }, shape),
    RangeError,
    "multiple of 3 tokens: received 8",
  );
});
