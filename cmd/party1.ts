/**
 * `sluice party1`: the client runs one session and prints what the model answers.
 *
 * @module
 */

import { CoinRecord } from "../pipeline/interpreters/coins.ts";
import { warmUp } from "../pipeline/session/warm_up.ts";
import { Client } from "../roles/client.ts";
import type { Reading } from "../roles/answers.ts";
import { encodeNpy } from "../roles/npy.ts";
import type { Command, Options } from "./args.ts";
import { ASK_FLAGS, type NamedAsk, readAsked } from "./asked.ts";
import { defaultCache, diskCache, openKeyFolder } from "./disk.ts";
import { ENGINE_FLAGS, openEngine, startDevice } from "./engine.ts";
import { costTable, SESSION_FLAGS, sessionNumbers, windowBytes } from "./report.ts";
import { addressOf, openSockets } from "./sockets.ts";
import type { Ui } from "./ui.ts";

/** The command. */
export const PARTY1: Command = {
  name: "party1",
  summary: "ask a served model (client)",
  flags: [
    { name: "keys", value: "DIR", help: "the dealer's folder for party 1", required: true },
    { name: "connect", value: "HOST:PORT", help: "party 0's address", required: true },
    ...ASK_FLAGS,
    { name: "chunk", value: "N", help: "prompt tokens that go through a layer together (default 128)" },
    {
      name: "output",
      value: "FILE",
      help:
        "also write what was revealed: as .npy in real units where the name ends so, else the integers, i32, or i64 of wider rings, little-endian",
    },
    {
      name: "coins",
      value: "FILE",
      help: "also write the public coins of dithered rounding, for whoever checks the run",
    },
    { name: "report", value: "FILE", help: "also write the JSON result to a file" },
    { name: "cache", value: "DIR", help: "keeps tokenizers and seeds by weights id (default ~/.cache/sluice)" },
    { name: "wait", value: "SECONDS", help: "how long to try to reach party 0 (default 60)" },
    ...SESSION_FLAGS,
    ...ENGINE_FLAGS,
  ],
  example: 'sluice party1 --keys ./keys/party1 --connect model.example:7700 --prompt "Once upon a time"',
};

/** What the model has answered to one request. */
interface Answer {
  readonly id: unknown;
  text: string;
  reading: Reading | null;
  readonly tokens: number[];
  readonly words: Uint32Array[];
  readonly values: number[];
}

/** Runs the command. */
export async function party1(options: Options, ui: Ui): Promise<void> {
  const start = performance.now(), address = addressOf(options, "connect");
  const { keys, linkKey, close } = await openKeyFolder(options.required("keys"), 1), { identity } = keys;
  const opened = await openEngine(options, navigator.hardwareConcurrency, (line) => ui.note(line)), { engine } = opened;
  const sockets = openSockets(options, engine.name);
  try {
    await warmUp(engine, keys.plan.model);
    ui.note(`connecting to ${options.required("connect")}`);
    const link = await sockets.connect(address, { linkKey, identity, deadlineMs: options.count("wait", 60, 1) * 1000 });
    const coins = options.text("coins") === undefined ? undefined : new CoinRecord();
    let readyMs = 0, deviceOf = opened.device;
    const client = new Client({
      link,
      keys,
      engine,
      coins,
      cache: diskCache(options.text("cache") ?? defaultCache()),
      chunkTokens: options.count("chunk", 128, 1),
      windowBytes: windowBytes(options),
      onReady: async () => {
        await opened.settle();
        readyMs = performance.now() - start;
        deviceOf = startDevice(opened);
      },
    });
    try {
      await client.tokenizer();
      const answers = await ask(client, await readAsked(options, keys.plan), ui), report = client.report!;
      const result = {
        ...answered(answers, client, readyMs - report.prepareMs),
        ...sessionNumbers(report),
        threads: opened.threads,
        ...deviceOf(),
        engine: engine.name,
      };
      await writeFiles(options, answers, coins, result);
      if (ui.json) return ui.result(result, () => "");
      const rate = result.generatedTokens === 0 ? "" : `, ${result.tokensPerSecond.toFixed(1)} tokens/s`;
      ui.note(`${(report.onlineMs / 1000).toFixed(2)} s online${rate}`);
      ui.note(costTable(report, options.has("profile")));
    } catch (error) {
      await client.close(error instanceof Error ? error : undefined);
      throw error;
    }
  } finally {
    close();
    sockets.close();
    opened.close();
  }
}

