/**
 * What both parties' commands share: opening the keys, the plan they are for, and the report at the end.
 *
 * @module
 */

import type { Engine, Weights } from "../core/engine.ts";
import { KeyError } from "../core/errors.ts";
import { Seed } from "../core/prg/seed.ts";
import process from "node:process";
import type { ModelConfig } from "../models/model_config.ts";
import { planDigest } from "../pipeline/session/digest.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { CoinRecord } from "../pipeline/interpreters/coins.ts";
import type { ModelScope, ModelSpec } from "../pipeline/forward/model_spec.ts";
import type { Scales } from "../pipeline/forward/scales.ts";
import { PartySession, type RequestShape } from "../pipeline/session/session.ts";
import {
  positionCount,
  SessionPlan,
  type SessionShape,
  STREAM_PREFIX_BYTES,
} from "../pipeline/session/session_plan.ts";
import type { Identity } from "../transport/handshake.ts";
import { type KeyFileReader, type KeyHeader, openKeyFile, readLinkKey, usedBy } from "../transport/key_file.ts";
import type { Link } from "../transport/link.ts";
import type { RunnerCounts } from "../pipeline/interpreters/runner.ts";
import type { Flag, Options } from "./args.ts";
import { HOST_FLAG } from "./sockets.ts";
import { amount } from "./ui.ts";

/** Flags of both parties. */
export const SESSION_FLAGS: readonly Flag[] = [
  HOST_FLAG,
  { name: "profile", help: "show what every stage cost" },
  { name: "key-window", value: "MB", help: "key bytes held in memory ahead of their use (default 256)" },
];

/** Why keys do not serve a request of these public lengths, or null where they do. */
export function whyUnserved(
  { model, plan }: Pick<OpenKeys, "model" | "plan">,
  { promptTokens, generate }: RequestShape,
): string | null {
  const needed = positionCount({ promptTokens, generate });
  if (!model.config.causal && (promptTokens !== plan.positions || generate !== 0)) {
    return `Cannot run the text as the keys of a bidirectional model serve one length: expected ${plan.positions} tokens, received ${promptTokens}`;
  }
  if (needed <= plan.positions) return null;
  return `Cannot run the prompt as the keys were dealt for ${plan.positions} positions: ` +
    `${promptTokens} prompt tokens and ${generate} to generate need ${needed}`;
}

/** A party's keys, ready to run. */
export interface OpenKeys {
  readonly folder: string;
  readonly file: KeyFileReader;
  readonly linkKey: Uint8Array;
  readonly identity: Identity;
  readonly model: ModelSpec;
  readonly shape: SessionShape;
  readonly plan: SessionPlan;
  readonly seed: Seed;
  readonly salt: Uint8Array;
}

/**
 * Opens a key folder.
 *
 * @throws {KeyError} If the keys are missing, truncated, of the other party, already used, or of another version of sluice.
 */
