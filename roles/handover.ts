/**
 * What party 0 sends of its model: the tokenizer, and the seed from which the client expands Ŵ. The client keeps both
 * by weights id.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import { Seed, SEED_BYTES } from "../core/prg/seed.ts";
import type { ModelFiles } from "../models/files.ts";
import {
  createTokenizer,
  readTokenizerFiles,
  type Tokenizer,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
} from "../models/tokenizer.ts";
import { SEED_FILE } from "./model_folder.ts";
import type { Peer } from "./session.ts";

/** Files that travel, in order; a missing one travels empty. The seed comes last: a folder that has it is complete. */
export const TRAVELLING = [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, SEED_FILE] as const;

/** Contents of the files that travel, by name. */
export type ReceivedFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Where a client keeps what it received: the files of a weights id, which is 32 hexadecimal digits. They hold a secret
 * seed.
 */
export interface ModelCache {
  /** The files, or null where they are not known. */
  load(weightsId: string): Promise<ReceivedFiles | null>;
  /** Keeps them, all or none. */
  save(weightsId: string, files: ReceivedFiles): Promise<void>;
}

/** A received model. */
export interface ReceivedModel {
  /** Null where the model works on token ids alone. */
  readonly tokenizer: Tokenizer | null;
  /** Seed of Ŵ; secret. */
  readonly seed: Seed;
}

/**
 * Party 0: waits for what the client has, and sends what it lacks. The seed is the one that was checked with the
 * weights.
 */
export async function sendModel(files: ModelFiles, seed: Seed, peer: Peer): Promise<void> {
  const { body } = await peer.receiveControl("model");
  if (body?.["cached"] === true) return;
  const tokenizer = await readTokenizerFiles(files);
  peer.sendControl(TOKENIZER_FILE, null, tokenizer?.tokenizerJson);
  peer.sendControl(TOKENIZER_CONFIG_FILE, null, tokenizer?.configJson);
  peer.sendControl(SEED_FILE, null, seed.expose());
}

/**
 * The client: takes the model from its cache, or from party 0 and into the cache.
 *
 * @throws {KeyError} If the keys' weights id is none.
 * @throws {ModelError} If the seed or the tokenizer is malformed.
 */
export async function receiveModel(peer: Peer, cache: ModelCache | null, weightsId: string): Promise<ReceivedModel> {
  if (!/^[0-9a-f]{32}$/.test(weightsId)) {
    throw new KeyError("Cannot use these keys as the id of their weights must be 32 hexadecimal digits");
  }
  const known = await cache?.load(weightsId) ?? null, files = new Map(known);
  peer.sendControl("model", { cached: known !== null });
  if (known === null) {
    for (const name of TRAVELLING) files.set(name, (await peer.receiveControl(name)).payload.slice());
  }
  const [json, config, seed] = TRAVELLING.map((name) => files.get(name) ?? new Uint8Array(0)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (seed.length !== SEED_BYTES) {
    throw new ModelError(`Cannot use the model as its seed must have ${SEED_BYTES} bytes: received ${seed.length}`);
  }
  if (known === null) await cache?.save(weightsId, files);
  return {
    tokenizer: json.length === 0 ? null : createTokenizer(json, config.length === 0 ? undefined : config),
    seed: Seed.from(seed),
  };
}
