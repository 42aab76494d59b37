/**
 * A whole session in one process: dealer, both parties over an in-memory link, and the oracle. The processes and sockets have tests of their own.
 *
 * @module
 */

import type { Channel } from "../core/channel.ts";
import type { Engine, Weights } from "../core/engine.ts";
import { Seed } from "../core/prg/seed.ts";
import { createWasmEngine } from "../cpu/mod.ts";
import type { FoldedModel } from "../models/matrices.ts";
import { memorySource } from "../models/fold.ts";
import { dealSession } from "../pipeline/session/dealer.ts";
import { matrixWords, type ModelSpec, outputBits, weightRefs } from "../pipeline/forward/model_spec.ts";
import type { KeySource } from "../pipeline/session/key_window.ts";
import { toSignedNumbers } from "../core/ring/words.ts";
import { CoinRecord } from "../pipeline/interpreters/coins.ts";
import { argmax, oneHotRows, Oracle } from "../pipeline/forward/oracle.ts";
import { type ClientRequest, PartySession, type RequestShape } from "../pipeline/session/session.ts";
import { SessionPlan } from "../pipeline/session/session_plan.ts";
import { collectIntegers, type IntegerMatrix, maskedMatrix, maskOf, plainMatrix } from "../pipeline/forward/weights.ts";
import type { Link } from "../transport/link.ts";
import { memoryPair } from "../transport/memory.ts";

/** One request of the client. */
export interface TestRequest {
  readonly promptIds: readonly number[];
  readonly generate: number;
  /** The type of each token of the prompt; 0 by default. */
  readonly types?: readonly number[];
  /** How many tokens of the prompt are real, where the model hides padding; all by default. */
  readonly realTokens?: number;
}

/** What a test session needs. */
export interface TestSession {
  readonly model: ModelSpec;
  readonly folded: FoldedModel;
  /** Prompt tokens and generated tokens that keys are dealt for. */
  readonly dealt: RequestShape;
  readonly requests: readonly TestRequest[];
  readonly engines: readonly [Engine, Engine];
  /** The dealer's engine, one that never waits; party 0's by default. */
  readonly dealer?: Engine;
  readonly chunkTokens?: number;
  /** Key bytes that a party may load ahead; 1 MiB by default. */
  readonly windowBytes?: number;
  /** Opens the links of party 0 and party 1; in memory by default. */
  readonly links?: () => Promise<[Link, Link]>;
  /** What a test sees of a party's link; the link itself by default. */
  readonly channel?: (link: Link) => Channel;
  /** What a test sees of a party's key stream; the stream itself by default. */
  readonly keys?: (party: 0 | 1, stream: KeySource) => KeySource;
}

/** A dealt session before its run. */
export interface OpenSession {
  readonly plan: SessionPlan;
  readonly sessions: readonly [PartySession, PartySession];
  readonly links: readonly [Link, Link];
  /** Key streams as they were dealt. */
  readonly streams: readonly [Uint8Array, Uint8Array];
  /** Integers of the model, by name. */
  readonly matrices: ReadonlyMap<string, IntegerMatrix>;
  /** The coins that party 1 keeps. */
  readonly coins: CoinRecord;
  /** Generated tokens of every request so far, and the revealed logits before each. */
  readonly tokens: readonly number[][];
  readonly logits: readonly Int32Array[][];
  /** Party 1's products that need no input. */
  prepare(): void;
  /** Runs both parties; each promise settles when its party ends. */
  run(): [Promise<void>, Promise<void>];
  close(): Promise<void>;
}

/** What came out. */
export interface TestOutcome {
  readonly plan: SessionPlan;
  readonly streamBytes: readonly [number, number];
  /** Generated tokens of every request, and the revealed logits before each. */
  readonly tokens: readonly number[][];
  readonly logits: readonly Int32Array[][];
  readonly expectedTokens: number[][];
  readonly expectedLogits: Int32Array[][];
  readonly keyBytes: readonly [number, number];
  readonly sentBytes: readonly [number, number];
  readonly exchanges: readonly [number, number];
}

