/**
 * The dealer: makes both parties' keys. It needs the model's public files and the masks of its weights, never the
 * weights nor the client's seed.
 *
 * @module
 */

import type { Weights } from "../core/engine.ts";
import { KeyError } from "../core/errors.ts";
import { Seed } from "../core/prg/seed.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { matrixWords, type ModelSpec, weightRefs } from "../pipeline/forward/model.ts";
import type { DealerKeys } from "../pipeline/interpreters/deal.ts";
import { dealSession } from "../pipeline/session/dealer.ts";
import { filledUp, positionCount, type SessionPlan } from "../pipeline/session/session_plan.ts";
import type { KeyHeader } from "../transport/key_file.ts";
import { keyHeader, type KeyStore, openKeys, type PartyKeys } from "./keys.ts";
import { RequestError, type SessionLengths, sessionPlan } from "./lengths.ts";
import { type ModelOptions, type Prepared, readConfig, readMasks, readPrepared } from "./model_folder.ts";

/** Takes one party's key stream. */
export interface KeyOutput {
  /** Writes bytes at an offset of the stream; every byte is written once. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
}

/** One key set, before it is written. */
export class Deal {
  /** What the keys are for. */
  readonly plan: SessionPlan;
  /** Public headers of both parties' key streams. */
  readonly headers: readonly [KeyHeader, KeyHeader];
  readonly #linkKey = crypto.getRandomValues(new Uint8Array(32));
  readonly #keys: DealerKeys;

  /** Draws the secrets of a session; made by {@linkcode Dealer.deal}. */
  constructor(
    plan: SessionPlan,
    { weightsId, digests }: Pick<Prepared, "weightsId" | "digests">,
    maskProduct: DealerKeys["maskProduct"],
  ) {
    const ids = { weightsId, session: crypto.randomUUID(), digests }, salt = crypto.getRandomValues(new Uint8Array(16));
    this.plan = plan;
    this.headers = [keyHeader(0, plan, ids), keyHeader(1, plan, ids)];
    this.#keys = { seeds: [Seed.random(), Seed.random()], salt, maskProduct };
  }

  /** Secret of both parties: opens the link between them. */
  get linkKey(): Uint8Array {
    return this.#linkKey;
  }

  /**
   * Writes both key streams.
   *
   * @param onProgress Called with the bytes of both so far.
   */
  async write(outputs: readonly [KeyOutput, KeyOutput], onProgress?: (bytes: number) => void): Promise<void> {
    const sink = { write: (party: 0 | 1, bytes: Uint8Array, at: number) => outputs[party].write(bytes, at) };
    await dealSession(this.plan, this.#keys, sink, onProgress);
  }

  /** Writes both key streams into memory, and opens them: keys of party 0 and of party 1. */
  async inMemory(): Promise<[PartyKeys, PartyKeys]> {
    const streams = this.plan.keyBytes.map((bytes) => new Uint8Array(bytes)) as [Uint8Array, Uint8Array],
      output = (stream: Uint8Array): KeyOutput => ({
        write: (bytes, offset) => Promise.resolve(stream.set(bytes, offset)),
      });
    await this.write([output(streams[0]), output(streams[1])]);
    return [
      await openKeys(memoryKeys(this.headers[0], streams[0])),
      await openKeys(memoryKeys(this.headers[1], streams[1])),
    ];
  }
}

/** A key stream in memory, which serves once. */
function memoryKeys(header: KeyHeader, stream: Uint8Array): KeyStore {
  let used = false;
  return {
    name: `the keys of party ${header.party}`,
    header,
    read: (into, offset) => Promise.resolve(into.set(stream.subarray(offset, offset + into.length))),
    claim: () =>
      Promise.try(() => {
        if (used) throw new KeyError(`Cannot use the keys of session ${header.session} as they are used already`);
        used = true;
      }),
  };
}

/**
 * Deals keys for one prepared model, from its public files and the masks of its weights, on an engine that never waits.
 */
export class Dealer {
  /** The model's public shape. */
  readonly config: ModelConfig;
  /** Its public numbers. */
  readonly prepared: Prepared;
  readonly #options: ModelOptions;
  #masks: Promise<ReadonlyMap<string, Weights>> | undefined;

  private constructor(options: ModelOptions, config: ModelConfig, prepared: Prepared) {
    this.#options = options;
    this.config = config;
    this.prepared = prepared;
  }

  /**
   * Opens a prepared model.
   *
   * @throws {ModelError} If it is not prepared.
   */
  static async open(options: ModelOptions): Promise<Dealer> {
    const { config } = await readConfig(options.files);
    return new Dealer(options, config, await readPrepared(options.files));
  }

  /**
   * Draws the secrets of one session; its keys are made when they are written.
   *
   * @throws {RequestError} If the model does not run these lengths.
   * @throws {ModelError} If it cannot hide them, or the masks are missing or of other weights.
   */
  async deal(lengths: SessionLengths): Promise<Deal> {
    const { config, prepared } = this, { engine } = this.#options, { promptTokens, generate = 0, bucket } = lengths;
    if (!config.causal && generate > 0) {
      throw new RequestError("Cannot deal keys with --generate as a bidirectional model generates nothing");
    }
    const positions = positionCount({ promptTokens: filledUp(promptTokens, bucket), generate });
    if (prepared.scope === "model" && positions > config.maxPositions) {
      throw new RequestError(
        `Cannot deal keys for ${positions} positions as the model has at most ${config.maxPositions}`,
      );
    }
    const plan = sessionPlan(config, prepared, lengths), masks = await (this.#masks ??= this.#readMasks(plan.model));
    return new Deal(plan, prepared, (ref, x) => {
      const scope = engine.begin(), mask = masks.get(ref.name)!;
      const product = engine.download(engine.multiplyWeights(engine.upload(x, mask.wordsPerElement), mask));
      scope.end([]);
      return product as Uint32Array;
    });
  }

  async #readMasks(model: ModelSpec): Promise<ReadonlyMap<string, Weights>> {
    const { files, engine } = this.#options, refs = weightRefs(model), masks = new Map<string, Weights>();
    const counts = refs.map((ref) => ref.inputs * ref.outputs * matrixWords(model, ref));
    for await (const mask of readMasks(files, this.prepared, counts)) {
      const ref = refs[masks.size]!;
      masks.set(ref.name, engine.weights(mask, ref.inputs, ref.outputs, matrixWords(model, ref)));
    }
    return masks;
  }
}
