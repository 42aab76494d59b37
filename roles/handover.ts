/**
 * What party 0 sends of its model: the tokenizer, before the client asks, and the seed from which the client expands Ŵ,
 * after both have claimed their keys: seed and masks together are the weights, and whoever has a copy of a key folder must
 * spend it to come to the seed. The client keeps both by their digests, which its keys name.
 *
 * @module
 */

import { ModelError } from "../core/errors.ts";
import { Seed } from "../core/prg/seed.ts";
import type { ModelFiles } from "../models/files.ts";
import { createTokenizer, readTokenizerFiles, type Tokenizer, type TokenizerFiles } from "../models/tokenizer.ts";
import { sha256 } from "../transport/digest.ts";
import { type Digests, TOKENIZER_FILES } from "./digests.ts";
import { SEED_FILE } from "./model_folder.ts";
import type { Peer } from "./session.ts";

/** Where a client keeps what it received, by SHA-256. What it gives back is checked. */
export interface ModelCache {
  /** The bytes of a digest, or null where they are not known. */
  load(digest: string): Promise<Uint8Array | null>;
  /** Keeps bytes, all or none; instead of what was there. */
  save(digest: string, bytes: Uint8Array): Promise<void>;
}

/** The tokenizer's files as they travel, by name. */
export function travelling({ tokenizerJson, configJson }: TokenizerFiles): ReadonlyMap<string, Uint8Array> {
  const [json, config] = TOKENIZER_FILES;
  return new Map([[json, tokenizerJson], ...(configJson === undefined ? [] : [[config, configJson] as const])]);
}

/**
 * Reads a model's tokenizer, and checks that it is the one that was prepared.
 *
 * @throws {ModelError} If it has changed since.
 */
export async function readTravelling(files: ModelFiles, digests: Digests): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = await readTokenizerFiles(files), tokenizer = found === null ? new Map() : travelling(found);
  for (const name of TOKENIZER_FILES) {
    const bytes: Uint8Array | undefined = tokenizer.get(name);
    if ((bytes === undefined ? undefined : sha256(bytes)) !== digests[name]) {
      throw new ModelError(
        `Cannot serve ${files.name} as its tokenizer must be the one that was prepared: received another ${name}`,
      );
    }
  }
  return tokenizer;
}

/** Party 0: waits until the client says what it has of the tokenizer, and sends what it lacks. */
export async function sendTokenizer(tokenizer: ReadonlyMap<string, Uint8Array>, peer: Peer): Promise<void> {
  const { body } = await peer.receiveControl("model");
  if (body?.["tokenizer"] !== true) return;
  for (const [name, bytes] of tokenizer) peer.sendControl(name, null, bytes);
}

/**
 * The client: its own tokenizer, or that of its keys from the cache or from party 0.
 *
 * @param own The client's own files, which are used as they are.
 * @returns Null where the model has none.
 * @throws {ModelError} If what party 0 sent is not what the keys name, or is malformed.
 */
export async function receiveTokenizer(
  peer: Peer,
  digests: Digests,
  { own, cache }: { readonly own: TokenizerFiles | undefined; readonly cache: ModelCache | null },
): Promise<Tokenizer | null> {
  const names = own === undefined ? TOKENIZER_FILES.filter((name) => digests[name] !== undefined) : [];
  const known = await Promise.all(names.map((name) => cached(cache, digests[name]!)));
  peer.sendControl("model", { tokenizer: known.includes(null) });
  const received: Uint8Array[] = [];
  for (const [i, name] of names.entries()) {
    received.push(known.includes(null) ? await receiveFile(peer, { name, digests, cache }) : known[i]!);
  }
  const [json, config] = own === undefined ? received : [own.tokenizerJson, own.configJson];
  return json === undefined ? null : createTokenizer(json, config);
}

/** The seed of a client that has it in its cache, or null. */
export async function cachedSeed(digests: Digests, cache: ModelCache | null): Promise<Seed | null> {
  const bytes = await cached(cache, digests[SEED_FILE]!);
  return bytes === null ? null : Seed.from(bytes);
}

/** The client: receives the seed of Ŵ. */
export async function receiveSeed(peer: Peer, digests: Digests, cache: ModelCache | null): Promise<Seed> {
  return Seed.from(await receiveFile(peer, { name: SEED_FILE, digests, cache }));
}

async function cached(cache: ModelCache | null, digest: string): Promise<Uint8Array | null> {
  const bytes = await cache?.load(digest) ?? null;
  // What a disk has changed is fetched again.
  return bytes !== null && sha256(bytes) === digest ? bytes : null;
}

async function receiveFile(
  peer: Peer,
  { name, digests, cache }: { readonly name: string; readonly digests: Digests; readonly cache: ModelCache | null },
): Promise<Uint8Array> {
  const bytes = (await peer.receiveControl(name)).payload.slice(), digest = digests[name]!;
  if (sha256(bytes) !== digest) {
    throw new ModelError(`Cannot use ${name} of party 0 as it must be the one that the keys name: received another`);
  }
  await cache?.save(digest, bytes);
  return bytes;
}
