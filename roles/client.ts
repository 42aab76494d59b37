/**
 * The client, party 1.
 *
 * @module
 */

import type { Engine, Weights } from "../core/engine.ts";
import { KeyError, ProtocolError } from "../core/errors.ts";
import type { Seed } from "../core/prg/seed.ts";
import type { CoinRecord } from "../pipeline/interpreters/coins.ts";
import { matrixWords, type ModelSpec, weightRefs } from "../pipeline/forward/model.ts";
import { maskedMatrix } from "../pipeline/forward/weights.ts";
import type { Tokenizer, TokenizerFiles } from "../models/tokenizer.ts";
import { cachedSeed, type ModelCache, receiveSeed, receiveTokenizer } from "./handover.ts";
import type { PartyKeys } from "./keys.ts";
import { RequestError } from "./lengths.ts";
import { type Ask, OpenRequest, type Piece } from "./request.ts";
import { type PartyWeights, type Peer, type RunOptions, runSession, type SessionReport } from "./session.ts";

/** Prompt tokens that go through a layer together, unless told otherwise. */
const CHUNK_TOKENS = 128;

/** What a client works with. */
export interface ClientOptions extends RunOptions {
  /** The open session with party 0; it belongs to the client, and is closed at its end. */
  readonly link: Peer;
  /** The keys of this one session. */
  readonly keys: PartyKeys;
  /** Its arithmetic. */
  readonly engine: Engine;
  /** Where models are kept between sessions; nowhere by default. */
  readonly cache?: ModelCache;
  /** The client's own tokenizer; party 0's, which its keys name, by default. */
  readonly tokenizer?: TokenizerFiles | undefined;
  /** Prompt tokens that go through a layer together, which party 0 learns; 128 by default. */
  readonly chunkTokens?: number;
  /** Takes the public coins of dithered rounding, for whoever checks the run. */
  readonly coins?: CoinRecord | undefined;
}

/** What a classifier says of a text. */
export interface Classification {
  /** Name of the class. */
  readonly label: string;
  /** Its number. */
  readonly id: number;
  /** Scores of all classes, in order. */
  readonly scores: readonly number[];
}

/**
 * Asks a served model. One client runs one session, because its keys serve once; several prompts run side by side in it
 * ({@linkcode Client.ask}).
 *
 * A session that has begun runs to its end, whoever stops reading: otherwise party 0 would learn when. A loop that is
 * left early waits for it.
 */
export class Client {
  readonly #options: ClientOptions;
  #tokenizer: Promise<Tokenizer | null> | null = null;
  #report: SessionReport | null = null;
  #promptTokens = 0;
  #begun = false;
  #asked = false;

  /** Makes a client; nothing is sent yet. */
  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /**
   * Generates text, token by token.
   *
   * @param prompt Text, or token ids. Party 0 learns how many tokens it has, and nothing else.
   * @param options How many tokens to generate; as many as the keys were dealt for by default.
   * @throws {RequestError} If the model generates nothing, or the prompt is empty.
   * @throws {KeyError} If the keys are used or serve less; a prompt that they do not serve does not spend them.
   * @throws {ProtocolError} If the link is lost.
   */
  async *generate(
    prompt: string | readonly number[],
    options: { readonly tokens?: number } = {},
  ): AsyncGenerator<Piece> {
    await this.#assertHead("tokens");
    yield* this.ask([{ prompt, ...options }]);
  }

  /**
   * Classifies a text.
   *
   * @throws {RequestError} If the model is no classifier, or the text is empty.
   * @throws {KeyError} If the keys are used, or serve another length.
   * @throws {ProtocolError} If the link is lost.
   */
  async classify(text: string | readonly number[]): Promise<Classification> {
    await this.#assertHead("classes");
    let found: Classification | null = null;
    for await (const { text: label, id, scores } of this.ask([{ prompt: text }])) found = { label, id: id!, scores };
    return found!;
  }

