/**
 * SHA-256 of files that lie or travel with others: who gets one checks it against what the owner noted when it prepared
 * the model, and the dealer put into both key headers.
 *
 * @module
 */

import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from "../models/tokenizer.ts";
import { Digest } from "../transport/digest.ts";

/** SHA-256 of files by name, hexadecimal; a file that the model lacks is not in it. */
export type Digests = Readonly<Record<string, string>>;

/** The files of a tokenizer, in order. */
export const TOKENIZER_FILES = [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE] as const;

/** One digest of all files of a tokenizer: SHA-256 of name, space, digest and newline of each that is there. */
export function tokenizerDigest(digests: Digests): string {
  const digest = new Digest();
  for (const name of TOKENIZER_FILES) if (digests[name] !== undefined) digest.add(`${name} ${digests[name]}\n`);
  return digest.hex();
}

/** Whether a value is digests by name. */
export function isDigests(value: unknown): value is Digests {
  return typeof value === "object" && value !== null &&
    Object.values(value).every((digest) => typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest));
}
