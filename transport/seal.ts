/**
 * Link sealing: an ephemeral X25519 exchange authenticated by a key that both key folders hold, then ChaCha20-Poly1305 per frame.
 *
 * ```text
 * hello      = "SLUICEL1" (8 bytes) || ephemeral X25519 public key (32 bytes)      both sides, at once
 * transcript = SHA-256(hello of the dialer || hello of the listener)
 * secret     = HKDF-SHA256(ikm = X25519 shared secret || link key, salt = transcript, info = label), one label per use
 * confirm    = HMAC-SHA256(secret of the sender's confirm label, transcript)       both sides, at once
 * frame i    = ChaCha20-Poly1305(secret of the direction, nonce = 0^32 || i as 64 bits little-endian)
 * ```
 *
 * The dealer knows the link key, for it deals it, but not the ephemeral secrets: it cannot read a transcript afterwards. Who lacks the link
 * key can neither read nor take part; a confirm that does not verify is told apart from every other error, before anything else is sent.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { ProtocolError } from "../core/errors.ts";
import { type Duplex, readFully, writeFully } from "./duplex.ts";

/** Bytes of the link key that the dealer puts in both key folders. */
export const LINK_KEY_BYTES = 32;
/** Bytes of the key of one direction's frames. */
export const FRAME_KEY_BYTES = 32;
/** Bytes that sealing adds to a frame. */
export const TAG_BYTES = 16;
/** Frames that one direction may carry under one key. */
export const MAX_SEALED_FRAMES = 2 ** 48;

/** Who opened the connection: the two sides' keys and confirms differ by it, so an echo of one's own bytes never verifies. */
export type LinkRole = "dialer" | "listener";

const MAGIC = new TextEncoder().encode("SLUICEL1");
const PUBLIC_KEY_BYTES = 32;
const CONFIRM_BYTES = 32;
/** Bytes that each side sends before the first frame: its hello and its confirm. */
export const SEAL_HANDSHAKE_BYTES: number = MAGIC.length + PUBLIC_KEY_BYTES + CONFIRM_BYTES;
const LABELS = {
  dialer: { frames: "sluice/link/v1/frames/dialer", confirm: "sluice/link/v1/confirm/dialer" },
  listener: { frames: "sluice/link/v1/frames/listener", confirm: "sluice/link/v1/confirm/listener" },
} as const;
/** DER of an X25519 SubjectPublicKeyInfo up to the 32 key bytes (RFC 8410 §4). */
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00);

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

/** The four secrets of a link, by the role of their sender. */
export interface LinkSecrets {
  /** Frame keys of both directions, 32 bytes each. */
  readonly frames: Readonly<Record<LinkRole, Uint8Array>>;
  /** Keys of both confirms, 32 bytes each. */
  readonly confirm: Readonly<Record<LinkRole, Uint8Array>>;
}

/** Derives a link's secrets: HKDF-SHA256(ikm = shared secret || link key, salt = transcript, info = label). */
export function deriveLinkSecrets(sharedSecret: Uint8Array, linkKey: Uint8Array, transcript: Uint8Array): LinkSecrets {
  const ikm = new Uint8Array(sharedSecret.length + linkKey.length);
  ikm.set(sharedSecret);
  ikm.set(linkKey, sharedSecret.length);
  const derive = (label: string): Uint8Array =>
    new Uint8Array(hkdfSync("sha256", ikm, transcript, label, FRAME_KEY_BYTES));
  return {
    frames: { dialer: derive(LABELS.dialer.frames), listener: derive(LABELS.listener.frames) },
    confirm: { dialer: derive(LABELS.dialer.confirm), listener: derive(LABELS.listener.confirm) },
  };
}

/** What the owner of an end knows before the connection says anything. */
export interface SealOptions {
  /** Who opened the connection. */
  readonly role: LinkRole;
  /** Secret; `LINK_KEY_BYTES` long; the same on both sides. */
  readonly linkKey: Uint8Array;
}

/**
 * Runs the sealing handshake on a fresh stream and returns this end's sealer and opener; no sealer where the stream has taken that over.
 *
 * - **Sends:** `SEAL_HANDSHAKE_BYTES`, in two messages that each side sends without waiting for the other's.
 *
 * @throws {RangeError} If the link key has another length.
 * @throws {ProtocolError} If the peer speaks another protocol, holds another link key, or leaves.
 */
export async function sealStream(
  duplex: Duplex,
  { role, linkKey }: SealOptions,
): Promise<{ sealer: Sealer | null; opener: Opener }> {
  if (linkKey.length !== LINK_KEY_BYTES) {
    throw new RangeError(
      `Cannot seal link as the link key must have ${LINK_KEY_BYTES} bytes: received ${linkKey.length}`,
    );
  }
  const peerRole = role === "dialer" ? "listener" : "dialer";
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  const mine = new Uint8Array(MAGIC.length + PUBLIC_KEY_BYTES);
  mine.set(MAGIC);
  mine.set(publicKey.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length), MAGIC.length);
  await writeFully(duplex, mine);

  const theirs = new Uint8Array(mine.length);
  // The magic is read alone, so that a peer with another protocol and a short greeting is not waited for.
  await readFully(duplex, theirs.subarray(0, MAGIC.length));
  if (MAGIC.some((byte, i) => theirs[i] !== byte)) {
    throw new ProtocolError("Cannot seal link as the peer must speak this link protocol: received another greeting");
  }
  await readFully(duplex, theirs.subarray(MAGIC.length));
  const hash = createHash("sha256");
  for (const hello of role === "dialer" ? [mine, theirs] : [theirs, mine]) hash.update(hello);
  const transcript = new Uint8Array(hash.digest());
  const secrets = deriveLinkSecrets(agree(privateKey, theirs.subarray(MAGIC.length)), linkKey, transcript);

  await writeFully(duplex, createHmac("sha256", secrets.confirm[role]).update(transcript).digest());
  const confirm = new Uint8Array(CONFIRM_BYTES);
  await readFully(duplex, confirm);
  if (!timingSafeEqual(confirm, createHmac("sha256", secrets.confirm[peerRole]).update(transcript).digest())) {
    throw new ProtocolError(
      "Cannot seal link as both parties must hold the same link key: received a confirmation made with another link key",
    );
  }
  const key = secrets.frames[role], opener = new Opener(secrets.frames[peerRole]);
  if (duplex.sealWith === undefined) return { sealer: new Sealer(key), opener };
  await duplex.sealWith(key);
  return { sealer: null, opener };
}

/** The X25519 shared secret; a public key of low order, which would fix it, is refused. */
function agree(privateKey: KeyObject, peerKey: Uint8Array): Uint8Array {
  const der = new Uint8Array(SPKI_PREFIX.length + PUBLIC_KEY_BYTES);
  der.set(SPKI_PREFIX);
  der.set(peerKey, SPKI_PREFIX.length);
  let secret: Uint8Array;
  try {
    const publicKey = createPublicKey({ key: Buffer.from(der.buffer), format: "der", type: "spki" });
    secret = diffieHellman({ privateKey, publicKey });
  } catch {
    secret = new Uint8Array(PUBLIC_KEY_BYTES);
  }
  if (secret.every((byte) => byte === 0)) {
    throw new ProtocolError(
      "Cannot seal link as the peer's public key must be a point of full order: received another",
    );
  }
  return secret;
}
