/**
 * `sluice party1`: the client runs one session and prints what the model answers.
 *
 * @module
 */

import { ModelError, ProtocolError } from "../core/errors.ts";
import { createTokenizer, TOKENIZER_CONFIG_FILE, type TokenizerFiles } from "../models/tokenizer.ts";
import { CoinRecord } from "../pipeline/interpreters/coins.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { warmUp } from "../pipeline/session/warm_up.ts";
import { Client } from "../roles/client.ts";
import type { Reading } from "../roles/answers.ts";
import { encodeNpy } from "../roles/npy.ts";
import { OpenRequest } from "../roles/request.ts";
import type { Command, Options } from "./args.ts";
import { ASK_FLAGS, type NamedAsk, readAsked } from "./asked.ts";
import { defaultCache, diskCache, diskFiles, openKeyFolder } from "./disk.ts";
import { ENGINE_FLAGS, type OpenEngine, openEngine, startDevice } from "./engine.ts";
import { Outputs } from "./outputs.ts";
import { costTable, SESSION_FLAGS, sessionNumbers, windowBytes } from "./report.ts";
import { addressOf, openSockets, type Sockets } from "./sockets.ts";
import { stoppable } from "./stop.ts";
import { ledgerOf, openOptions, OWNER_FLAG, ownerOf, TRUST_FLAGS } from "./trust.ts";
import type { Ui } from "./ui.ts";

/** The command. */
export const PARTY1: Command = {
  name: "party1",
  summary: "ask a served model (client)",
  flags: [
    { name: "keys", value: "DIR", help: "the dealer's folder for party 1", required: true },
    { name: "connect", value: "HOST:PORT", help: "party 0's address", required: true },
    OWNER_FLAG,
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
    { name: "tokenizer", value: "FILE", help: "your own tokenizer.json, instead of party 0's" },
    { name: "cache", value: "DIR", help: "keeps tokenizers and seeds by digest (default ~/.cache/sluice)" },
    { name: "wait", value: "SECONDS", help: "how long to try to reach party 0 and be let in (default 60)" },
    ...TRUST_FLAGS,
    ...SESSION_FLAGS,
    ...ENGINE_FLAGS,
  ],
  example: "sluice party1 --keys ./keys/party1 --connect model.example:7700 --identity ./client.id " +
    '--owner sluice-owner1… --prompt "Once upon a time"',
};

/** What the model has answered to one request: up to the first token that ends a text. */
interface Answer {
  readonly id: unknown;
  text: string;
  reading: Reading | null;
  readonly tokens: number[];
  readonly words: Uint32Array[];
  readonly values: number[];
  /** Steps that generated a token, those after the text's end included. */
  generated: number;
  finishReason: "stop" | "length";
}

function emptyAnswer(id: unknown): Answer {
  return { id, text: "", reading: null, tokens: [], words: [], values: [], generated: 0, finishReason: "length" };
}

/** Runs the command. */
export async function party1(options: Options, ui: Ui): Promise<void> {
  await stoppable((signal) => askedOnce(options, ui, signal));
}

async function askedOnce(options: Options, ui: Ui, signal: AbortSignal): Promise<void> {
  const start = performance.now(), address = addressOf(options, "connect"), peers = ownerOf(options);
  const [deadlineMs, chunkTokens] = [1000 * options.count("wait", 60, 1), options.count("chunk", 128, 1)];
  const [keyWindow, cache] = [windowBytes(options), options.text("cache") ?? defaultCache()];
  const folder = await openKeyFolder(options.required("keys"), 1, ledgerOf(options)), { keys } = folder;
  let opened: OpenEngine | undefined, sockets: Sockets | undefined, outputs: Outputs | undefined;
  try {
    // All that can be wrong on this side is found before anybody is asked.
    const asked = await readAsked(options, keys.plan), tokenizer = await ownTokenizer(options);
    assertServed(asked, keys.plan, tokenizer);
    const trust = await openOptions(options, folder, { role: "client", peers, ui });
    outputs = await Outputs.open(options, ["output", "coins", "report"]);
    opened = await openEngine(options, navigator.hardwareConcurrency, (line) => ui.note(line));
    const { engine, settle, threads } = opened;
    sockets = openSockets(options, engine.name);
    await warmUp(engine, keys.plan.model);
    ui.note(`connecting to ${options.required("connect")} as ${trust.identity}`);
    const onUnanswered = ({ message }: Error): void => ui.note(`${message}; trying on`);
    const link = await sockets.connect(address, { ...trust, deadlineMs, signal, onUnanswered });
    const stop = (): void => link.close(new ProtocolError("The client was stopped"));
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    const coins = options.text("coins") === undefined ? undefined : new CoinRecord();
    let readyMs = 0, deviceOf = opened.device;
    const client = new Client({
      link,
      keys,
      engine,
      coins,
      tokenizer,
      cache: diskCache(cache, (line) => ui.note(line)),
      chunkTokens,
      windowBytes: keyWindow,
      onReady: async () => {
        await settle();
        readyMs = performance.now() - start;
        deviceOf = startDevice(opened!);
      },
    });
    try {
      const answers = await ask(client, asked, ui), report = client.report!;
      const result = {
        ...answered(answers, client, readyMs - report.prepareMs),
        ...sessionNumbers(report),
        keysSpent: folder.spent,
        threads,
        ...deviceOf(),
        engine: engine.name,
      };
      if (ui.json) ui.result(result, () => "");
      else {
        const rate = result.generatedTokens === 0 ? "" : `, ${result.tokensPerSecond.toFixed(1)} tokens/s`;
        ui.note(`${(report.onlineMs / 1000).toFixed(2)} s online${rate}`);
        ui.note(costTable(report, options.has("profile")));
      }
      await writeOutputs(outputs, answers, { coins, result, isNpy: options.text("output")?.endsWith(".npy") === true });
    } catch (error) {
      await client.close(error instanceof Error ? error : undefined);
      throw error;
    }
  } catch (error) {
    throw Object.assign(error as Error, { keysSpent: folder.spent });
  } finally {
    await outputs?.close();
    folder.close();
    if (!options.has("keep")) await folder.erase((line) => ui.note(line));
    sockets?.close();
    opened?.close();
  }
}

