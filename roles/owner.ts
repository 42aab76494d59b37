/**
 * The owner of the weights, party 0.
 *
 * @module
 */

import type { Weights } from "../core/engine.ts";
import { hinted, KeyError, ModelError, ProtocolError } from "../core/errors.ts";
import type { Seed } from "../core/prg/seed.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { matrixWords } from "../pipeline/forward/model.ts";
import { integerWeights, plainMatrix, WeightsDigest } from "../pipeline/forward/weights.ts";
import type { RequestShape } from "../pipeline/session/session.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { tokenizerDigest } from "./digests.ts";
import { readTravelling, sendTokenizer } from "./handover.ts";
import type { PartyKeys } from "./keys.ts";
import { whyUnserved } from "./lengths.ts";
import {
  MASKS_FILE,
  type ModelOptions,
  type Prepared,
  readConfig,
  readPrepared,
  readSeed,
  readWeights,
  SALT_FILE,
  SEED_FILE,
} from "./model_folder.ts";
import { type PartyWeights, type Peer, type RunOptions, runSession, type SessionReport } from "./session.ts";

/** How to serve one session. */
export interface ServeOptions extends RunOptions {
  /** Called when the client has the tokenizer. */
  readonly onClient?: () => void;
}

/** The quantised model in the engine. */
interface LoadedModel {
  readonly weights: ReadonlyMap<string, Weights>;
  /** Biases and learned positions. */
  readonly vectors: ReadonlyMap<string, Int32Array>;
  readonly seed: Seed;
  /** Files of the tokenizer by name. */
  readonly tokenizer: ReadonlyMap<string, Uint8Array>;
}

/** Serves one prepared model, to one client or to many: each session has keys and a link of its own. */
export class Owner {
  /** The model's public numbers. */
  readonly prepared: Prepared;
  readonly #options: ModelOptions;
  readonly #config: ModelConfig;
  #loaded: Promise<LoadedModel> | undefined;

  private constructor(options: ModelOptions, config: ModelConfig, prepared: Prepared) {
    this.#options = options;
    this.#config = config;
    this.prepared = prepared;
  }

  /**
   * Opens a prepared model.
   *
   * @throws {ModelError} If it is not prepared.
   */
  static async open(options: ModelOptions): Promise<Owner> {
    const { config } = await readConfig(options.files);
    return new Owner(options, config, await readPrepared(options.files));
  }