  /**
   * Asks several requests side by side, and yields every output as it is revealed.
   *
   * @throws {RequestError} If a request is none that the model runs.
   * @throws {KeyError} If the keys are used or serve less.
   * @throws {ModelError} If what party 0 sent is malformed, or it lacks a tokenizer that is needed.
   * @throws {ProtocolError} If the link is lost.
   */
  ask(asked: readonly Ask[]): AsyncGenerator<Piece> {
    return eagerly(this.#run(asked));
  }

  /**
   * The model's tokenizer, from the cache or from party 0: to count a text's tokens before it is asked. Null where the
   * model works on ids alone.
   *
   * @throws {ModelError} If what party 0 sent is malformed.
   * @throws {ProtocolError} If the link is lost.
   */
  async tokenizer(): Promise<Tokenizer | null> {
    const { link, keys: { digests }, cache = null, tokenizer: own } = this.#options;
    return await (this.#tokenizer ??= receiveTokenizer(link, digests, { own, cache }));
  }

  /** Tokens of what was asked, padding apart: nobody else learns it where the keys hide lengths. */
  get promptTokens(): number {
    return this.#promptTokens;
  }

  /** What the session has cost; null before its end. */
  get report(): SessionReport | null {
    return this.#report;
  }

  /** Ends the session: without a reason in order, with one as failed. Idempotent. */
  async close(reason?: Error): Promise<void> {
    const { link } = this.#options;
    // Why the client does not ask, for instance that its text is too long for the keys, is its own affair.
    const silent = reason !== undefined && !this.#asked && !(reason instanceof ProtocolError);
    link.close(silent ? new ProtocolError("The client asks nothing") : reason);
    await link.closed;
  }

  async *#run(asked: readonly Ask[]): AsyncGenerator<Piece> {
    const { link, keys: { plan, digests }, engine, chunkTokens = CHUNK_TOKENS, cache = null } = this.#options;
    if (this.#begun) throw new KeyError("Cannot ask again as a key set serves one session");
    this.#begun = true;
    try {
      const tokenizer = await this.tokenizer();
      if (asked.length === 0) throw new RequestError("Cannot ask as there must be a request: received none");
      if (asked.length > plan.shape.requests) {
        throw new KeyError(
          `Cannot run ${asked.length} prompts as the keys were dealt for ${plan.shape.requests} request${
            plan.shape.requests === 1 ? "" : "s"
          }`,
        );
      }
      const requests = asked.map((one) => new OpenRequest(one, plan, tokenizer)),
        shapes = requests.map(({ shape }) => shape),
        known = await cachedSeed(digests, cache),
        agree = async (): Promise<PartyWeights> => {
          this.#asked = true;
          const asks = { requests: shapes.map((shape) => ({ ...shape })), chunkTokens, seed: known === null };
          link.sendControl("requests", asks);
          await link.receiveControl("ready");
          const seed = known ?? await receiveSeed(link, digests, cache);
          return { weights: await maskedWeights(plan.model, seed, engine), vectors: null };
        };
      this.#promptTokens = requests.reduce((sum, { realTokens }) => sum + realTokens, 0);
      const run = runSession({ ...this.#options, chunkTokens, shapes, requests, agree });
      let output = await run.next();
      while (!output.done) {
        const { request, words } = output.value, { piece, next } = requests[request]!.take(words!);
        yield { request, ...piece };
        output = await run.next(next);
      }
      this.#report = output.value;
    } catch (error) {
      await this.close(error instanceof Error ? error : undefined);
      throw error;
    }
  }

  async #assertHead(head: "tokens" | "classes"): Promise<void> {
    const { scope, config } = this.#options.keys.plan.model;
    if (scope === "model" && config.head.answer === head) return;
    const error = new RequestError(
      `Cannot ${head === "tokens" ? "generate" : "classify"} as the model's head must give ${head}: received ${
        scope === "blocks" ? "blocks alone" : config.head.answer
      }`,
    );
    await this.close(error);
    throw error;
  }
}

/** Ŵ of every matrix, from the client's seed. */
async function maskedWeights(model: ModelSpec, seed: Seed, engine: Engine): Promise<Map<string, Weights>> {
  const weights = new Map<string, Weights>();
  for (const [i, ref] of weightRefs(model).entries()) {
    const { name, inputs, outputs } = ref, width = matrixWords(model, ref);
    weights.set(name, engine.weights(maskedMatrix(seed, i, inputs * outputs, width), inputs, outputs, width));
    // The link's own turn: a peer that asks whether this side is there gets its answer.
    await new Promise((resolve) => setTimeout(resolve));
  }
  return weights;
}

/** Yields what a source yields, and runs it to its end whether or not anybody reads that. */
async function* eagerly<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const waiting: T[] = [];
  let arrival = Promise.withResolvers<void>(), over = false;
  const end = (async () => {
    try {
      for await (const item of source) {
        waiting.push(item);
        arrival.resolve();
      }
    } finally {
      over = true;
      arrival.resolve();
    }
  })();
  end.catch(() => {}); // whoever reads on sees it
  try {
    while (!over || waiting.length > 0) {
      if (waiting.length > 0) yield waiting.shift()!;
      else {
        await arrival.promise;
        arrival = Promise.withResolvers();
      }
    }
  } finally {
    await end;
  }
}
