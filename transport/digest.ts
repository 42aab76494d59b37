/** SHA-256, of files that lie or travel with others. */

import { createHash, type Hash } from "node:crypto";

/** A digest in the making. */
export class Digest {
  readonly #hash: Hash = createHash("sha256");

  /** Adds bytes or text. */
  add(bytes: Uint8Array | string): this {
    this.#hash.update(bytes);
    return this;
  }

  /** The digest, hexadecimal; nothing can be added any more. */
  hex(): string {
    return this.#hash.digest("hex");
  }
}

/** SHA-256 of bytes, hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return new Digest().add(bytes).hex();
}
