/**
 * The owner of the weights, party 0.
 *
 * @module
 */

import type { Weights } from "../core/engine.ts";
import { KeyError, ModelError, ProtocolError } from "../core/errors.ts";
import type { Seed } from "../core/prg/seed.ts";
import { matrixWords } from "../pipeline/forward/model.ts";
import { integerWeights, plainMatrix, WeightsDigest } from "../pipeline/forward/weights.ts";
import type { RequestShape } from "../pipeline/session/session.ts";
import type { SessionPlan } from "../pipeline/session/session_plan.ts";
import { sendModel } from "./handover.ts";
import type { PartyKeys } from "./keys.ts";
import { whyUnserved } from "./lengths.ts";
import { type ModelOptions, type Prepared, readPrepared, readSeed, readWeights, SALT_FILE } from "./model_folder.ts";
import { type Peer, type RunOptions, runSession, type SessionReport } from "./session.ts";

/** How to serve one session. */
export interface ServeOptions extends RunOptions {
  /** Called when the client has the tokenizer and the seed of its masked weights. */
  readonly onClient?: () => void;
}

/** The quantised model in the engine. */
interface LoadedModel {
  readonly weights: ReadonlyMap<string, Weights>;
  /** Biases and learned positions. */
  readonly vectors: ReadonlyMap<string, Int32Array>;
  readonly seed: Seed;
}

/** Serves one prepared model, to one client or to many: each session has keys and a link of its own. */
export class Owner {
  /** The model's public numbers. */
  readonly prepared: Prepared;
  readonly #options: ModelOptions;
  #loaded: Promise<LoadedModel> | undefined;

  private constructor(options: ModelOptions, prepared: Prepared) {
    this.#options = options;
    this.prepared = prepared;
  }

  /**
   * Opens a prepared model.
   *
   * @throws {ModelError} If it is not prepared.
   */
  static async open(options: ModelOptions): Promise<Owner> {
    return new Owner(options, await readPrepared(options.files));
  }

  /**
   * Throws unless keys are for these weights.
   *
   * @throws {KeyError} If they are for others.
   */
  assertServes({ identity }: PartyKeys): void {
    const { name } = this.#options.files, { weightsId } = this.prepared;
    if (identity.weightsId === weightsId) return;
    throw new KeyError(
      `Cannot run ${name} with these keys as they are for other weights: ` +
        `expected ${weightsId}, received ${identity.weightsId}`,
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
    return { weights, vectors, seed };
  }

  /**
   * Serves one session on an open link, and closes it. The owner learns the lengths of prompts and answers, and nothing
   * else of them.
   *
   * @throws {KeyError} If the keys are used, or for other weights.
   * @throws {ProtocolError} If the link is lost, or the client asks for what its keys do not serve.
   */
  async serve(link: Peer, keys: PartyKeys, options: ServeOptions = {}): Promise<SessionReport> {
    const { files, engine } = this.#options;
    try {
      this.assertServes(keys);
      const { weights, vectors, seed } = await (this.#loaded ??= this.#load());
      await sendModel(files, seed, link);
      options.onClient?.();
      const { shapes, chunkTokens } = askedShapes((await link.receiveControl("requests")).body, keys.plan),
        agree = (): void => link.sendControl("ready"),
        parts = { keys, engine, link, weights, vectors, chunkTokens, shapes, requests: null, agree },
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

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
