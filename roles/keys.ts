/**
 * A party's keys: where they lie, what they say of themselves, and the plan that follows from it.
 *
 * @module
 */

import type { Party } from "../core/channel.ts";
import { KeyError } from "../core/errors.ts";
import { Seed, SEED_BYTES } from "../core/prg/seed.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { ModelScope, ModelSpec } from "../pipeline/forward/model.ts";
import type { Scales } from "../pipeline/forward/scales.ts";
import { planDigest } from "../pipeline/session/digest.ts";
import type { KeySource } from "../pipeline/session/key_window.ts";
import { positionCount, SessionPlan, STREAM_PREFIX_BYTES } from "../pipeline/session/session_plan.ts";
import type { Identity } from "../transport/handshake.ts";
import type { KeyHeader } from "../transport/key_file.ts";

/** Where one party's key stream lies: a folder, memory, or a browser's storage. */
export interface KeyStore extends KeySource {
  /** What messages call it. */
  readonly name: string;
  /** What the stream says of itself; public. */
  readonly header: KeyHeader;
  /**
   * Marks the keys as used, durably, before the first share leaves.
   *
   * @throws {KeyError} If they are used already: a second use would reveal the inputs of both.
   */
  claim(): Promise<void>;
}

/** One party's keys, ready to run once. */
export interface PartyKeys {
  /** Where they lie. */
  readonly store: KeyStore;
  /** What this party says it is about to run, when it opens the link. */
  readonly identity: Identity;
  /** The plan that they were dealt for, with the model's public numbers. */
  readonly plan: SessionPlan;
  /** Secret of this party and the dealer. */
  readonly seed: Seed;
  /** The session's salt, 16 bytes. */
  readonly salt: Uint8Array;
}

/** The public header of a party's key stream: everything that its plan follows from. */
export function keyHeader(party: Party, plan: SessionPlan, ids: Pick<Identity, "session" | "weightsId">): KeyHeader {
  const { model: { scope, config, scales, rounding, bucket }, shape } = plan;
  return {
    party,
    ...ids,
    planDigest: planDigest(plan.model, shape),
    streamBytes: plan.keyBytes[party],
    scope,
    config: JSON.stringify(config),
    scales: JSON.stringify(scales),
    rounding,
    ...shape,
    ...(bucket === undefined ? {} : { bucket }),
  };
}

/**
 * Opens a party's keys: reads the plan from their header, and checks that it is the one that was dealt.
 *
 * @throws {KeyError} If their header describes no plan, or one of another version of sluice.
 */
export async function openKeys(store: KeyStore): Promise<PartyKeys> {
  const { header, name } = store,
    { party, weightsId, session, streamBytes } = header,
    plan = planOf(store),
    digest = planDigest(plan.model, plan.shape);
  if (digest !== header.planDigest || plan.keyBytes[party] !== streamBytes) {
    const [expected, received] = [digest, header.planDigest].map((text) => text.slice(0, 16));
    throw new KeyError(
      `Cannot use ${name} as its keys were dealt by another version: expected plan ${expected}, received ${received}`,
    );
  }
  const prefix = new Uint8Array(STREAM_PREFIX_BYTES);
  await store.read(prefix, 0);
  return {
    store,
    identity: { party, weightsId, planDigest: digest, session },
    plan,
    seed: Seed.from(prefix.slice(0, SEED_BYTES)),
    salt: prefix.slice(SEED_BYTES),
  };
}

/** The plan that a header describes; its digest says whether it is the one that was dealt. */
function planOf({ name, header }: KeyStore): SessionPlan {
  try {
    const config = JSON.parse(String(header["config"])) as ModelConfig,
      scales = JSON.parse(String(header["scales"])) as Scales,
      [promptTokens, generate, requests] = ["promptTokens", "generate", "requests"].map((field) =>
        Number(header[field])
      ) as [number, number, number],
      shape = { promptTokens, generate, requests };
    const model: ModelSpec = {
      scope: header["scope"] as ModelScope,
      config,
      scales,
      maxPositions: positionCount(shape),
      rounding: header["rounding"] as Rounding,
      ...(header["bucket"] === undefined ? {} : { bucket: Number(header["bucket"]) }),
    };
    return new SessionPlan(model, shape);
  } catch (cause) {
    throw new KeyError(`Cannot use ${name} as the header of its keys must describe a plan: received another form`, {
      cause,
    });
  }
}
