/**
 * A party's keys: where they lie, what they say of themselves, and the plan that follows from it.
 *
 * @module
 */

import type { Party } from "../core/channel.ts";
import { hinted, KeyError } from "../core/errors.ts";
import { assertVersion } from "../core/format.ts";
import { Seed, SEED_BYTES } from "../core/prg/seed.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { ModelScope, ModelSpec } from "../pipeline/forward/model.ts";
import type { Scales } from "../pipeline/forward/scales.ts";
import { planDigest } from "../pipeline/session/digest.ts";
import type { KeySource } from "../pipeline/session/key_window.ts";
import { LAYOUT_VERSION, positionCount, SessionPlan, STREAM_PREFIX_BYTES } from "../pipeline/session/session_plan.ts";
import type { Agreement } from "../transport/handshake.ts";
import type { KeyHeader } from "../transport/key_file.ts";
import { type Digests, isDigests, tokenizerDigest } from "./digests.ts";
import { MASKS_FILE, SEED_FILE } from "./model_folder.ts";

/** Where one party's key stream lies: a folder, memory, or a browser's storage. */
export interface KeyStore extends KeySource {
  /** What messages call it. */
  readonly name: string;
  /** What the stream says of itself; public. */
  readonly header: KeyHeader;
  /** Makes the first bytes of the stream ready to be read, as far as that is work; at most so many. */
  openAhead?(bytes: number): Promise<void>;
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
  /** What this party is about to run, which both prove to each other when they open the link. */
  readonly agreement: Agreement;
  /** SHA-256 of the files that party 0 sends. */
  readonly digests: Digests;
  /** The plan that they were dealt for, with the model's public numbers. */
  readonly plan: SessionPlan;
  /** Secret of this party and the dealer. */
  readonly seed: Seed;
  /** The session's salt, 16 bytes. */
  readonly salt: Uint8Array;
}

/** The public header of a party's key stream: everything that its plan follows from. */
export function keyHeader(
  party: Party,
  plan: SessionPlan,
  { digests, ...ids }: Pick<Agreement, "session" | "weightsId"> & { readonly digests: Digests },
): KeyHeader {
  const { model: { scope, config, scales, rounding, bucket }, shape } = plan;
  return {
    party,
    ...ids,
    planDigest: planDigest(plan.model, shape),
    layoutVersion: LAYOUT_VERSION,
    streamBytes: plan.keyBytes[party],
    digests: JSON.stringify(digests),
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
  const { header, name } = store, { party, weightsId, session, streamBytes, layoutVersion } = header;
  assertVersion(layoutVersion, LAYOUT_VERSION, { name, remedy: "deal new keys with sluice keygen", error: KeyError });
  const plan = planOf(store),
    digests = digestsOf(store),
    digest = planDigest(plan.model, plan.shape);
  if (digest !== header.planDigest || plan.keyBytes[party] !== streamBytes) {
    const [expected, received] = [digest, header.planDigest].map((text) => text.slice(0, 16));
    throw hinted(
      new KeyError(
        `Cannot use ${name} as its keys were dealt by another version: expected plan ${expected}, received ${received}`,
      ),
      "deal new keys with sluice keygen of this version",
    );
  }
  const prefix = new Uint8Array(STREAM_PREFIX_BYTES);
  await store.read(prefix, 0);
  return {
    store,
    agreement: {
      session,
      weightsId,
      masksDigest: digests[MASKS_FILE]!,
      tokenizerDigest: tokenizerDigest(digests),
      planDigest: digest,
      layoutVersion: LAYOUT_VERSION,
    },
    digests,
    plan,
    seed: Seed.from(prefix.slice(0, SEED_BYTES)),
    salt: prefix.slice(SEED_BYTES),
  };
}

/** The digests that a header names; masks and seed are always there. */
function digestsOf({ name, header }: KeyStore): Digests {
  let digests: unknown;
  try {
    digests = JSON.parse(String(header["digests"]));
  } catch {
    // Reported below, with every other form.
  }
  if (!isDigests(digests) || digests[MASKS_FILE] === undefined || digests[SEED_FILE] === undefined) {
    throw new KeyError(
      `Cannot use ${name} as the header of its keys must name digests of masks and seed: received another form`,
    );
  }
  return digests;
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
