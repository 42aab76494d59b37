/**
 * `sluice party1`: the client runs one session and prints what the model answers.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import type { Weights } from "../core/engine.ts";
import { Seed, SEED_BYTES } from "../core/prg/seed.ts";
import { syntheticInput } from "../models/synthetic.ts";
import { createTokenizer, type StreamDecoder, type Tokenizer } from "../models/tokenizer.ts";
import { weightRefs } from "../pipeline/forward.ts";
import { argmax } from "../pipeline/oracle.ts";
import { type ChunkInput, PartySession, type RequestShape } from "../pipeline/session.ts";
import { positionCount } from "../pipeline/session_plan.ts";
import { warmUp } from "../pipeline/warm_up.ts";
import { maskedMatrix } from "../pipeline/weights.ts";
import { claimKeys } from "../transport/key_file.ts";
import type { Link } from "../transport/link.ts";
import { connect } from "../transport/tcp.ts";
import type { Command, Options } from "./_args.ts";
import { ENGINE_FLAGS, openEngine } from "./_engine.ts";
import { type OpenKeys, openKeys, SESSION_FLAGS, sessionReport } from "./_session.ts";
import { amount, type Ui, UsageError } from "./_ui.ts";
import { addressOf } from "./party0.ts";

/** The command. */
export const PARTY1: Command = {
  name: "party1",
  summary: "ask a served model (client)",
  flags: [
    { name: "keys", value: "DIR", help: "the dealer's folder for party 1", required: true },
    { name: "connect", value: "HOST:PORT", help: "party 0's address", required: true },
    { name: "prompt", value: "TEXT", help: "the prompt; party 0 learns its length in tokens and nothing else" },
    { name: "prompt-ids", value: "IDS", help: "the prompt as token ids, separated by commas" },
    { name: "input-seed", value: "SEED", help: "hidden states from a seed, for keys of blocks alone" },
    { name: "generate", value: "M", help: "tokens to generate (default: what the keys were dealt for)" },
    { name: "output", value: "FILE", help: "also write the revealed words: i32, little-endian" },
    { name: "report", value: "FILE", help: "also write the JSON result to a file" },
    { name: "wait", value: "SECONDS", help: "how long to try to reach party 0 (default 60)" },
    ...SESSION_FLAGS,
    ...ENGINE_FLAGS,
  ],
  example: 'sluice party1 --keys ./keys/party1 --connect model.example:7700 --prompt "Once upon a time"',
};

/** What party 0 sends of its model. */
interface ReceivedModel {
  readonly tokenizer: Tokenizer | null;
  readonly seed: Seed;
}

/** Runs the command. */
export async function party1(options: Options, ui: Ui): Promise<void> {
  const start = performance.now(),
    address = addressOf(options.required("connect")),
    keys = await openKeys(options.required("keys"), 1);
  const opened = await openEngine(options, navigator.hardwareConcurrency), { engine } = opened, { config } = keys.model;
  try {
    await warmUp(engine);
    ui.note(`connecting to ${options.required("connect")}`);
    const link = await connect(address, {
      linkKey: keys.linkKey,
      identity: keys.identity,
      deadlineMs: options.count("wait", 60, 1) * 1000,
    });
    try {
      const received = await receiveModel(link), weights = new Map<string, Weights>();
      for (const [i, ref] of weightRefs(keys.model).entries()) {
        weights.set(
          ref.name,
          engine.weights(maskedMatrix(received.seed, i, ref.inputs * ref.outputs), ref.inputs, ref.outputs),
        );
      }
      const asked = askedFor(options, keys, received.tokenizer),
        shape: RequestShape = { promptTokens: asked.count, generate: asked.generate };
      const session = new PartySession({
        plan: keys.plan,
        engine,
        channel: link,
        keys: keys.file,
        seed: keys.seed,
        salt: keys.salt,
        weights: (name) => weights.get(name)!,
        chunkTokens: options.count("chunk", 128, 1),
        windowBytes: options.count("key-window", 256, 1) * 1e6,
        now: () => performance.now(),
      });
      const setupMs = performance.now() - start, prepareStart = performance.now();
      session.prepare([shape]);
      session.reserve([shape]);
      const prepareMs = performance.now() - prepareStart;
      await claimKeys(keys.folder, keys.identity.session);
      link.sendControl("requests", { requests: [{ ...shape }] });
      await link.receiveControl("ready");
      const setupBytes = link.stats.wireBytes,
        begin = performance.now(),
        ids: number[] = [],
        words: Uint32Array[] = [],
        stream = received.tokenizer?.createStreamDecoder();
      let firstTokenMs = 0, text = "";
      const inputs: ChunkInput[] = [
        ({ from, count }) => asked.input([...(asked.ids ?? []), ...ids].slice(from, from + count), from, count),
      ];
      await session.run([shape], inputs, (_request, output) => {
        words.push(output!.slice());
        if (firstTokenMs === 0) firstTokenMs = performance.now() - begin;
        if (asked.ids === null || ids.length >= asked.generate) return;
        ids.push(argmax(new Int32Array(output!.buffer, output!.byteOffset, output!.length)));
        text += print(ui, stream, ids.at(-1)!);
      });
      const onlineMs = performance.now() - begin;
      text += stream?.finish() ?? "";
      if (!ui.json && asked.ids !== null) Deno.stdout.writeSync(new TextEncoder().encode("\n"));
      link.close();
      await link.closed;
      const file = options.text("output");
      if (file !== undefined) await Deno.writeFile(file, new Uint8Array(concat(words).buffer));
      const report = sessionReport(session, link, keys), tokensPerSecond = ids.length / (onlineMs / 1000);
      const result = {
        text,
        tokens: ids,
        promptTokens: asked.count,
        generatedTokens: ids.length,
        tokensPerSecond: Math.round(tokensPerSecond * 100) / 100,
        firstTokenMs: Math.round(firstTokenMs),
        onlineMs: Math.round(onlineMs),
        setupMs: Math.round(setupMs),
        setupBytes,
        prepareMs: Math.round(prepareMs),
        ...report,
        threads: opened.threads,
        engine: engine.name,
        vocabCount: config.vocabCount,
      };
      const reportFile = options.text("report");
      if (reportFile !== undefined) await Deno.writeTextFile(reportFile, JSON.stringify(result));
      if (ui.json) ui.result(result, () => "");
      else {ui.note(
          `${report["exchanges"]} exchanges, sent ${amount(Number(report["sentBytes"]))}, ${
            (onlineMs / 1000).toFixed(2)
          } s online, ${tokensPerSecond.toFixed(1)} tokens/s`,
        );}
    } catch (error) {
      link.close(error instanceof Error ? error : undefined);
      await link.closed;
      throw error;
    }
  } finally {
    keys.file.close();
    opened.close();
  }
}

