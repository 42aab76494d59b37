/**
 * What both roles do alike: one session on their keys, and what it has cost.
 *
 * @module
 */

import type { Engine, Weights } from "../core/engine.ts";
import { KeyError } from "../core/errors.ts";
import type { CoinRecord } from "../pipeline/interpreters/coins.ts";
import type { RunnerCounts } from "../pipeline/interpreters/runner.ts";
import { type ClientRequest, type Output, PartySession, type RequestShape } from "../pipeline/session/session.ts";
import type { PartyKeys } from "./keys.ts";
import type { Peer } from "./peer.ts";

/** Key bytes that are held in memory ahead of their use, unless told otherwise. */
const WINDOW_BYTES = 256e6;

/** How a role runs a session. */
export interface RunOptions {
  /** Key bytes held in memory ahead of their use; 256 MB by default. */
  readonly windowBytes?: number;
  /** Called, and waited for, when all is set up and nothing is sent that depends on an input; with the number of lanes to come. */
  readonly onReady?: (lanes: number) => void | Promise<void>;
  /** Called after every lane. */
  readonly onLane?: () => void;
}

/** What a party adds to its keys. */
export interface SessionParts extends RunOptions {
  /** Its keys. */
  readonly keys: PartyKeys;
  /** Its arithmetic. */
  readonly engine: Engine;
  /** The open link. */
  readonly link: Peer;
  /** W or Ŵ by name. */
  readonly weights: ReadonlyMap<string, Weights>;
  /** Party 0's biases and learned positions by name; null at the client. */
  readonly vectors: ReadonlyMap<string, Int32Array> | null;
  /** Prompt tokens of one lane; public. */
  readonly chunkTokens: number;
  /** Takes the public coins of dithered rounding, at the client. */
  readonly coins?: CoinRecord | undefined;
}

/** What a session has cost one party. */
export interface SessionReport {
  /** Bytes of this party's key stream. */
  readonly keyBytes: number;
  /** Counts of the whole session. */
  readonly counts: RunnerCounts;
  /** The same by stage: input, layers, output. */
  readonly stages: readonly RunnerCounts[];
  /** Frames that this party sent. */
  readonly frames: number;
  /** Bytes that it wrote, with heads and seals. */
  readonly wireBytes: number;
  /** Those of them before the run. */
  readonly setupBytes: number;
  /** Time to make ready what needs no input, in milliseconds. */
  readonly prepareMs: number;
  /** Time from the run's start to its first output. */
  readonly firstMs: number;
  /** Time from the run's start to its last output. */
  readonly onlineMs: number;
}

/** One party's session from its keys to its report, whichever role runs it. */
export class RoleSession {
  readonly #parts: SessionParts;
  readonly #session: PartySession;
  #setupBytes = 0;
  #prepareMs = 0;
  #firstMs = 0;
  #onlineMs = 0;

  /**
   * Makes a session; nothing is read or sent yet.
   *
   * @throws {KeyError} If the keys are the other party's.
   */
  constructor(parts: SessionParts) {
    const { keys: { plan, seed, salt, store, identity }, weights, vectors, link, onLane = () => {} } = parts;
    if (identity.party !== link.party) {
      throw new KeyError(`Cannot run party ${link.party} with the keys of party ${identity.party}`);
    }
    this.#parts = parts;
    this.#session = new PartySession({
      plan,
      engine: parts.engine,
      channel: link,
      keys: store,
      seed,
      salt,
      weights: (name) => weights.get(name)!,
      constants: vectors === null ? null : (name) => vectors.get(name)!,
      chunkTokens: parts.chunkTokens,
      windowBytes: parts.windowBytes ?? WINDOW_BYTES,
      now: () => performance.now(),
      onLane,
      coins: parts.coins,
    });
  }

  /**
   * Makes what needs no input, then claims the keys: from here on they are spent.
   *
   * @throws {KeyError} If they are spent already.
   */
  async prepare(shapes: readonly RequestShape[]): Promise<void> {
    const start = performance.now();
    this.#session.prepare(shapes);
    this.#session.reserve(shapes);
    await this.#parts.onReady?.(this.#session.laneCount(shapes));
    this.#prepareMs = performance.now() - start;
    await this.#parts.keys.store.claim();
  }

  /** Runs as `PartySession.run` does, then closes the link in order. */
  async *run(
    shapes: readonly RequestShape[],
    client: readonly ClientRequest[] | null,
  ): AsyncGenerator<Output, void, Uint32Array | null | undefined> {
    const { link } = this.#parts, run = this.#session.run(shapes, client), begin = performance.now();
    this.#setupBytes = link.stats.wireBytes;
    for (let next = await run.next(); !next.done;) {
      this.#firstMs ||= performance.now() - begin;
      next = await run.next(yield next.value);
    }
    this.#onlineMs = performance.now() - begin;
    link.close();
    await link.closed;
  }

  /** What it has cost so far. */
  get report(): SessionReport {
    const { link: { party, stats: { frames, wireBytes } }, keys } = this.#parts;
    return {
      keyBytes: keys.plan.keyBytes[party],
      counts: this.#session.counts,
      stages: this.#session.stageCounts,
      frames,
      wireBytes,
      setupBytes: this.#setupBytes,
      prepareMs: this.#prepareMs,
      firstMs: this.#firstMs,
      onlineMs: this.#onlineMs,
    };
  }
}
