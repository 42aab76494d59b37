/**
 * A key stream at rest: chunks of a MiB, each with a tag of its own, so that a changed bit anywhere is found before
 * anything is made from it, at random access and with no list of digests.
 *
 * ```text
 * key     = HKDF-SHA256(link key, salt = SHA-256(header), info = "sluice/2/keys/0" or "…/1", 32 bytes)
 * chunk i = ChaCha20-Poly1305(key, nonce = i as 88 bits big-endian || 1 if it is the last, else 0)
 * ```
 *
 * The order and the end are in the nonces (the STREAM construction), the header in the key. A stream of 0 bytes is one
 * empty chunk. Both parties hold the link key: this guards against disks and copies, not against the other party.
 */

import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import type { Party } from "../core/channel.ts";
import { TAG_BYTES } from "./seal.ts";

/** Plain bytes of every chunk but the last. */
export const CHUNK_BYTES = 2 ** 20;

/** A stream's chunks: where they lie, and how they are sealed and opened. */
export class SealedChunks {
  /** At least one. */
  readonly count: number;
  /** Bytes of all sealed chunks, one after the other. */
  readonly sealedBytes: number;
  readonly #streamBytes: number;
  readonly #key: Uint8Array;

  /** @param header Bytes that the chunks belong to. */
  constructor(linkKey: Uint8Array, header: Uint8Array, party: Party, streamBytes: number) {
    this.#streamBytes = streamBytes;
    this.count = Math.max(1, Math.ceil(streamBytes / CHUNK_BYTES));
    this.sealedBytes = streamBytes + this.count * TAG_BYTES;
    const salt = createHash("sha256").update(header).digest();
    this.#key = new Uint8Array(hkdfSync("sha256", linkKey, salt, `sluice/2/keys/${party}`, 32));
  }

  /** Plain bytes of a chunk. */
  plainBytes(index: number): number {
    return Math.min(CHUNK_BYTES, this.#streamBytes - index * CHUNK_BYTES);
  }

  /** Where a chunk begins among the sealed ones. */
  sealedAt(index: number): number {
    return index * (CHUNK_BYTES + TAG_BYTES);
  }

  /** Ciphertext and tag of a chunk. */
  seal(index: number, plain: Uint8Array): Uint8Array {
    const cipher = createCipheriv("chacha20-poly1305", this.#key, this.#nonce(index), { authTagLength: TAG_BYTES });
    const out = new Uint8Array(plain.length + TAG_BYTES);
    out.set(cipher.update(plain));
    cipher.final();
    out.set(cipher.getAuthTag(), plain.length);
    return out;
  }

  /** The plain bytes of a chunk, or null if it is not what was sealed there. */
  open(index: number, sealed: Uint8Array): Uint8Array | null {
    const decipher = createDecipheriv("chacha20-poly1305", this.#key, this.#nonce(index), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  }

  #nonce(index: number): Uint8Array {
    const nonce = new Uint8Array(12), view = new DataView(nonce.buffer);
    view.setUint32(7, index);
    view.setUint8(11, index === this.count - 1 ? 1 : 0);
    return nonce;
  }
}
