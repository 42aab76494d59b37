/**
 * `sluice demo`: dealer, owner of the model and client as three processes on loopback, with the embedded model, checked against the oracle.
 *
 * @module
 */

import { demoModel } from "../assets/demo_model.ts";
import { parseModelConfig } from "../models/config.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { argmax, type OracleOptions } from "../pipeline/forward/oracle.ts";
import { positionCount, SessionPlan } from "../pipeline/session/session_plan.ts";
import type { Command, Options } from "./args.ts";
import { ENGINE_FLAGS, engineArgs } from "./engine.ts";
import { modelSpec, readOracle, readPrepared } from "./model_folder.ts";
import { keptCoins, ROUNDING_FLAG, roundingOf } from "./rounding.ts";
import { runParties, spawn } from "./process.ts";
import { withTempFolder } from "./temp.ts";
import { amount, type Ui, UsageError } from "./ui.ts";

/** The command. */
export const DEMO: Command = {
  name: "demo",
  summary: "generate text privately with the embedded model: three processes on this machine",
  flags: [
    { name: "prompt", value: "TEXT", help: 'the prompt (default "ROMEO:\\n")' },
    { name: "generate", value: "M", help: "tokens to generate (default 32)" },
    ROUNDING_FLAG,
    ...ENGINE_FLAGS,
  ],
  example: 'sluice demo --prompt "What light" --generate 48',
};

const DEFAULT_PROMPT = "ROMEO:\n";

/** Runs the command; the exit code says whether the secure output equals the oracle's. */
export async function demo(options: Options, ui: Ui): Promise<number> {
  const files = demoModel(),
    config = parseModelConfig(files["config.json"]!),
    tokenizer = createTokenizer(files["tokenizer.json"]!);
  const prompt = options.text("prompt") ?? DEFAULT_PROMPT,
    promptIds = tokenizer.encode(prompt),
    generate = options.count("generate", 32, 1),
    shape = { promptTokens: promptIds.length, generate };
  if (promptIds.length === 0) throw new UsageError("Cannot run an empty prompt");
  if (positionCount(shape) > config.maxPositions) {
    throw new UsageError(
      `Cannot generate ${generate} tokens after ${promptIds.length} as the model has ${config.maxPositions} positions`,
    );
  }
  const threads = options.count("threads", Math.max(1, navigator.hardwareConcurrency >> 1), 1),
    common = engineArgs(options, threads),
    rounding = roundingOf(options);
  return await withTempFolder(async (folder) => {
    const model = `${folder}/model`,
      forDealer = `${folder}/dealer`,
      keys = `${folder}/keys`;
    await Deno.mkdir(model);
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${model}/${name}`, bytes);
    ui.note("party 0 prepares the model");
    await spawn(["prepare", "--model", model]).result;
    // The dealer gets the public files and the masks of the weights, and nothing else.
    await Deno.mkdir(forDealer);
    for (const name of ["config.json", "sluice.json", "dealer.masks"]) {
      await Deno.copyFile(`${model}/${name}`, `${forDealer}/${name}`);
    }
    ui.note("the dealer deals the keys");
    await spawn([
      "keygen",
      "--model",
      forDealer,
      "--prompt-tokens",
      String(promptIds.length),
      "--generate",
      String(generate),
      "--rounding",
      rounding,
      "--out",
      keys,
      "--threads",
      String(threads),
    ]).result;
    ui.note("party 0 serves, the client asks");
    if (!ui.json) Deno.stdout.writeSync(new TextEncoder().encode(prompt));
    const output = `${folder}/output`,
      coins = `${folder}/coins`,
      client = [
        ...["--prompt", prompt, "--generate", String(generate), "--output", output, "--cache", `${folder}/cache`],
        ...(rounding === "dither" ? ["--coins", coins] : []),
      ];
    const { party0, party1 } = await runParties(model, keys, [common, common], client, {
      report: `${folder}/report.json`,
      onText: (text) => {
        if (!ui.json) Deno.stdout.writeSync(new TextEncoder().encode(text));
      },
    });
    const oracle = await oracleRun(model, promptIds, generate, rounding, await keptCoins(rounding, coins)),
      tokens = party1["tokens"] as number[];
    const logits = new Int32Array((await Deno.readFile(output)).buffer),
      equal = tokens.length === oracle.tokens.length && tokens.every((id, i) => id === oracle.tokens[i]) &&
        logits.length === oracle.logits.length && logits.every((value, i) => value === oracle.logits[i]);
    const prepared = await readPrepared(model),
      plan = new SessionPlan(modelSpec(config, prepared, positionCount(shape), rounding), { ...shape, requests: 1 });
    let generatedBytes = 0;
    for (let position = promptIds.length - 1; position < plan.positions; position++) {
      generatedBytes += plan.positionBytes(position);
    }
    const fresh = new SessionPlan(modelSpec(config, prepared, promptIds.length + generate, rounding), {
      promptTokens: promptIds.length + generate,
      generate: 0,
      requests: 1,
    }).keyBytes;
    const result = {
      equal,
      prompt,
      text: party1["text"],
      promptTokens: promptIds.length,
      generatedTokens: tokens.length,
      tokensPerSecond: party1["tokensPerSecond"],
      firstTokenMs: party1["firstTokenMs"],
      onlineMs: party1["onlineMs"],
      keyBytes: [party0["keyBytes"], party1["keyBytes"]],
      keyBytesPerToken: Math.round(generatedBytes / tokens.length),
      keyBytesFreshPass: fresh[0] + fresh[1],
      sentBytes: [party0["sentBytes"], party1["sentBytes"]],
      exchanges: party1["exchanges"],
      engine: party1["engine"],
    };
    ui.result(result, () =>
      [
        "",
        equal
          ? "the secure output equals the clear oracle, bit for bit: every token and every revealed logit"
          : "NOT EQUAL to the clear oracle",
        `  ${tokens.length} tokens at ${result.tokensPerSecond} tokens/s, the first after ${result.firstTokenMs} ms, on ${result.engine}`,
        `  keys ${result.keyBytes.map((bytes) => amount(Number(bytes))).join(" and ")}: ${
          amount(result.keyBytesPerToken)
        } for a token, ${amount(result.keyBytesFreshPass)} for one pass over the whole text`,
        `  sent ${
          result.sentBytes.map((bytes) => amount(Number(bytes))).join(" and ")
        } in ${result.exchanges} exchanges`,
      ].join("\n"));
    return equal ? 0 : 1;
  });
}

/** Greedy tokens and all their logits in the clear. */
async function oracleRun(
  folder: string,
  promptIds: readonly number[],
  generate: number,
  rounding: Rounding,
  options: OracleOptions,
): Promise<{ tokens: number[]; logits: Int32Array }> {
  const positions = positionCount({ promptTokens: promptIds.length, generate }),
    { model, oracle } = await readOracle(folder, positions, rounding, options),
    { vocabCount } = model.config,
    tokens: number[] = [],
    logits = new Int32Array(generate * vocabCount);
  for (let i = 0; i < generate; i++) {
    const row = oracle.tokens(i === 0 ? promptIds : [tokens.at(-1)!]);
    logits.set(row, i * vocabCount);
    tokens.push(argmax(row));
  }
  return { tokens, logits };
}
