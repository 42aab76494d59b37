/**
 * `sluice demo`: dealer, owner of the model and client as three processes on loopback, with the embedded model, checked
 * against the oracle.
 *
 * @module
 */

import { demoModel } from "../assets/demo_model.ts";
import { parseModelConfig } from "../models/config.ts";
import { createTokenizer } from "../models/tokenizer.ts";
import { argmax, type Oracle } from "../pipeline/forward/oracle.ts";
import { positionCount } from "../pipeline/session/session_plan.ts";
import { sessionPlan } from "../roles/lengths.ts";
import type { Command, Options } from "./args.ts";
import { ENGINE_FLAGS, engineValues } from "./engine.ts";
import { isSame, runLocal } from "./local_run.ts";
import { ROUNDING_FLAG, roundingOf } from "./plan_flags.ts";
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
    prompt = options.text("prompt") ?? DEFAULT_PROMPT,
    promptIds = createTokenizer(files["tokenizer.json"]!).encode(prompt),
    promptTokens = promptIds.length,
    generate = options.count("generate", 32, 1);
  if (promptTokens === 0) throw new UsageError("Cannot run an empty prompt");
  if (positionCount({ promptTokens, generate }) > config.maxPositions) {
    throw new UsageError(
      `Cannot generate ${generate} tokens after ${promptTokens} as the model has ${config.maxPositions} positions`,
    );
  }
  const threads = options.count("threads", Math.max(1, navigator.hardwareConcurrency >> 1), 1),
    engine = engineValues(options, threads),
    lengths = { promptTokens, generate, rounding: roundingOf(options) };
  const write = (text: string): void => {
    if (!ui.json) Deno.stdout.writeSync(new TextEncoder().encode(text));
  };
  const { party0, party1, plan, oracle, output } = await runLocal({
    files,
    config: "config.json",
    prepare: {},
    lengths,
    threads,
    engines: [engine, engine],
    client: { prompt, generate },
    onText: write,
    says: ["party 0 prepares the model", "the dealer deals the keys", "party 0 serves, the client asks"],
  }, ui);
  const tokens = party1["tokens"] as number[],
    expected = greedy(oracle, promptIds, generate),
    equal = isSame(tokens, expected.tokens) && isSame(new Int32Array(output), expected.logits);
  let generatedBytes = 0;
  for (let at = promptTokens - 1; at < plan.positions; at++) generatedBytes += plan.positionBytes(at);
  const generatedTokens = tokens.length,
    whole = { ...lengths, promptTokens: promptTokens + generate, generate: 0 },
    [fresh0, fresh1] = sessionPlan(config, plan.model, whole).keyBytes;
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
    const { tokensPerSecond, firstTokenMs, exchanges, engine } = result,
      [keys, sent] = [result.keyBytes, result.sentBytes].map((bytes) =>
        bytes.map((value) => amount(Number(value))).join(" and ")
      ),
      [perToken, freshPass] = [result.keyBytesPerToken, result.keyBytesFreshPass].map((bytes) => amount(bytes));
    return [
      "",
      equal
        ? "the secure output equals the clear oracle, bit for bit: every token and every revealed logit"
        : "NOT EQUAL to the clear oracle",
      `  ${generatedTokens} tokens at ${tokensPerSecond} tokens/s, the first after ${firstTokenMs} ms, on ${engine}`,
      `  keys ${keys}: ${perToken} for a token, ${freshPass} for one pass over the whole text`,
      `  sent ${sent} in ${exchanges} exchanges`,
    ].join("\n");
  });
  return equal ? 0 : 1;
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
