/**
 * `sluice party1`: the client runs one session and prints what the model answers.
 *
 * @module
 */

import type { Weights } from "../core/engine.ts";
import type { StreamDecoder, Tokenizer } from "../models/tokenizer.ts";
import { type ModelSpec, outputScale, weightRefs } from "../pipeline/model_spec.ts";
import { argmax } from "../pipeline/oracle.ts";
import { PartySession, type RequestShape } from "../pipeline/session.ts";
import { warmUp } from "../pipeline/warm_up.ts";
import { maskedMatrix } from "../pipeline/weights.ts";
import { claimKeys } from "../transport/key_file.ts";
import type { Command, Options } from "./_args.ts";
import { ASK_FLAGS, type Asked, askedRequests } from "./_asked.ts";
import { ENGINE_FLAGS, openEngine } from "./_engine.ts";
import { defaultCache, receiveModel } from "./_received_model.ts";
import { costTable, openKeys, SESSION_FLAGS, sessionReport } from "./_session.ts";
import { openSockets } from "./_sockets.ts";
import { amount, type Ui } from "./_ui.ts";
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
    { name: "output", value: "FILE", help: "also write the revealed words: i32, little-endian, request by request" },
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
  /** Takes one revealed output and returns the text that it completes: of tokens, or the name of a class. */
  take(output: Uint32Array): string {
    this.words.push(output.slice());
    const { scope, config } = this.#model, values = new Int32Array(output.buffer, output.byteOffset, output.length);
    if (scope === "blocks" || config.head === "pooled" || config.head === "hidden") return "";
    const best = argmax(values);
    if (config.head === "classes") {
      const scores = Array.from(values, (value) => (value / 2 ** outputScale(this.#model)).toFixed(3));
      return this.#add(`${config.labels[best] ?? best} (${scores.join(", ")})`);
    }
    this.ids.push(best);
    return this.#add(this.#stream === undefined ? `${best} ` : this.#stream.push(best));
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
  const keys = await openKeys(options.required("keys"), 1),
    opened = await openEngine(options, navigator.hardwareConcurrency, (line) => ui.note(line)),
    { engine } = opened,
    sockets = openSockets(options, engine.name);
  try {
    await warmUp(engine);
    ui.note(`connecting to ${options.required("connect")}`);
    const link = await sockets.connect(address, {
      linkKey: keys.linkKey,
      identity: keys.identity,
      deadlineMs: options.count("wait", 60, 1) * 1000,
    });
    try {
      const received = await receiveModel(link, options.text("cache") ?? defaultCache(), keys.identity.weightsId),
        weights = new Map<string, Weights>();
      const asked = await askedRequests(options, keys, received.tokenizer),
        answers = asked.map((request) => new Answer(request, keys.model, received.tokenizer));
      for (const [i, ref] of weightRefs(keys.model).entries()) {
        weights.set(
          ref.name,
          engine.weights(maskedMatrix(received.seed, i, ref.inputs * ref.outputs), ref.inputs, ref.outputs),
        );
      }
      const shapes: RequestShape[] = asked.map(({ promptTokens, generate }) => ({ promptTokens, generate })),
        chunkTokens = options.count("chunk", 128, 1);
      const session = new PartySession({
        plan: keys.plan,
        engine,
        channel: link,
        keys: keys.file,
        seed: keys.seed,
        salt: keys.salt,
        weights: (name) => weights.get(name)!,
        constants: null,
        chunkTokens,
        windowBytes: options.count("key-window", 256, 1) * 1e6,
        now: () => performance.now(),
      });
      const setupMs = performance.now() - start, prepareStart = performance.now();
      session.prepare(shapes);
      session.reserve(shapes);
      const prepareMs = performance.now() - prepareStart;
      await claimKeys(keys.folder, keys.identity.session);
      link.sendControl("requests", { requests: shapes.map((shape) => ({ ...shape })), chunkTokens });
      await link.receiveControl("ready");
      const setupBytes = link.stats.wireBytes,
        begin = performance.now(),
        write = (text: string): void => {
          if (!ui.json) Deno.stdout.writeSync(new TextEncoder().encode(text));
        };
      // One answer is shown as it comes; several are shown whole, in the order of the prompts.
      const single = answers.length === 1,
        inputs = answers.map((answer) => (chunk: { from: number; count: number }) => {
          const known = [...(answer.asked.ids ?? []), ...answer.ids];
          return answer.asked.input(known.slice(chunk.from, chunk.from + chunk.count), chunk);
        });
      let firstTokenMs = 0;
      await session.run(shapes, inputs, (request, output) => {
        if (firstTokenMs === 0) firstTokenMs = performance.now() - begin;
        const piece = answers[request]!.take(output!);
        if (single) write(piece);
      });
      const onlineMs = performance.now() - begin;
      for (const answer of answers) {
        const rest = answer.finish();
        if (answer.text !== "") write(`${single ? rest : answer.text}\n`);
      }
      link.close();
      await link.closed;
      const file = options.text("output");
      if (file !== undefined) {
        await Deno.writeFile(
          file,
          new Uint8Array(concat(answers.flatMap((answer) => answer.words)).buffer),
        );
      }
      const report = sessionReport(session, link, keys),
        generatedTokens = answers.reduce((sum, answer) => sum + answer.ids.length, 0),
        tokensPerSecond = generatedTokens / (onlineMs / 1000);
      const result = {
        text: answers.map((answer) => answer.text).join("\n"),
        tokens: answers[0]!.ids,
        promptTokens: asked.reduce((sum, request) => sum + request.promptTokens, 0),
        generatedTokens,
        tokensPerSecond: Math.round(tokensPerSecond * 100) / 100,
        firstTokenMs: Math.round(firstTokenMs),
        onlineMs: Math.round(onlineMs),
        setupMs: Math.round(setupMs),
        setupBytes,
        prepareMs: Math.round(prepareMs),
        ...report,
        threads: opened.threads,
        ...opened.device(),
        engine: engine.name,
        answers: answers.map(({ text, ids }) => ({ text, tokens: ids })),
      };
      const reportFile = options.text("report");
      if (reportFile !== undefined) await Deno.writeTextFile(reportFile, JSON.stringify(result));
      if (ui.json) ui.result(result, () => "");
      else {
        ui.note(`${(onlineMs / 1000).toFixed(2)} s online, ${tokensPerSecond.toFixed(1)} tokens/s`);
        ui.note(costTable(session, link, keys, options.has("profile")));
      }
    } catch (error) {
      link.close(error instanceof Error ? error : undefined);
      await link.closed;
      throw error;
    }
  } finally {
    keys.file.close();
    sockets.close();
    opened.close();
  }
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