/** Asks, and shows the answers: a single one as it comes, several whole and in the order of the prompts. */
async function ask(client: Client, asked: readonly NamedAsk[], ui: Ui): Promise<Answer[]> {
  const answers = asked.map(({ id }): Answer => ({ id, text: "", reading: null, tokens: [], words: [], values: [] })),
    single = asked.length === 1;
  const write = (text: string): void => {
    if (ui.json) return;
    try {
      Deno.stdout.writeSync(new TextEncoder().encode(text));
    } catch (error) {
      // A reader that left, as head does, must not end the session: party 0 would learn after which token.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  };
  for await (
    const { request, text, id, ended, scores, reading, words, values } of client.ask(asked.map(({ asked }) => asked))
  ) {
    const answer = answers[request]!,
      said = scores.length === 0 ? text : `${text} (${scores.map((score) => score.toFixed(3)).join(", ")})`;
    answer.text += said;
    answer.words.push(words);
    // A text's vector, or what was revealed.
    if (reading?.kind === "embedding") answer.values.splice(0, Infinity, ...reading.vector);
    else for (const value of values) answer.values.push(value);
    answer.reading ??= reading;
    if (scores.length === 0 && id !== null && !ended) answer.tokens.push(id);
    if (single) write(said);
  }
  for (const { text } of answers) if (text !== "") write(`${single ? "" : text}\n`);
  return answers;
}

/** The client's own numbers. */
function answered(answers: readonly Answer[], { promptTokens, report }: Client, setupMs: number) {
  const generatedTokens = answers.reduce((sum, { tokens }) => sum + tokens.length, 0),
    { firstMs, onlineMs, setupBytes, prepareMs } = report!;
  return {
    text: answers.map(({ text }) => text).join("\n"),
    tokens: answers[0]!.tokens,
    promptTokens,
    generatedTokens,
    tokensPerSecond: Math.round(100_000 * generatedTokens / onlineMs) / 100,
    firstTokenMs: Math.round(firstMs),
    onlineMs: Math.round(onlineMs),
    setupMs: Math.round(setupMs),
    setupBytes,
    prepareMs: Math.round(prepareMs),
    answers: answers.map(({ id, text, tokens, reading }) => ({
      ...(id === null ? {} : { id }),
      text,
      tokens,
      ...(reading === null || reading.kind === "states" ? {} : reading),
    })),
  };
}

/** Writes the revealed words and the report where the user wants them. */
async function writeFiles(
  options: Options,
  answers: readonly Answer[],
  coins: CoinRecord | undefined,
  result: unknown,
): Promise<void> {
  const output = options.text("output"), report = options.text("report"), mode = 0o600;
  if (output?.endsWith(".npy")) {
    const rows = answers.map(({ values }) => values), width = rows[0]!.length;
    const isRegular = rows.every(({ length }) => length === width);
    const shape = isRegular ? [rows.length, width] : [rows.reduce((sum, { length }) => sum + length, 0)];
    await Deno.writeFile(output, encodeNpy(rows.flat(), shape), { mode });
  } else if (output !== undefined) {
    const words = answers.flatMap((answer) => answer.words);
    await Deno.writeFile(output, await new Blob(words as BlobPart[]).bytes(), { mode });
  }
  if (coins !== undefined) await Deno.writeFile(options.required("coins"), await coins.encode(), { mode });
  if (report !== undefined) await Deno.writeTextFile(report, JSON.stringify(result), { mode });
}