export async function openKeys(folder: string, party: 0 | 1): Promise<OpenKeys> {
  const session = await usedBy(folder);
  if (session !== null) throw new KeyError(`Cannot use ${folder} as its keys were already used by session ${session}`);
  const file = await openKeyFile(folder, { party });
  try {
    const linkKey = await readLinkKey(folder), { header } = file;
    const { model, shape, plan } = planOf(folder, header), digest = planDigest(model, shape);
    if (digest !== header.planDigest || plan.keyBytes[party] !== header.streamBytes) {
      throw new KeyError(
        `Cannot use ${folder} as its keys were dealt by another version: expected plan ${
          digest.slice(0, 16)
        }, received ${header.planDigest.slice(0, 16)}`,
      );
    }
    const prefix = new Uint8Array(STREAM_PREFIX_BYTES);
    await file.read(prefix, 0);
    const identity = { party, weightsId: header.weightsId, planDigest: digest, session: header.session };
    return {
      folder,
      file,
      linkKey,
      identity,
      model,
      shape,
      plan,
      seed: Seed.from(prefix.slice(0, 32)),
      salt: prefix.slice(32),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The plan that a header describes; its digest says whether it is the one that was dealt. */
function planOf(folder: string, header: KeyHeader): Pick<OpenKeys, "model" | "shape" | "plan"> {
  try {
    const config = JSON.parse(String(header["config"])) as ModelConfig,
      scales = JSON.parse(String(header["scales"])) as Scales;
    const shape = {
      promptTokens: Number(header["promptTokens"]),
      generate: Number(header["generate"]),
      requests: Number(header["requests"]),
    };
    const bucket = header["bucket"] === undefined ? {} : { bucket: Number(header["bucket"]) };
    const rounding = header["rounding"] as Rounding;
    const model: ModelSpec = {
      scope: header["scope"] as ModelScope,
      config,
      scales,
      maxPositions: positionCount(shape),
      ...bucket,
      rounding,
    };
    return { model, shape, plan: new SessionPlan(model, shape) };
  } catch (cause) {
    throw new KeyError(`Cannot use ${folder} as the header of its keys must describe a plan: received another form`, {
      cause,
    });
  }
}

/** What a party brings to a session beside its keys. */
export interface PartyParts {
  readonly engine: Engine;
  readonly link: Link;
  /** W or Ŵ by name. */
  readonly weights: ReadonlyMap<string, Weights>;
  /** Party 0's biases and learned positions by name. */
  readonly vectors: ReadonlyMap<string, Int32Array> | null;
  readonly chunkTokens: number;
  readonly onLane?: () => void;
  /** Takes the public coins of dithered rounding, at party 1. */
  readonly coins?: CoinRecord | undefined;
}

/** A party's side of the session that its keys are for. */
export function openSession(options: Options, keys: OpenKeys, parts: PartyParts): PartySession {
  const { engine, link, weights, vectors, chunkTokens, onLane, coins } = parts;
  return new PartySession({
    plan: keys.plan,
    engine,
    channel: link,
    keys: keys.file,
    seed: keys.seed,
    salt: keys.salt,
    weights: (name) => weights.get(name)!,
    constants: vectors === null ? null : (name) => vectors.get(name)!,
    chunkTokens,
    windowBytes: options.count("key-window", 256, 1) * 1e6,
    now: () => performance.now(),
    ...(onLane === undefined ? {} : { onLane }),
    coins,
  });
}

/** Numbers that both parties report. */
export function sessionReport(session: PartySession, link: Link, keys: OpenKeys): Record<string, unknown> {
  const { counts } = session;
  return {
    keyBytes: keys.plan.keyBytes[link.party],
    sentBytes: counts.sentBytes,
    exchanges: counts.exchanges,
    computeMs: Math.round(counts.computeMs),
    waitMs: Math.round(counts.waitMs),
    frames: link.stats.frames,
    wireBytes: link.stats.wireBytes,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** The cost table at the end of a session; with `profile` one line per stage. */
export function costTable(session: PartySession, link: Link, keys: OpenKeys, profile: boolean): string {
  const { counts, stageCounts } = session, seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;
  const line = (name: string, { exchanges, sentBytes, computeMs, waitMs }: RunnerCounts): string =>
    `  ${name.padEnd(10)}${String(exchanges).padStart(9)}${amount(sentBytes).padStart(12)}${
      seconds(computeMs).padStart(12)
    }${seconds(waitMs).padStart(12)}`;
  const name = (stage: number): string =>
    stage === 0 ? "input" : stage === stageCounts.length - 1 ? "output" : `layer ${stage - 1}`;
  return [
    `keys ${amount(keys.plan.keyBytes[link.party])}, ${link.stats.frames} frames, ${
      amount(link.stats.wireBytes)
    } on the wire`,
    `  ${"stage".padEnd(10)}${"exchanges".padStart(9)}${"sent".padStart(12)}${"compute".padStart(12)}${
      "wait".padStart(12)
    }`,
    ...(profile ? stageCounts.map((stage, index) => line(name(index), stage)) : []),
    line("all", counts),
  ].join("\n");
}
