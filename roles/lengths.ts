/**
 * The lengths of a session: those that keys are dealt for, which they serve, and how a text's own is hidden among them.
 * All lengths but `tokens` of {@linkcode hiddenAmong} are public.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import type { Rounding } from "../core/protocols/layers/rounding.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { ModelSpec } from "../pipeline/forward/model.ts";
import type { RequestShape } from "../pipeline/session/session.ts";
import { filledUp, positionCount, SessionPlan } from "../pipeline/session/session_plan.ts";
import type { Prepared } from "./model_folder.ts";

/** What a caller asks of a role is not possible: another call is. */
export class RequestError extends RangeError {
  /** Name of the class. */
  override name = "RequestError";
}

/** Why keys do not serve a request of these public lengths, or null where they do. */
export function whyUnserved({ model, positions }: SessionPlan, shape: RequestShape): string | null {
  const { promptTokens, generate } = shape, needed = positionCount(shape);
  if (!model.config.causal && (promptTokens !== positions || generate !== 0)) {
    return "Cannot run the text as the keys of a bidirectional model serve one length: " +
      `expected ${positions} tokens, received ${promptTokens}`;
  }
  if (needed <= positions) return null;
  return `Cannot run the prompt as the keys were dealt for ${positions} positions: ` +
    `${promptTokens} prompt tokens and ${generate} to generate need ${needed}`;
}

/** Lengths that keys are dealt for, and how; all of it public. */
export interface SessionLengths {
  /** Longest prompt in tokens; of a bidirectional model the exact length, unless `bucket` hides it. */
  readonly promptTokens: number;
  /** Tokens to generate after it; 0 by default. */
  readonly generate?: number;
  /** Requests in one session; 1 by default. */
  readonly requests?: number;
  /** How truncations round; to the nearest by default. */
  readonly rounding?: Rounding;
  /** Rounds the prompt up to a multiple of this many tokens, and hides a text's own length among them. */
  readonly bucket?: number | undefined;
}

/**
 * The plan of a session of a prepared model.
 *
 * @param prepared What is computed, the scales, and the padding that they were calibrated on.
 * @throws {RequestError} If lengths shall be hidden and the model is causal: a prompt may be shorter than its keys, but
 * both parties see by how much.
 * @throws {ModelError} If they shall, and the model was not calibrated on so much padding.
 */
export function sessionPlan(
  config: ModelConfig,
  prepared: Pick<Prepared, "scope" | "scales" | "paddedPositions">,
  { promptTokens, generate = 0, requests = 1, rounding = "nearest", bucket }: SessionLengths,
): SessionPlan {
  const { scope, scales } = prepared, shape = { promptTokens: filledUp(promptTokens, bucket), generate, requests };
  const model: ModelSpec = { scope, config, scales, maxPositions: positionCount(shape), rounding };
  if (bucket === undefined) return new SessionPlan(model, shape);
  assertBucket(config, prepared, shape.promptTokens);
  return new SessionPlan({ ...model, bucket }, shape);
}

function assertBucket(
  { causal }: ModelConfig,
  { paddedPositions = 0 }: Pick<Prepared, "paddedPositions">,
  positions: number,
): void {
  if (causal) throw new RequestError("Cannot use --bucket as only texts of a bidirectional model can be filled up");
  if (positions <= paddedPositions) return;
  const message = "Cannot use --bucket as the ranges of the model must hold for padding up to " +
    `${positions} tokens: it was prepared for ${paddedPositions}`;
  throw Object.assign(new ModelError(message), { hint: `run sluice prepare --pad-to ${positions}` });
}

/**
 * The tokens that a text takes in a session: its own, or as many as the keys hide it among.
 *
 * @param tokens The text's own; only the client knows.
 * @param bucket What the client asks for; keys that hide lengths fill texts up without it too.
 * @throws {KeyError} If the keys do not hide lengths, or not that of this text.
 */
export function hiddenAmong(tokens: number, bucket: number | undefined, { model, positions }: SessionPlan): number {
  const needed = filledUp(tokens, bucket),
    refuse = (message: string, among: number): never => {
      const hint = `deal new keys with sluice keygen --prompt-tokens ${filledUp(tokens, among)} --bucket ${among}`;
      throw Object.assign(new KeyError(message), { hint });
    };
  if (model.bucket === undefined) {
    if (bucket === undefined) return tokens;
    return refuse(
      "Cannot hide the length of the text as the keys must be dealt with --bucket: received others",
      bucket,
    );
  }
  if (bucket !== undefined && needed !== positions) {
    const filled = `${tokens} tokens fill up to a multiple of ${bucket}`;
    return refuse(
      `Cannot run the text as ${filled}: expected keys for ${needed} tokens, received keys for ${positions}`,
      bucket,
    );
  }
  if (tokens <= positions) return positions;
  return refuse(`Cannot run the text as the keys hide up to ${positions} tokens: received ${tokens}`, model.bucket);
}