/** The client's own tokenizer, where it has one. */
async function ownTokenizer(options: Options): Promise<TokenizerFiles | undefined> {
  const path = options.text("tokenizer");
  if (path === undefined) return undefined;
  const [, folder = ".", name = path] = /^(.*)\/([^/]*)$/.exec(path) ?? [], files = diskFiles(folder);
  if (!await files.has(name)) throw new ModelError(`Cannot read ${path} as the file does not exist`);
  const config = await files.has(TOKENIZER_CONFIG_FILE) ? { configJson: await files.read(TOKENIZER_CONFIG_FILE) } : {};
  return { tokenizerJson: await files.read(name), ...config };
}

/** Throws unless keys serve what is asked, as far as that is known without party 0's tokenizer. */
function assertServed(asked: readonly NamedAsk[], plan: SessionPlan, own: TokenizerFiles | undefined): void {
  const tokenizer = own === undefined ? null : createTokenizer(own.tokenizerJson, own.configJson);
  for (const { asked: one } of asked) {
    const needsNone = "states" in one || "prompt" in one && typeof one.prompt !== "string";
    if (tokenizer !== null || needsNone) new OpenRequest(one, plan, tokenizer);
  }
}

/** Asks, and shows the answers: a single one as it comes, several whole and in the order of the prompts. */
async function ask(client: Client, asked: readonly NamedAsk[], ui: Ui): Promise<Answer[]> {
  const single = asked.length === 1, answers = asked.map(({ id }) => emptyAnswer(id));
  let broken: unknown = null;
  const write = (text: string): void => {
    if (ui.json || broken !== null) return;
    try {
      ui.answer(text);
    } catch (error) {
      // A reader that left, as head does, or a full disk must not end the session: party 0 would learn when.
      broken = error;
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
    if (scores.length === 0 && id !== null) {
      answer.generated++;
      if (ended) answer.finishReason = "stop";
      else answer.tokens.push(id);
    }
    if (single) write(said);
  }
  for (const { text } of answers) if (text !== "") write(`${single ? "" : text}\n`);
  if (broken !== null && !(broken instanceof Deno.errors.BrokenPipe)) throw broken;
  return answers;
}

/** The client's own numbers. */
function answered(answers: readonly Answer[], { promptTokens, report }: Client, setupMs: number) {
  const generatedTokens = answers.reduce((sum, { generated }) => sum + generated, 0),
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
    answers: answers.map(({ id, text, tokens, finishReason, reading }) => ({
      ...(id === null ? {} : { id }),
      text,
      tokens,
      finishReason,
      ...(reading === null || reading.kind === "states" ? {} : reading),
    })),
  };
}

/** What was revealed, as integers. */
async function wordsOf(answers: readonly Answer[]): Promise<Uint8Array> {
  return await new Blob(answers.flatMap(({ words }) => words) as BlobPart[]).bytes();
}

/** What was revealed, in real units: a row for each request where all have one length. */
function npyOf(answers: readonly Answer[]): Uint8Array {
  const rows = answers.map(({ values }) => values), width = rows[0]!.length;
  const isRegular = rows.every(({ length }) => length === width);
  return encodeNpy(rows.flat(), isRegular ? [rows.length, width] : [rows.reduce((sum, { length }) => sum + length, 0)]);
}

/** Writes the revealed words, the coins and the report where the user wants them. */
async function writeOutputs(
  outputs: Outputs,
  answers: readonly Answer[],
  { coins, result, isNpy }: {
    readonly coins: CoinRecord | undefined;
    readonly result: unknown;
    readonly isNpy: boolean;
  },
): Promise<void> {
  await outputs.write("report", () => new TextEncoder().encode(JSON.stringify(result)));
  await outputs.write("output", () => isNpy ? npyOf(answers) : wordsOf(answers));
  await outputs.write("coins", () => coins!.encode());
}
