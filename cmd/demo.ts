/**
 * `sluice demo`: dealer, owner of the model and client as three processes on loopback, with the embedded model, checked against the oracle.
 *
 * @module
 */

import { demoModel } from "../assets/demo_model.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import { parseModelConfig } from "../models/config.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import { argmax, type Oracle } from "../pipeline/forward/oracle.ts";
import { positionCount, type SessionPlan } from "../pipeline/session/session_plan.ts";
import { sessionPlan } from "../roles/lengths.ts";
import { MASKS_FILE, SLUICE_FILE } from "../roles/model_folder.ts";
import type { Command, Options, Values } from "./args.ts";
import { ENGINE_FLAGS, engineValues } from "./engine.ts";
import { readOracle } from "./oracle.ts";
import { ROUNDING_FLAG, roundingOf } from "./plan_flags.ts";
import { type PartyResults, runParties, spawn } from "./process.ts";
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
  const config = parseModelConfig(demoModel()["config.json"]!), prompt = options.text("prompt") ?? DEFAULT_PROMPT;
  const promptIds = createTokenizer(demoModel()["tokenizer.json"]!).encode(prompt), promptTokens = promptIds.length;
  const generate = options.count("generate", 32, 1);
  if (promptTokens === 0) throw new UsageError("Cannot run an empty prompt");
  if (positionCount({ promptTokens, generate }) > config.maxPositions) {
    throw new UsageError(
      `Cannot generate ${generate} tokens after ${promptTokens} as the model has ${config.maxPositions} positions`,
    );
  }
  const threads = options.count("threads", Math.max(1, navigator.hardwareConcurrency >> 1), 1),
    engine = engineValues(options, threads),
    asked = { prompt, promptIds, generate, rounding: roundingOf(options) };
  const { party0, party1, equal, plan } = await withTempFolder((folder) =>
    runAll(asked, { engine, threads, folder, ui })
  );
  let generatedBytes = 0;
  for (let at = promptTokens - 1; at < plan.positions; at++) generatedBytes += plan.positionBytes(at);
  const generatedTokens = (party1["tokens"] as number[]).length,
    [fresh0, fresh1] =
      sessionPlan(config, plan.model, { ...asked, promptTokens: promptTokens + generate, generate: 0 }).keyBytes;
  const result = {
    equal,
    prompt,
    text: party1["text"],
    promptTokens,
    generatedTokens,
    tokensPerSecond: party1["tokensPerSecond"],
    firstTokenMs: party1["firstTokenMs"],
    onlineMs: party1["onlineMs"],
    keyBytes: [party0["keyBytes"], party1["keyBytes"]],
    keyBytesPerToken: Math.round(generatedBytes / generatedTokens),
    keyBytesFreshPass: fresh0 + fresh1,
    sentBytes: [party0["sentBytes"], party1["sentBytes"]],
    exchanges: party1["exchanges"],
    engine: party1["engine"],
  };
  ui.result(result, () => {
    const { tokensPerSecond, firstTokenMs, exchanges } = result,
      [keys, sent] = [result.keyBytes, result.sentBytes].map((bytes) =>
        bytes.map((value) => amount(Number(value))).join(" and ")
      ),
      [perToken, freshPass] = [result.keyBytesPerToken, result.keyBytesFreshPass].map((bytes) => amount(bytes));
    return [
      "",
      equal
        ? "the secure output equals the clear oracle, bit for bit: every token and every revealed logit"
        : "NOT EQUAL to the clear oracle",
      `  ${generatedTokens} tokens at ${tokensPerSecond} tokens/s, the first after ${firstTokenMs} ms, on ${result.engine}`,
      `  keys ${keys}: ${perToken} for a token, ${freshPass} for one pass over the whole text`,
      `  sent ${sent} in ${exchanges} exchanges`,
    ].join("\n");
  });
  return equal ? 0 : 1;
}

/** What is asked of the model. */
interface Asked {
  readonly prompt: string;
  readonly promptIds: readonly number[];
  readonly generate: number;
  readonly rounding: Rounding;
}

/** Owner, dealer and both parties as processes, then the oracle. */
async function runAll(
  { prompt, promptIds, generate, rounding }: Asked,
  { engine, threads, folder, ui }: {
    readonly engine: Values;
    readonly threads: number;
    readonly folder: string;
    readonly ui: Ui;
  },
): Promise<PartyResults & { readonly equal: boolean; readonly plan: SessionPlan }> {
  const path = (name: string): string => `${folder}/${name}`,
    model = path("model"),
    dealer = path("dealer"),
    keys = path("keys");
  await Deno.mkdir(model);
  for (const [name, bytes] of Object.entries(demoModel())) await Deno.writeFile(`${model}/${name}`, bytes);
  ui.note("party 0 prepares the model");
  await spawn("prepare", { model }).result;
  // The dealer gets the public files and the masks of the weights, and nothing else.
  await Deno.mkdir(dealer);
  for (const name of ["config.json", SLUICE_FILE, MASKS_FILE]) {
    await Deno.copyFile(`${model}/${name}`, `${dealer}/${name}`);
  }
  ui.note("the dealer deals the keys");
  const lengths = { promptTokens: promptIds.length, generate, rounding };
  await spawn("keygen", { model: dealer, "prompt-tokens": promptIds.length, generate, rounding, out: keys, threads })
    .result;
  ui.note("party 0 serves, the client asks");
  const write = (text: string): void => {
    if (!ui.json) Deno.stdout.writeSync(new TextEncoder().encode(text));
  };
  write(prompt);
  const output = path("output"),
    coins = path("coins"),
    client = {
      prompt,
      generate,
      output,
      cache: path("cache"),
      coins: rounding === "dither" ? coins : undefined,
    };
  const text = { report: path("report.json"), onText: write },
    results = await runParties({ model, keys, engines: [engine, engine], client, text });
  const { plan, oracle } = await readOracle(model, lengths, coins),
    expected = greedy(oracle, promptIds, generate),
    tokens = results.party1["tokens"] as number[],
    logits = new Int32Array((await Deno.readFile(output)).buffer);
  const equal = same(tokens, expected.tokens) && same(logits, expected.logits);
  return { ...results, equal, plan };
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((value, i) => value === b[i]);
}

/** Greedy tokens and all their logits in the clear. */
function greedy(
  oracle: Oracle,
  promptIds: readonly number[],
  generate: number,
): { tokens: number[]; logits: number[] } {
  const tokens: number[] = [], logits: number[] = [];
  for (let next = promptIds; tokens.length < generate; next = tokens.slice(-1)) {
    const row = oracle.tokens(next);
    for (const logit of row) logits.push(logit);
    tokens.push(argmax(row));
  }
  return { tokens, logits };
}