/** Deals a session and opens both parties of it. */
export async function openSession(test: TestSession): Promise<OpenSession> {
  const { model, engines } = test, refs = weightRefs(model);
  const matrices = await collectIntegers(model, memorySource(test.folded));
  const plan = new SessionPlan(model, { ...test.dealt, requests: test.requests.length }), weightSeed = Seed.random();

  // Deal.
  const dealerEngine = test.dealer ?? engines[0],
    masks = new Map(
      refs.map((ref, i) => {
        const width = matrixWords(model, ref), mask = maskOf(weightSeed, i, matrices.get(ref.name)!, width);
        return [ref.name, dealerEngine.weights(mask, ref.inputs, ref.outputs, width)];
      }),
    );
  const streams = plan.keyBytes.map((bytes) => new Uint8Array(bytes)) as [Uint8Array, Uint8Array],
    seeds = [Seed.random(), Seed.random()] as const;
  await dealSession(plan, {
    seeds,
    salt: crypto.getRandomValues(new Uint8Array(16)),
    maskProduct(ref, x) {
      const scope = dealerEngine.begin(), mask = masks.get(ref.name)!;
      const product = dealerEngine.download(
        dealerEngine.multiplyWeights(dealerEngine.upload(x, mask.wordsPerElement), mask),
      ) as Uint32Array;
      scope.end([]);
      return product;
    },
  }, { write: (party, bytes, offset) => Promise.resolve(streams[party].set(bytes, offset)) });

  // Open both parties.
  const links = await (test.links ?? memoryPair)(),
    tokens: number[][] = test.requests.map(() => []),
    logits: Int32Array[][] = test.requests.map(() => []),
    coins = new CoinRecord();
  const shapes = test.requests.map(({ promptIds, generate }) => ({ promptTokens: promptIds.length, generate }));
  const [session0, session1] = ([0, 1] as const).map((party) => {
    const engine = engines[party],
      stream: KeySource = {
        read: (into, offset) => Promise.resolve(into.set(streams[party].subarray(offset, offset + into.length))),
      };
    const own = new Map<string, Weights>(refs.map((ref, i) => {
      const matrix = matrices.get(ref.name)!,
        width = matrixWords(model, ref),
        words = party === 0 ? plainMatrix(matrix, width) : maskedMatrix(weightSeed, i, matrix.data.length, width);
      return [ref.name, engine.weights(words, ref.inputs, ref.outputs, width)];
    }));
    return new PartySession({
      plan,
      engine,
      channel: test.channel?.(links[party]) ?? links[party],
      keys: test.keys?.(party, stream) ?? stream,
      seed: Seed.from(streams[party].slice(0, 32)),
      salt: streams[party].slice(32, 48),
      weights: (name) => own.get(name)!,
      constants: party === 0 ? (name: string) => matrices.get(name)!.data : null,
      chunkTokens: test.chunkTokens ?? 128,
      windowBytes: test.windowBytes ?? 1 << 20,
      now: () => performance.now(),
      coins,
    });
  });
  const { config } = model, width = outputBits(model) > 32 ? 64 : 32;
  const client = test.requests.map(({ promptIds, types = [], realTokens = promptIds.length }): ClientRequest => ({
    realTokens,
    prompt: ({ from, count }) =>
      Uint32Array.from(oneHotRows(config, promptIds.slice(from, from + count), types.slice(from))),
  }));
  const serve = async (): Promise<void> => {
    for await (const _ of session0!.run(shapes, null));
  };
  const ask = async (): Promise<void> => {
    const run = session1!.run(shapes, client);
    for (let next = await run.next(); !next.done;) {
      const { request, words } = next.value, row = Int32Array.from(toSignedNumbers(words!, width)), id = argmax(row);
      logits[request]!.push(row);
      tokens[request]!.push(id);
      next = await run.next(Uint32Array.from(oneHotRows(config, [id])));
    }
  };
  return {
    plan,
    sessions: [session0!, session1!],
    links,
    streams,
    matrices,
    coins,
    tokens,
    logits,
    prepare: () => void session1!.prepare(shapes),
    run: () => [serve(), ask()],
    close: async () => {
      for (const link of links) link.close();
      await Promise.all(links.map((link) => link.closed));
    },
  };
}

/** Runs a session and the oracle. */
export async function runTestSession(test: TestSession): Promise<TestOutcome> {
  const open = await openSession(test), { plan, sessions, matrices } = open;
  open.prepare();
  await Promise.all(open.run());
  await open.close();

  // Oracle.
  const expectedTokens: number[][] = [], expectedLogits: Int32Array[][] = [];
  const coins = CoinRecord.decode(await open.coins.encode());
  for (const [request, { promptIds, types, generate, realTokens }] of test.requests.entries()) {
    const dithered = test.model.rounding === "dither",
      options = dithered ? { coins: coins.reader(request) } : {},
      oracle = new Oracle(test.model, (name) => matrices.get(name)!.data, options),
      ids: number[] = [],
      rows: Int32Array[] = [];
    for (let row = oracle.tokens(promptIds, realTokens, types);; row = oracle.tokens([ids.at(-1)!])) {
      rows.push(Int32Array.from(row));
      ids.push(argmax(row));
      if (ids.length >= Math.max(1, generate)) break;
    }
    expectedTokens.push(ids);
    expectedLogits.push(rows);
  }
  const pair = <T>(pick: (session: PartySession) => T): [T, T] => [pick(sessions[0]), pick(sessions[1])];
  return {
    plan,
    streamBytes: [open.streams[0].length, open.streams[1].length],
    tokens: open.tokens,
    logits: open.logits,
    expectedTokens,
    expectedLogits,
    keyBytes: plan.keyBytes,
    sentBytes: pair((session) => session.counts.sentBytes),
    exchanges: pair((session) => session.counts.exchanges),
  };
}

/** Runs a session and the oracle on two CPU engines of one thread each, and closes them. */
export async function runOnCpu(test: Omit<TestSession, "engines">): Promise<TestOutcome> {
  const engines = [await createWasmEngine({ threads: 1 }), await createWasmEngine({ threads: 1 })] as const;
  try {
    return await runTestSession({ ...test, engines });
  } finally {
    for (const engine of engines) engine.close();
  }
}
