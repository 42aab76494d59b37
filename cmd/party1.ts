/**
 * `sluice party1`: the client runs one session and prints what the model answers.
 *
 * @module
 */

import type { Engine, Weights } from "../core/engine.ts";
import { ProtocolError } from "../core/errors.ts";
import type { Seed } from "../core/prg/seed.ts";
import type { Positions } from "../core/protocols/layers/attention.ts";
import type { StreamDecoder, Tokenizer } from "../models/tokenizer.ts";
import { toSignedNumbers, wordsPerElement } from "../core/ring/words.ts";
import { CoinRecord } from "../pipeline/interpreters/coins.ts";
import { matrixWords, type ModelSpec, outputBits, outputScale, weightRefs } from "../pipeline/forward/model_spec.ts";
import { argmax } from "../pipeline/forward/oracle.ts";
import type { PartySession, RequestShape } from "../pipeline/session/session.ts";
import { warmUp } from "../pipeline/session/warm_up.ts";
import { maskedMatrix } from "../pipeline/forward/weights.ts";
import { claimKeys } from "../transport/key_file.ts";
import type { Command, Options } from "./args.ts";
import { ASK_FLAGS, type Asked, askedRequests } from "./asked.ts";
import { ENGINE_FLAGS, openEngine, startDevice } from "./engine.ts";
import { defaultCache, receiveModel } from "./received_model.ts";
import { costTable, type OpenKeys, openKeys, openSession, SESSION_FLAGS, sessionReport } from "./session.ts";
import { openSockets } from "./sockets.ts";
import type { Ui } from "./ui.ts";
import { addressOf } from "./party0.ts";

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
      help: "also write the revealed integers: i32, or i64 of wider rings, little-endian",
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

/** One request while it runs. */
class Answer {
  readonly asked: Asked;
  readonly ids: number[] = [];
  readonly words: Uint32Array[] = [];
  text = "";
  readonly #model: ModelSpec;
  readonly #stream: StreamDecoder | undefined;