  /**
   * Throws unless keys are for these weights, and were dealt from the same public numbers.
   *
   * @throws {KeyError} If they are for others.
   */
  assertServes({ agreement, plan: { model } }: PartyKeys): void {
    const { name } = this.#options.files, { weightsId, digests, scope, scales } = this.prepared;
    if (agreement.weightsId !== weightsId) {
      throw new KeyError(
        `Cannot run ${name} with these keys as they are for other weights: expected ${weightsId}, ` +
          `received ${agreement.weightsId}`,
      );
    }
    const mine = [digests[MASKS_FILE], tokenizerDigest(digests), scope, canonical(scales), canonical(this.#config)],
      { config } = model,
      theirs = [
        agreement.masksDigest,
        agreement.tokenizerDigest,
        model.scope,
        canonical(model.scales),
        canonical(config),
      ],
      words = ["masks", "tokenizer", "scope", "scales", "config.json"],
      differing = words.find((_, i) => mine[i] !== theirs[i]);
    if (differing === undefined) return;
    throw hinted(
      new KeyError(
        `Cannot run ${name} with these keys as they must be dealt from its files: received other ${differing}`,
      ),
      "give the dealer this folder's files again, and deal new keys",
    );
  }

  /**
   * Reads, folds and checks the weights and lays them out in the engine, once; {@linkcode Owner.serve} waits for it.
   *
   * @throws {ModelError} If weights or seed are not those that were prepared.
   */
  async load(): Promise<void> {
    await (this.#loaded ??= this.#load());
  }

  async #load(): Promise<LoadedModel> {
    const { files, engine } = this.#options,
      tokenizer = await readTravelling(files, this.prepared.digests),
      seed = await readSeed(files),
      digest = new WeightsDigest(await files.read(SALT_FILE), seed),
      source = await readWeights(files),
      model = { ...this.prepared, config: source.config },
      weights = new Map<string, Weights>(),
      vectors = new Map<string, Int32Array>();
    for await (const matrix of integerWeights(model, source)) {
      const { name, inputs, outputs, data } = matrix;
      digest.add(matrix);
      if (inputs === 0) vectors.set(name, data);
      else {
        const width = matrixWords(model, matrix);
        weights.set(name, engine.weights(plainMatrix(matrix, width), inputs, outputs, width));
      }
    }
    if (digest.hex() !== this.prepared.weightsDigest) {
      throw new ModelError(
        `Cannot run ${files.name} as its weights or its seed changed since they were prepared: the digest differs`,
      );
    }
    return { weights, vectors, seed, tokenizer };
  }

  /**
   * Serves one session, and closes it. The owner learns the lengths of prompts and answers, and nothing else of them.
   * Until the client has asked for what its keys serve, none are spent, and another client may be served with them.
   *
   * @throws {KeyError} If the keys are used, or for other weights.
   * @throws {ProtocolError} If the link is lost, or the client asks for what its keys do not serve.
   */
  async serve(link: Peer, keys: PartyKeys, options: ServeOptions = {}): Promise<SessionReport> {
    const { engine } = this.#options;
    try {
      this.assertServes(keys);
      const { weights, vectors, seed, tokenizer } = await (this.#loaded ??= this.#load());
      // A client whose requests got lost has all of this already.
      if (!link.resumed) await sendTokenizer(tokenizer, link);
      options.onClient?.();
      const { body } = await link.receiveControl("requests"),
        { shapes, chunkTokens } = askedShapes(body, keys.plan),
        agree = (): PartyWeights => {
          link.sendControl("ready");
          if (body?.["seed"] === true) link.sendControl(SEED_FILE, null, seed.expose());
          return { weights, vectors };
        },
        parts = { keys, engine, link, chunkTokens, shapes, requests: null, agree },
        run = runSession({ ...options, ...parts });
      for (;;) {
        const next = await run.next();
        if (next.done) return next.value;
      }
    } catch (error) {
      link.close(error instanceof Error ? error : undefined);
      await link.closed;
      throw error;
    }
  }
}

/** The public lengths that the client asks for, checked against the keys. */
function askedShapes(body: unknown, plan: SessionPlan): { shapes: RequestShape[]; chunkTokens: number } {
  const { requests, chunkTokens } = (body ?? {}) as { requests?: unknown; chunkTokens?: unknown };
  if (!Array.isArray(requests) || requests.length === 0 || requests.length > plan.shape.requests) {
    throw new ProtocolError(`Cannot run the requests as there must be 1 to ${plan.shape.requests}`);
  }
  if (!isCount(chunkTokens, 1)) {
    throw new ProtocolError("Cannot run the requests as chunks must have at least one token");
  }
  const shapes = requests.map((item) => {
    const { promptTokens, generate } = (item ?? {}) as RequestShape;
    if (!isCount(promptTokens, 1) || !isCount(generate, 0)) {
      throw new ProtocolError(
        "Cannot run a request as its lengths must be whole numbers, with at least one prompt token",
      );
    }
    const unserved = whyUnserved(plan, { promptTokens, generate });
    if (unserved !== null) throw new ProtocolError(unserved);
    return { promptTokens, generate };
  });
  return { shapes, chunkTokens };
}

/** JSON with sorted keys, to compare by. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, item) =>
      typeof item !== "object" || item === null || Array.isArray(item)
        ? item
        : Object.fromEntries(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1)),
  );
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
