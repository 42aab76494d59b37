/**
 * `sluice keygen`: the dealer makes both parties' keys. It needs the model's public files and the masks of its weights, never the weights nor the client's seed.
 *
 * @module
 */

import { KeyError } from "../core/errors.ts";
import type { Weights } from "../core/engine.ts";
import { Seed } from "../core/prg/seed.ts";
import { dealSession } from "../pipeline/session/dealer.ts";
import { planDigest } from "../pipeline/session/digest.ts";
import { matrixWords, weightRefs } from "../pipeline/forward/model_spec.ts";
import { filledUp, positionCount, SessionPlan } from "../pipeline/session/session_plan.ts";
import { createKeyFile, createKeyFolder, writeLinkKey } from "../transport/key_file.ts";
import process from "node:process";
import type { Command, Options } from "./args.ts";
import { assertBucket, BUCKET_FLAG, bucketOf } from "./bucket.ts";
import { ROUNDING_FLAG, roundingOf } from "./rounding.ts";
import { openCpuEngine } from "./engine.ts";
import { modelSpec, openMasks, readConfig, readPrepared } from "./model_folder.ts";
import { amount, type Ui, UsageError } from "./ui.ts";

/** The command. */
export const KEYGEN: Command = {
  name: "keygen",
  summary: "deal the keys of both parties (dealer)",
  flags: [
    {
      name: "model",
      value: "DIR",
      help: "prepared model folder; weights and client.seed may be absent",
      required: true,
    },
    {
      name: "prompt-tokens",
      value: "N",
      help: "longest prompt, in tokens; of a bidirectional model the exact length, unless --bucket hides it",
      required: true,
    },
    { name: "generate", value: "M", help: "tokens to generate after it (default 0)" },
    { name: "requests", value: "R", help: "requests in one session (default 1)" },
    BUCKET_FLAG,
    { name: "out", value: "DIR", help: "writes DIR/party0 and DIR/party1", required: true },
    ROUNDING_FLAG,
    { name: "threads", value: "N", help: "threads of the dealer's products" },
  ],
  example: "sluice keygen --model ./llama --prompt-tokens 64 --generate 32 --out ./keys",
};

/** Runs the command. */
export async function keygen(options: Options, ui: Ui): Promise<void> {
  const folder = options.required("model"), out = options.required("out"), start = performance.now();
  const bucket = bucketOf(options),
    promptTokens = filledUp(options.count("prompt-tokens", 0, 1), bucket),
    generate = options.count("generate", 0),
    requests = options.count("requests", 1, 1),
    rounding = roundingOf(options);
  const { config } = await readConfig(folder);
  if (!config.causal && generate > 0) {
    throw new UsageError("Cannot deal keys with --generate as a bidirectional model generates nothing");
  }
  const prepared = await readPrepared(folder),
    positions = positionCount({ promptTokens, generate });
  if (prepared.scope === "model" && positions > config.maxPositions) {
    throw new UsageError(`Cannot deal keys for ${positions} positions as the model has at most ${config.maxPositions}`);
  }
  assertBucket(bucket, config, prepared, positions);
  const model = modelSpec(config, prepared, positions, rounding, bucket),
    shape = { promptTokens, generate, requests },
    plan = new SessionPlan(model, shape),
    refs = weightRefs(model);
  const masks = await openMasks(
      folder,
      prepared.weightsId,
      refs.map((ref) => ref.inputs * ref.outputs * matrixWords(model, ref)),
    ),
    { engine, close } = await openCpuEngine(options.count("threads", navigator.hardwareConcurrency, 1));
  const salt = crypto.getRandomValues(new Uint8Array(16)),
    linkKey = crypto.getRandomValues(new Uint8Array(32)),
    session = crypto.randomUUID(),
    digest = planDigest(model, shape);
  const weights = new Map<string, Weights>(),
    folders = [`${out}/party0`, `${out}/party1`] as const,
    keyBytes = plan.keyBytes;
  try {
    for (const [i, ref] of refs.entries()) {
      weights.set(ref.name, engine.weights(await masks.read(i), ref.inputs, ref.outputs, matrixWords(model, ref)));
    }
    for (const dir of folders) {
      await createKeyFolder(dir);
      await refuseExisting(dir);
    }
    const bar = ui.progress("deal", keyBytes[0] + keyBytes[1], "B");
    const files = await Promise.all(folders.map((dir, party) =>
      createKeyFile(dir, {
        party: party as 0 | 1,
        session,
        weightsId: prepared.weightsId,
        planDigest: digest,
        streamBytes: keyBytes[party as 0 | 1],
        scope: prepared.scope,
        config: JSON.stringify(config),
        scales: JSON.stringify(prepared.scales),
        rounding,
        promptTokens,
        generate,
        requests,
        ...(bucket === undefined ? {} : { bucket }),
      })
    ));
    try {
      await dealSession(
        plan,
        {
          seeds: [Seed.random(), Seed.random()],
          salt,
          maskProduct(ref, x) {
            const scope = engine.begin(), mask = weights.get(ref.name)!;
            const product = engine.download(
              engine.multiplyWeights(engine.upload(x, mask.wordsPerElement), mask),
            ) as Uint32Array;
            scope.end([]);
            return product;
          },
        },
        { write: (party, bytes, offset) => files[party]!.write(bytes, offset) },
        (bytes) => bar.update(bytes),
      );
      for (const file of files) await file.finish();
    } finally {
      for (const file of files) file.close();
      bar.end();
    }
    for (const dir of folders) await writeLinkKey(dir, linkKey);
  } finally {
    masks.close();
    close();
  }
  const dealMs = Math.round(performance.now() - start);
  ui.result(
    {
      session,
      keyBytes,
      promptTokens,
      generate,
      requests,
      rounding,
      dealMs,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    },
    () =>
      `dealt session ${session} to ${out}: ${amount(keyBytes[0])} for party 0, ${amount(keyBytes[1])} for party 1, in ${
        (dealMs / 1000).toFixed(1)
      } s`,
  );
}

async function refuseExisting(dir: string): Promise<void> {
  for await (const entry of Deno.readDir(dir)) {
    const message = `Cannot deal keys into ${dir} as it must be empty: received a folder with ${entry.name}`;
    throw Object.assign(new KeyError(message), { hint: "give --out a new folder" });
  }
}
