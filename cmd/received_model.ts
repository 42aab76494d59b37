/**
 * What party 0 sends of its model: the tokenizer, and the seed from which the client expands Ŵ. The client keeps both by weights id.
 *
 * @module
 */

import { KeyError, ModelError } from "../core/errors.ts";
import { Seed, SEED_BYTES } from "../core/prg/seed.ts";
import {
  createTokenizer,
  readTokenizerFiles,
  type Tokenizer,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
} from "../models/tokenizer.ts";
import type { Link } from "../transport/link.ts";
import { diskFiles, SEED_FILE } from "./model_folder.ts";

/** Files that travel, in order; a missing one travels empty. */
const TRAVELLING = [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, SEED_FILE] as const;

/** A received model. */
export interface ReceivedModel {
  readonly tokenizer: Tokenizer | null;
  readonly seed: Seed;
}

/** Party 0: waits for what the client has, and sends what it lacks. The seed is the one that was checked with the weights. */
export async function sendModel(folder: string, seed: Seed, link: Link): Promise<void> {
  const { body } = await link.receiveControl("model"), files = diskFiles(folder);
  if ((body as { cached?: unknown } | null)?.cached === true) return;
  const tokenizer = await readTokenizerFiles(files), none = new Uint8Array(0);
  link.sendControl(TOKENIZER_FILE, null, tokenizer?.tokenizerJson ?? none);
  link.sendControl(TOKENIZER_CONFIG_FILE, null, tokenizer?.configJson ?? none);
  link.sendControl(SEED_FILE, null, seed.expose());
}

/**
 * The client: takes the model from its cache, or from party 0 and into the cache.
 *
 * @param cache Folder of cached models; each has a folder named by its weights id.
 */
export async function receiveModel(link: Link, cache: string, weightsId: string): Promise<ReceivedModel> {
  if (!/^[0-9a-f]{32}$/.test(weightsId)) {
    throw new KeyError("Cannot use these keys as the id of their weights must be 32 hexadecimal digits");
  }
  const folder = `${cache}/${weightsId}`,
    files = diskFiles(folder),
    cached = await files.has(SEED_FILE);
  link.sendControl("model", { cached });
  const read = async (name: (typeof TRAVELLING)[number]): Promise<Uint8Array> =>
    cached ? await files.read(name) : (await link.receiveControl(name)).payload.slice();
  const received = new Map<string, Uint8Array>();
  for (const name of TRAVELLING) received.set(name, await read(name));
  const seed = received.get(SEED_FILE)!,
    json = received.get(TOKENIZER_FILE)!,
    config = received.get(TOKENIZER_CONFIG_FILE)!;
  if (seed.length !== SEED_BYTES) {
    throw new ModelError(`Cannot use the model as its seed must have ${SEED_BYTES} bytes: received ${seed.length}`);
  }
  if (!cached) {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    // The seed comes last, under another name first: a folder that has it is complete.
    for (const [name, bytes] of received) {
      const path = `${folder}/${name}`, part = `${path}.${crypto.randomUUID()}`;
      await Deno.writeFile(part, bytes, { mode: 0o600 });
      await Deno.rename(part, path);
    }
  }
  return {
    tokenizer: json.length === 0 ? null : createTokenizer(json, config.length === 0 ? undefined : config),
    seed: Seed.from(seed),
  };
}

/** Where models are cached unless the user says otherwise. */
export function defaultCache(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") ??
    (Deno.env.get("HOME") === undefined ? ".cache" : `${Deno.env.get("HOME")}/.cache`);
  return `${base}/sluice`;
}
