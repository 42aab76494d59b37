/** Sealing of a link's frames: ChaCha20-Poly1305 with the frame's index as nonce, as Noise's transport messages (§5.1). */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { ProtocolError } from "../core/errors.ts";

/** Bytes of the link key that the dealer puts in both key folders. */
export const LINK_KEY_BYTES = 32;
/** Bytes of the key of one direction's frames. */
export const FRAME_KEY_BYTES = 32;
/** Bytes that sealing adds to a frame. */
export const TAG_BYTES = 16;
/** Frames that one direction may carry under one key. */
export const MAX_SEALED_FRAMES = 2 ** 48;

/** The nonce of frame `index`: 32 zero bits, then the index, little-endian (RFC 8439 §2.8 leaves the split to the protocol). */
function writeNonce(nonce: DataView, index: number): void {
  nonce.setUint32(4, index >>> 0, true);
  nonce.setUint32(8, Math.floor(index / 2 ** 32), true);
}

function assertFramesLeft(index: number, verb: string): void {
  if (index >= MAX_SEALED_FRAMES) {
    throw new ProtocolError(
      `Cannot ${verb} frame as a link carries at most ${MAX_SEALED_FRAMES} frames: received frame ${index}`,
    );
  }
}

/** Seals the frames of one direction, in order. */
export class Sealer {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(12);
  readonly #nonceView = new DataView(this.#nonce.buffer);
  #index: number;

  /**
   * Makes a sealer of one direction.
   *
   * @param firstIndex Index of the first frame; both sides of a direction start with the same one.
   */
  constructor(key: Uint8Array, firstIndex = 0) {
    this.#key = key;
    this.#index = firstIndex;
  }

  /**
   * Writes ciphertext and tag of the next frame to `out` at `offset`: `plain.length + TAG_BYTES` bytes.
   *
   * @throws {ProtocolError} If the direction has used all its nonces.
   */
  seal(plain: Uint8Array, out: Uint8Array, offset: number): void {
    assertFramesLeft(this.#index, "seal");
    writeNonce(this.#nonceView, this.#index++);
    const cipher = createCipheriv("chacha20-poly1305", this.#key, this.#nonce, { authTagLength: TAG_BYTES });
    out.set(cipher.update(plain), offset);
    cipher.final();
    out.set(cipher.getAuthTag(), offset + plain.length);
  }
}

/** Opens the frames of one direction, in order; a frame that is not the next one as it was sealed does not open. */
export class Opener {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(12);
  readonly #nonceView = new DataView(this.#nonce.buffer);
  #index: number;

  /**
   * Makes an opener of one direction.
   *
   * @param firstIndex Index of the first frame; both sides of a direction start with the same one.
   */
  constructor(key: Uint8Array, firstIndex = 0) {
    this.#key = key;
    this.#index = firstIndex;
  }

  /**
   * Returns the plain bytes of the next frame in a fresh array.
   *
   * @throws {ProtocolError} If the frame was changed, replayed, reordered or cut, or the direction has used all its nonces.
   */
  open(sealed: Uint8Array): Uint8Array {
    assertFramesLeft(this.#index, "open");
    const index = this.#index++;
    const plainBytes = sealed.length - TAG_BYTES;
    if (plainBytes >= 0) {
      writeNonce(this.#nonceView, index);
      const decipher = createDecipheriv("chacha20-poly1305", this.#key, this.#nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(plainBytes));
      const plain = decipher.update(sealed.subarray(0, plainBytes));
      try {
        decipher.final();
        // Not a Buffer: its slice() would be a view.
        return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
      } catch {
        // Falls through to the one error for every frame that does not verify.
      }
    }
    throw new ProtocolError(
      `Cannot open frame ${index} as its seal must verify: received a frame that was changed, replayed, reordered or cut`,
    );
  }
}