  constructor(asked: Asked, model: ModelSpec, tokenizer: Tokenizer | null) {
    this.asked = asked;
    this.#model = model;
    this.#stream = tokenizer?.createStreamDecoder();
  }
  /** The words of a chunk: of the prompt, and of the tokens that were generated so far. */
  input(chunk: Positions): Uint32Array {
    const known = [...(this.asked.ids ?? []), ...this.ids];
    return this.asked.input(known.slice(chunk.from, chunk.from + chunk.count), chunk);
  }
  /** Takes one revealed output and returns the text that it completes: of tokens, or the name of a class. */
  take(output: Uint32Array): string {
    const { scope, config } = this.#model,
      width = wordsPerElement(outputBits(this.#model));
    const rows = scope === "blocks" || config.head === "hidden", real = this.asked.realTokens * config.hiddenWidth;
    // A row for each token: those of padding mean nothing.
    this.words.push(output.slice(0, rows ? real * width : output.length));
    if (scope === "blocks" || config.head === "pooled" || config.head === "hidden") return "";
    // Of tokens and classes alone, which have 32 bits: a value that leaves a wider ring must not end the session.
    const values = toSignedNumbers(output, 32 * width), best = argmax(values);
    if (config.head === "classes") {
      const scores = Array.from(values, (value) => (value / 2 ** outputScale(this.#model)).toFixed(3));
      return this.#add(`${config.labels[best] ?? best} (${scores.join(", ")})`);
    }
    this.ids.push(best);
    return this.#add(this.#decode(best));
  }
  /** Text of a generated token. One that the tokenizer lacks must not end the session: party 0 would learn when it came. */
  #decode(id: number): string {
    if (this.#stream === undefined) return `${id} `;
    try {
      return this.#stream.push(id);
    } catch (error) {
      if (error instanceof RangeError) return "\uFFFD";
      throw error;
    }
  }
  finish(): string {
    return this.#add(this.#model.config.head === "tokens" ? this.#stream?.finish() ?? "" : "");
  }
  #add(piece: string): string {
    this.text += piece;
    return piece;
  }
}

/** Runs the command. */
export async function party1(options: Options, ui: Ui): Promise<void> {
  const start = performance.now(), address = addressOf(options.required("connect"));
  const keys = await openKeys(options.required("keys"), 1), { identity, linkKey } = keys;
  const opened = await openEngine(options, navigator.hardwareConcurrency, (line) => ui.note(line)), { engine } = opened;
  const sockets = openSockets(options, engine.name);
  try {
    await warmUp(engine, keys.model);
    ui.note(`connecting to ${options.required("connect")}`);
    let asked = false;
    const link = await sockets.connect(address, { linkKey, identity, deadlineMs: options.count("wait", 60, 1) * 1000 });
    try {
      const { tokenizer, seed } = await receiveModel(link, options.text("cache") ?? defaultCache(), identity.weightsId);
      const answers = (await askedRequests(options, keys, tokenizer)).map((asked) =>
        new Answer(asked, keys.model, tokenizer)
      );
      const weights = maskedWeights(keys, seed, engine),
        shapes = answers.map(({ asked }): RequestShape => ({
          promptTokens: asked.promptTokens,
          generate: asked.generate,
        }));
      const chunkTokens = options.count("chunk", 128, 1),
        coins = options.text("coins") === undefined ? undefined : new CoinRecord(),
        session = openSession(options, keys, { engine, link, weights, vectors: null, chunkTokens, coins });

      // What needs no input is made before the clock starts.
      const setupMs = performance.now() - start, prepareStart = performance.now();
      session.prepare(shapes);
      session.reserve(shapes);
      await opened.settle();
      const prepareMs = performance.now() - prepareStart;
      await claimKeys(keys.folder, identity.session);
      asked = true;
      link.sendControl("requests", { requests: shapes.map((shape) => ({ ...shape })), chunkTokens });
      await link.receiveControl("ready");
      const setupBytes = link.stats.wireBytes,
        deviceOf = startDevice(opened),
        { onlineMs, firstTokenMs } = await ask(session, answers, ui);
      link.close();
      await link.closed;

      const times = { firstTokenMs, onlineMs, setupMs, setupBytes, prepareMs };
      const result = {
        ...answered(answers, times),
        ...sessionReport(session, link, keys),
        threads: opened.threads,
        ...deviceOf(),
        engine: engine.name,
      };
      await writeFiles(options, answers, coins, result);
      if (ui.json) ui.result(result, () => "");
      else {
        const rate = result.generatedTokens === 0 ? "" : `, ${result.tokensPerSecond.toFixed(1)} tokens/s`;
        ui.note(`${(onlineMs / 1000).toFixed(2)} s online${rate}`);
        ui.note(costTable(session, link, keys, options.has("profile")));
      }
    } catch (error) {
      // Why the client does not ask, for instance that its text is too long for the keys, is its own affair.
      const silent = !asked && !(error instanceof ProtocolError);
      link.close(silent ? new ProtocolError("The client asks nothing") : error instanceof Error ? error : undefined);
      await link.closed;
      throw error;
    }
  } finally {
    keys.file.close();
    sockets.close();
    opened.close();
  }
}

/** Ŵ of every matrix, from the client's seed. */
function maskedWeights({ model }: OpenKeys, seed: Seed, engine: Engine): Map<string, Weights> {
  return new Map(
    weightRefs(model).map((ref, i) => {
      const { name, inputs, outputs } = ref, width = matrixWords(model, ref);
      return [name, engine.weights(maskedMatrix(seed, i, inputs * outputs, width), inputs, outputs, width)];
    }),
  );
}

/** Runs the requests and shows their answers: a single one as it comes, several whole and in the order of the prompts. */
async function ask(
  session: PartySession,
  answers: readonly Answer[],
  ui: Ui,
): Promise<{ onlineMs: number; firstTokenMs: number }> {
  const begin = performance.now(), single = answers.length === 1;
  const write = (text: string): void => {
    if (ui.json) return;
    try {
      Deno.stdout.writeSync(new TextEncoder().encode(text));
    } catch (error) {
      // A reader that left, as head does, must not end the session: party 0 would learn after which token.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  };
  let firstTokenMs = 0;
  await session.run(
    answers.map(({ asked }) => asked),
    answers.map((answer) => ({
      realTokens: answer.asked.realTokens,
      input: (chunk: Positions) => answer.input(chunk),
    })),
    (request, output) => {
      if (firstTokenMs === 0) firstTokenMs = performance.now() - begin;
      const piece = answers[request]!.take(output!);
      if (single) write(piece);
    },
  );
  const onlineMs = performance.now() - begin;
  for (const answer of answers) {
    const rest = answer.finish();
    if (answer.text !== "") write(`${single ? rest : answer.text}\n`);
  }
  return { onlineMs, firstTokenMs };
}

/** The client's own numbers. */
function answered(
  answers: readonly Answer[],
  times: Readonly<Record<"firstTokenMs" | "onlineMs" | "setupMs" | "setupBytes" | "prepareMs", number>>,
) {
  const generatedTokens = answers.reduce((sum, answer) => sum + answer.ids.length, 0), seconds = times.onlineMs / 1000;
  return {
    text: answers.map((answer) => answer.text).join("\n"),
    tokens: answers[0]!.ids,
    promptTokens: answers.reduce((sum, { asked }) => sum + asked.realTokens, 0),
    generatedTokens,
    tokensPerSecond: Math.round(100 * generatedTokens / seconds) / 100,
    firstTokenMs: Math.round(times.firstTokenMs),
    onlineMs: Math.round(times.onlineMs),
    setupMs: Math.round(times.setupMs),
    setupBytes: times.setupBytes,
    prepareMs: Math.round(times.prepareMs),
    answers: answers.map(({ text, ids }) => ({ text, tokens: ids })),
  };
}

/** Writes the revealed words and the report where the user wants them. */
async function writeFiles(
  options: Options,
  answers: readonly Answer[],
  coins: CoinRecord | undefined,
  result: unknown,
): Promise<void> {
  const output = options.text("output"), report = options.text("report");
  if (output !== undefined) {
    await Deno.writeFile(
      output,
      new Uint8Array(concat(answers.flatMap((answer) => answer.words)).buffer),
      { mode: 0o600 },
    );
  }
  if (coins !== undefined) await Deno.writeFile(options.required("coins"), await coins.encode(), { mode: 0o600 });
  if (report !== undefined) await Deno.writeTextFile(report, JSON.stringify(result), { mode: 0o600 });
}

function concat(parts: readonly Uint32Array[]): Uint32Array {
  const out = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
