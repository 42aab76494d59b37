/** Key agreement on Curve25519 (RFC 7748), with secret keys that stay inside the platform's key objects. */

import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";
import { ProtocolError } from "../core/errors.ts";

/** Bytes of a public and of a secret key, and of what two of them agree on. */
export const X25519_BYTES = 32;

/** DER of a PrivateKeyInfo and of a SubjectPublicKeyInfo up to the 32 key bytes (RFC 8410 §4 and §7). */
const PRIVATE_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20);
const PUBLIC_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0);

/**
 * A key pair. Nothing prints the secret half: string conversion, JSON and inspection show the class alone.
 *
 * @example Two sides agree
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { KeyPair } from "sluice/transport/x25519.ts";
 *
 * const a = KeyPair.generate(), b = KeyPair.generate();
 *
 * assertEquals(a.agree(b.publicKey), b.agree(a.publicKey));
 * ```
 */
export class KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly #secret: KeyObject;

  private constructor(secret: KeyObject, publicKey: KeyObject) {
    this.#secret = secret;
    // Not a Buffer, which prints otherwise and whose slice() is a view.
    this.publicKey = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(PUBLIC_PREFIX.length));
  }

  /** Draws a fresh pair. */
  static generate(): KeyPair {
    const { privateKey, publicKey } = generateKeyPairSync("x25519");
    return new KeyPair(privateKey, publicKey);
  }

  /** The pair of a secret key of 32 bytes. */
  static from(secret: Uint8Array): KeyPair {
    const key = der(PRIVATE_PREFIX, secret), privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
    return new KeyPair(privateKey, createPublicKey(privateKey));
  }

  /**
   * The 32 bytes that both sides can compute and nobody else.
   *
   * @throws {ProtocolError} If the peer's key is a point of low order, which would fix them.
   */
  agree(peerKey: Uint8Array): Uint8Array {
    let shared: Uint8Array = new Uint8Array(X25519_BYTES);
    try {
      const publicKey = createPublicKey({ key: der(PUBLIC_PREFIX, peerKey), format: "der", type: "spki" });
      shared = new Uint8Array(diffieHellman({ privateKey: this.#secret, publicKey }));
    } catch {
      // Platforms differ in whether they refuse such a point or give zeros; the check below does for both.
    }
    if (shared.every((byte) => byte === 0)) {
      throw new ProtocolError("Cannot agree on a key as the peer's must be a point of full order: received another");
    }
    return shared;
  }
}

function der(prefix: Uint8Array, key: Uint8Array): Buffer {
  if (key.length !== X25519_BYTES) {
    throw new RangeError(`Cannot use X25519 key as it must have ${X25519_BYTES} bytes: received ${key.length}`);
  }
  return Buffer.concat([prefix, key]);
}