/** Streams a token to the terminal and returns its text. */
function print(ui: Ui, stream: StreamDecoder | undefined, id: number): string {
  const piece = stream === undefined ? `${id} ` : stream.push(id);
  if (!ui.json) Deno.stdout.writeSync(new TextEncoder().encode(piece));
  return stream === undefined ? "" : piece;
}

async function receiveModel(link: Link): Promise<ReceivedModel> {
  const tokenizer = (await link.receiveControl("tokenizer.json")).payload,
    config = (await link.receiveControl("tokenizer_config.json")).payload;
  const seed = (await link.receiveControl("seed")).payload;
  if (seed.length !== SEED_BYTES) {
    throw new ModelError(`Cannot use the model as its seed must have ${SEED_BYTES} bytes: received ${seed.length}`);
  }
  return {
    tokenizer: tokenizer.length === 0 ? null : createTokenizer(tokenizer, config.length === 0 ? undefined : config),
    seed: Seed.from(seed.slice()),
  };
}

/** The client's request: its length and its input. */
interface Asked {
  /** Prompt tokens, or null for hidden states. */
  readonly ids: readonly number[] | null;
  readonly count: number;
  readonly generate: number;
  readonly input: (ids: readonly number[], from: number, count: number) => Uint32Array;
}

function askedFor(options: Options, keys: OpenKeys, tokenizer: Tokenizer | null): Asked {
  const { model, shape } = keys, { vocabCount, hiddenWidth } = model.config;
  if (model.scope === "blocks") {
    const states = syntheticInput(shape.promptTokens, hiddenWidth, options.required("input-seed")),
      one = 2 ** model.scales.residual;
    return {
      ids: null,
      count: shape.promptTokens,
      generate: 0,
      input: (_ids, from, count) =>
        Uint32Array.from(
          states.subarray(from * hiddenWidth, (from + count) * hiddenWidth),
          (value) => Math.round(value * one),
        ),
    };
  }
  const ids = promptIds(options, tokenizer, vocabCount),
    generate = options.count("generate", Math.max(1, shape.generate), 1),
    positions = positionCount({ promptTokens: ids.length, generate });
  if (positions > keys.plan.positions) {
    throw new KeyError(
      `Cannot run the prompt as the keys were dealt for ${keys.plan.positions} positions: ${ids.length} prompt tokens and ${generate} to generate need ${positions}`,
    );
  }
  return {
    ids,
    count: ids.length,
    generate,
    input: (chunk) => {
      const rows = new Uint32Array(chunk.length * vocabCount);
      chunk.forEach((id, row) => rows[row * vocabCount + id] = 1);
      return rows;
    },
  };
}

function promptIds(options: Options, tokenizer: Tokenizer | null, vocabCount: number): number[] {
  const text = options.text("prompt"), list = options.text("prompt-ids");
  if ((text === undefined) === (list === undefined)) {
    throw new UsageError("Cannot run without a prompt: give --prompt or --prompt-ids");
  }
  if (list !== undefined) {
    const ids = list.split(",").map(Number);
    if (ids.some((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabCount)) {
      throw new UsageError(`Cannot use --prompt-ids as every id must be a whole number below ${vocabCount}`);
    }
    return ids;
  }
  if (tokenizer === null) {
    throw new ModelError("Cannot encode the prompt as the model has no tokenizer.json: use --prompt-ids");
  }
  const ids = tokenizer.encode(text!);
  if (ids.length === 0) throw new UsageError("Cannot run an empty prompt");
  return ids;
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
