/**
 * The client, party 1.
 *
 * @module
 */

import type { Engine, Weights } from "../core/engine.ts";
import { KeyError, ProtocolError } from "../core/errors.ts";
import type { Seed } from "../core/prg/seed.ts";
import type { CoinRecord } from "../pipeline/interpreters/coins.ts";
import { matrixWords, type ModelSpec, weightRefs } from "../pipeline/forward/model_spec.ts";
import { maskedMatrix } from "../pipeline/forward/weights.ts";
import type { Tokenizer } from "../models/tokenizer.ts";
import { type ModelCache, type ReceivedModel, receiveModel } from "./handover.ts";
import type { PartyKeys } from "./keys.ts";
import { RequestError } from "./lengths.ts";
import { type Ask, OpenRequest, type Piece } from "./request.ts";
import { type Peer, type RunOptions, runSession, type SessionReport } from "./session.ts";

/** Prompt tokens that go through a layer together, unless told otherwise. */
const CHUNK_TOKENS = 128;

/** What a client works with. */
export interface ClientOptions extends RunOptions {
  /** The open link to party 0; it belongs to the client, and is closed when the session ends. */
  readonly link: Peer;
  /** The keys of this one session. */
  readonly keys: PartyKeys;
  /** Its arithmetic. */
  readonly engine: Engine;
  /** Where models are kept between sessions; nowhere by default. */
  readonly cache?: ModelCache;
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
  #model: Promise<ReceivedModel> | null = null;
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
    return (await this.#received()).tokenizer;
  }

  #received(): Promise<ReceivedModel> {
    const { link, keys, cache = null } = this.#options;
    return this.#model ??= receiveModel(link, cache, keys.identity.weightsId);
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
    const { link, keys: { plan }, engine, chunkTokens = CHUNK_TOKENS } = this.#options;
    if (this.#begun) throw new KeyError("Cannot ask again as a key set serves one session");
    this.#begun = true;
    try {
      const { tokenizer, seed } = await this.#received();
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
        weights = maskedWeights(plan.model, seed, engine),
        agree = async (): Promise<void> => {
          this.#asked = true;
          link.sendControl("requests", { requests: shapes.map((shape) => ({ ...shape })), chunkTokens });
          await link.receiveControl("ready");
        };
      this.#promptTokens = requests.reduce((sum, { realTokens }) => sum + realTokens, 0);
      const run = runSession({ ...this.#options, weights, vectors: null, chunkTokens, shapes, requests, agree });
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
function maskedWeights(model: ModelSpec, seed: Seed, engine: Engine): Map<string, Weights> {
  return new Map(
    weightRefs(model).map((ref, i) => {
      const { name, inputs, outputs } = ref, width = matrixWords(model, ref);
      return [name, engine.weights(maskedMatrix(seed, i, inputs * outputs, width), inputs, outputs, width)];
    }),
  );
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
