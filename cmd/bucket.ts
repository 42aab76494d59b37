/**
 * `--bucket N`: texts of bidirectional models are filled up to a multiple of N tokens, and only the client knows how many are real.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { ModelSpec } from "../pipeline/forward/model_spec.ts";
import { filledUp, type SessionPlan } from "../pipeline/session/session_plan.ts";
import type { Flag, Options } from "./args.ts";
import type { Prepared } from "./model_folder.ts";
import { UsageError } from "./ui.ts";

/** The flag of the dealer, and of plans. */
export const BUCKET_FLAG: Flag = {
  name: "bucket",
  value: "N",
  help: "hide the text's length: round it up to a multiple of N (bidirectional models)",
};

/** The bucket that the flags name. */
export function bucketOf(options: Options): number | undefined {
  return options.text(BUCKET_FLAG.name) === undefined ? undefined : options.count(BUCKET_FLAG.name, 0, 1);
}

/**
 * Throws unless lengths can be hidden as the user wants.
 *
 * @throws {UsageError} If the model is causal: a prompt may be shorter than its keys, but both parties see by how much.
 * @throws {ModelError} If the model was not calibrated on padding.
 */
export function assertBucket(
  bucket: number | undefined,
  { causal }: ModelConfig,
  { paddedPositions = 0 }: Pick<Prepared, "paddedPositions">,
  positions: number,
): void {
  if (bucket === undefined) return;
  if (causal) throw new UsageError("Cannot use --bucket as only texts of a bidirectional model can be filled up");
  if (positions > paddedPositions) {
    const message =
      `Cannot use --bucket as the ranges of the model must hold for padding up to ${positions} tokens: it was prepared for ${paddedPositions}`;
    throw Object.assign(new ModelError(message), { hint: `run sluice prepare --pad-to ${positions}` });
  }
}

/**
 * The tokens that a text takes in a session: its own, or as many as the keys hide it among.
 *
 * @param bucket What the client asks for; keys that hide lengths fill texts up without it too.
 * @throws {KeyError} If the keys do not hide lengths, or not that of this text.
 */
export function hiddenAmong(
  tokens: number,
  bucket: number | undefined,
  { model, plan }: { readonly model: ModelSpec; readonly plan: SessionPlan },
): number {
  const { positions } = plan, needed = filledUp(tokens, bucket);
  const deal = (of: number): { hint: string } => ({
    hint: `deal new keys with sluice keygen --prompt-tokens ${filledUp(tokens, of)} --bucket ${of}`,
  });
  if (model.bucket === undefined) {
    if (bucket === undefined) return tokens;
    const message = "Cannot hide the length of the text as the keys must be dealt with --bucket: received others";
    throw Object.assign(new KeyError(message), deal(bucket));
  }
  if (bucket !== undefined && needed !== positions) {
    const message =
      `Cannot run the text as ${tokens} tokens fill up to a multiple of ${bucket}: expected keys for ${needed} tokens, received keys for ${positions}`;
    throw Object.assign(new KeyError(message), deal(bucket));
  }
  if (tokens <= positions) return positions;
  const message = `Cannot run the text as the keys hide up to ${positions} tokens: received ${tokens}`;
  throw Object.assign(new KeyError(message), deal(model.bucket));
}
