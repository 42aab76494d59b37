/**
 * What both roles do alike: one session on their keys, and what it has cost.
 *
 * @module
 */

import type { Channel } from "../core/channel.ts";
import type { Engine, Weights } from "../core/engine.ts";
import { KeyError } from "../core/errors.ts";
import type { CoinRecord } from "../pipeline/interpreters/coins.ts";
import type { RunnerCounts } from "../pipeline/interpreters/runner.ts";
import { type ClientRequest, type Output, PartySession, type RequestShape } from "../pipeline/session/session.ts";
import type { PartyKeys } from "./keys.ts";
import type { Session } from "../transport/session.ts";

/** An open session with the other party: openings, control messages, and an end that both see. `Session` is one. */
export type Peer =
  & Channel
  & Pick<Session, "closed" | "sendControl" | "receiveControl" | "begin" | "began" | "peer" | "resumed" | "resumes">;

/** Key bytes that are held in memory ahead of their use, unless told otherwise. */
const WINDOW_BYTES = 256e6;

/** How a role runs a session. */
export interface RunOptions {
  /** Key bytes held in memory ahead of their use; 256 MB by default. */
  readonly windowBytes?: number;
  /**
   * Called, and waited for, when all is set up and nothing is sent that depends on an input; with the number of lanes
   * to come.
   */
  readonly onReady?: (lanes: number) => void | Promise<void>;
  /** Called after every lane. */
  readonly onLane?: () => void;
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
  /** Public line of the identity that the other party has proved. */
  readonly peer: string;
  /** Connections after the first. */
  readonly resumes: number;
}

/** What a party brings to a session. */
export interface SessionParts extends RunOptions {
  /** Its keys. */
  readonly keys: PartyKeys;
  /** Its arithmetic. */
  readonly engine: Engine;
  /** The open session. */
  readonly link: Peer;
  /** Prompt tokens of one lane; public. */
  readonly chunkTokens: number;
  /** Takes the public coins of dithered rounding, at the client. */
  readonly coins?: CoinRecord | undefined;
  /** Public lengths, one per request. */
  readonly shapes: readonly RequestShape[];
  /** What the client knows of each request; null at party 0. */
  readonly requests: readonly ClientRequest[] | null;
  /** What the parties still tell each other when this one's keys are spent; gives what it computes with. */
  readonly agree: () => PartyWeights | Promise<PartyWeights>;
}

/** What a party computes with. */
export interface PartyWeights {
  /** W or Ŵ by name. */
  readonly weights: ReadonlyMap<string, Weights>;
  /** Party 0's biases and learned positions by name; null at the client. */
  readonly vectors: ReadonlyMap<string, Int32Array> | null;
}

/**
 * Runs one session from keys to report, as `PartySession.run` does, and closes it in order.
 *
 * Keys are claimed before anything else, for what is said from then on depends on them: a session that ends before has
 * spent none. Then both make ready what needs no input, and tell each other when they are.
 *
 * @throws {KeyError} If the keys are the other party's, or spent.
 */
export async function* runSession(
  parts: SessionParts,
): AsyncGenerator<Output, SessionReport, Uint32Array | null | undefined> {
  const { keys: { plan, seed, salt, store }, engine, link, shapes } = parts, { party } = store.header;
  const { windowBytes = WINDOW_BYTES, onLane = () => {}, onReady, chunkTokens, coins } = parts;
  if (party !== link.party) throw new KeyError(`Cannot run party ${link.party} with the keys of party ${party}`);
  // Before the claim: whoever comes now finds a lot that is being claimed.
  link.begin();
  await store.claim();
  const { weights, vectors } = await parts.agree();
  const session = new PartySession({
    plan,
    engine,
    channel: link,
    keys: store,
    seed,
    salt,
    weights: (name) => weights.get(name)!,
    constants: vectors === null ? null : (name) => vectors.get(name)!,
    chunkTokens,
    windowBytes,
    now: () => performance.now(),
    onLane,
    coins,
  });
  // What needs no input is made before the clock starts.
  const start = performance.now();
  session.prepare(shapes);
  session.reserve(shapes);
  await store.openAhead?.(windowBytes);
  await onReady?.(session.laneCount(shapes));
  const prepareMs = performance.now() - start;
  link.sendControl("begin");
  await link.receiveControl("begin");
  const setupBytes = link.stats.wireBytes, begin = performance.now(), run = session.run(shapes, parts.requests);
  let firstMs = 0;
  for (let next = await run.next(); !next.done;) {
    firstMs ||= performance.now() - begin;
    next = await run.next(yield next.value);
  }
  const onlineMs = performance.now() - begin;
  link.close();
  await link.closed;
  const { counts, stageCounts: stages } = session,
    { frames, wireBytes } = link.stats,
    keyBytes = plan.keyBytes[link.party];
  const { peer, resumes } = link;
  return { keyBytes, counts, stages, frames, wireBytes, setupBytes, prepareMs, firstMs, onlineMs, peer, resumes };
}
