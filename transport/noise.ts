/**
 * Noise handshakes (revision 34 of the specification, noiseprotocol.org) with 25519, ChaChaPoly and SHA-256, as a
 * state machine without I/O: write a message, read a message, in the pattern's order, then take both directions' keys.
 *
 * ```text
 * h = hash of all that both sides have seen    ck = chaining key    k, n = key and counter of the next seal
 * mixHash(d)  h = SHA-256(h || d)
 * mixKey(s)   ck, k = HKDF(ck, s), n = 0
 * psk         ck, t, k = HKDF(ck, psk), n = 0, mixHash(t)
 * seal(p)     ChaCha20-Poly1305(k, 0^32 || n as 64 bits little-endian, associated data h), then mixHash(ciphertext)
 * ```
 */

import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { ProtocolError } from "../core/errors.ts";
import { KeyPair, X25519_BYTES } from "./x25519.ts";

/** One step of a message (§7.1): a public key that it carries, or a secret that both sides mix in. */
export type NoiseToken = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

/** A handshake pattern (§7). */
export interface NoisePattern {
  /** Whole name of the protocol; both sides hash it. */
  readonly protocol: string;
  /** Whose static keys the other side knows beforehand, in the order of the pattern's pre-messages. */
  readonly known: readonly ("initiator" | "responder")[];
  /** Tokens of each message; the initiator sends the first. */
  readonly messages: readonly (readonly NoiseToken[])[];
}

/**
 * Both sides prove a static key: the initiator knows the responder's and sends its own under a key that is forward
 * secret. Both hold a secret besides.
 */
export const XK_PSK3: NoisePattern = {
  protocol: "Noise_XKpsk3_25519_ChaChaPoly_SHA256",
  known: ["responder"],
  messages: [["e", "es"], ["e", "ee"], ["s", "se", "psk"]],
};

/** What one side brings to a handshake. */
export interface NoiseOptions {
  readonly pattern: NoisePattern;
  readonly initiator: boolean;
  /** Bytes that must be equal on both sides. */
  readonly prologue: Uint8Array;
  /** This side's static key; absent where its pattern has none. */
  readonly static?: KeyPair | undefined;
  /** The peer's static key, where the pattern says that it is known. */
  readonly remoteStatic?: Uint8Array | undefined;
  /** Gives the secret, 32 bytes, once the peer's static key is known, or throws where that key may not go on. */
  readonly psk?: (remoteStatic: Uint8Array) => Uint8Array;
  /** Key pair of this handshake alone; drawn unless a test gives one. */
  readonly ephemeral?: KeyPair;
}

/** Keys of both directions, 32 bytes each, and a hash that names this handshake. */
export interface NoiseKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
  readonly hash: Uint8Array;
}

const TAG_BYTES = 16, KEY_BYTES = 32, NO_BYTES = new Uint8Array(0);

/** What both sides have agreed on so far (§5.2). */
class Symmetric {
  hash: Uint8Array;
  #chaining: Uint8Array;
  #key: Uint8Array | null = null;
  #counter = 0;

  constructor(protocol: string) {
    const name = new TextEncoder().encode(protocol);
    this.hash = new Uint8Array(KEY_BYTES);
    if (name.length <= KEY_BYTES) this.hash.set(name);
    else this.hash = sha256(name);
    this.#chaining = this.hash;
  }

  get keyed(): boolean {
    return this.#key !== null;
  }

  mixHash(data: Uint8Array): void {
    this.hash = sha256(this.hash, data);
  }

  mixKey(secret: Uint8Array): void {
    [this.#chaining, this.#key] = this.#derive(secret, 2) as [Uint8Array, Uint8Array];
    this.#counter = 0;
  }

  mixKeyAndHash(secret: Uint8Array): void {
    const [chaining, hash, key] = this.#derive(secret, 3) as [Uint8Array, Uint8Array, Uint8Array];
    this.#chaining = chaining;
    this.mixHash(hash);
    this.#key = key;
    this.#counter = 0;
  }

  seal(plain: Uint8Array): Uint8Array {
    let sealed = plain;
    if (this.#key !== null) {
      const cipher = createCipheriv("chacha20-poly1305", this.#key, this.#nonce(), { authTagLength: TAG_BYTES });
      cipher.setAAD(this.hash, { plaintextLength: plain.length });
      const text = cipher.update(plain);
      cipher.final();
      sealed = concat([text, cipher.getAuthTag()]);
    }
    this.mixHash(sealed);
    return sealed;
  }

  /** The plain bytes, or null if they were not sealed for this place of this handshake. */
  open(sealed: Uint8Array): Uint8Array | null {
    let plain = sealed;
    if (this.#key !== null) {
      const decipher = createDecipheriv("chacha20-poly1305", this.#key, this.#nonce(), { authTagLength: TAG_BYTES });
      decipher.setAAD(this.hash, { plaintextLength: sealed.length - TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      plain = new Uint8Array(decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)));
      try {
        decipher.final();
      } catch {
        return null;
      }
    }
    this.mixHash(sealed);
    return plain;
  }

  split(): readonly [Uint8Array, Uint8Array] {
    return this.#derive(NO_BYTES, 2) as [Uint8Array, Uint8Array];
  }

  #derive(secret: Uint8Array, count: number): Uint8Array[] {
    // Noise's HKDF (§4.3) is RFC 5869 with the chaining key as salt and no info.
    const bytes = new Uint8Array(hkdfSync("sha256", secret, this.#chaining, NO_BYTES, KEY_BYTES * count));
    return Array.from({ length: count }, (_, i) => bytes.slice(KEY_BYTES * i, KEY_BYTES * (i + 1)));
  }

  #nonce(): Uint8Array {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setUint32(4, this.#counter++, true);
    return nonce;
  }
}

/**
 * One side of a handshake (§5.3). A message that does not verify ends it: the object refuses every further call.
 *
 * @example Two sides that hold the same secret
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { NoiseHandshake, XK_PSK3 } from "sluice/transport/noise.ts";
 * import { KeyPair } from "sluice/transport/x25519.ts";
 *
 * const owner = KeyPair.generate(), client = KeyPair.generate(), secret = new Uint8Array(32).fill(7);
 * const common = { pattern: XK_PSK3, prologue: new Uint8Array(0), psk: () => secret };
 * const a = new NoiseHandshake({ ...common, initiator: true, static: client, remoteStatic: owner.publicKey });
 * const b = new NoiseHandshake({ ...common, initiator: false, static: owner });
 *
 * b.read(a.write(new Uint8Array(0)));
 * a.read(b.write(new Uint8Array(0)));
 * const payload = b.read(a.write(Uint8Array.of(1, 2, 3)));
 *
 * assertEquals([...payload], [1, 2, 3]);
 * assertEquals(a.split().send, b.split().receive);
 * assertEquals(b.remoteStatic, client.publicKey);
 * ```
 */
export class NoiseHandshake {
  readonly #options: NoiseOptions;
  readonly #symmetric: Symmetric;
  readonly #withPsk: boolean;
  #ephemeral: KeyPair | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #remoteStatic: Uint8Array | undefined;
  /** Messages that have passed. */
  #passed = 0;
  #failed = false;

  constructor(options: NoiseOptions) {
    const { pattern, initiator, prologue, remoteStatic } = options;
    this.#options = options;
    this.#remoteStatic = remoteStatic;
    this.#withPsk = pattern.messages.some((tokens) => tokens.includes("psk"));
    this.#symmetric = new Symmetric(pattern.protocol);
    this.#symmetric.mixHash(prologue);
    for (const side of pattern.known) {
      const mine = (side === "initiator") === initiator;
      this.#symmetric.mixHash(needed(mine ? options.static?.publicKey : remoteStatic));
    }
  }

  /** The peer's static key, as far as it is known. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  /** Makes this side's next message. */
  write(payload: Uint8Array): Uint8Array {
    const tokens = this.#next(true), parts: Uint8Array[] = [];
    for (const token of tokens) {
      if (token === "e") {
        this.#ephemeral = this.#options.ephemeral ?? KeyPair.generate();
        parts.push(this.#mixEphemeral(this.#ephemeral.publicKey));
      } else if (token === "s") parts.push(this.#symmetric.seal(needed(this.#options.static).publicKey));
      else this.#mix(token);
    }
    parts.push(this.#symmetric.seal(payload));
    this.#passed++;
    return concat(parts);
  }

  /**
   * Reads the peer's next message and returns its payload.
   *
   * @throws {ProtocolError} If it is cut, was changed, belongs elsewhere, or was made with another key.
   */
  read(message: Uint8Array): Uint8Array {
    const tokens = this.#next(false);
    // Whatever throws below, the state is of no use afterwards.
    this.#failed = true;
    let rest = message;
    const take = (bytes: number): Uint8Array => {
      if (rest.length < bytes) throw this.#unverified();
      const taken = rest.slice(0, bytes);
      rest = rest.subarray(bytes);
      return taken;
    };
    const open = (bytes: number): Uint8Array => {
      const plain = this.#symmetric.open(take(bytes));
      if (plain === null) throw this.#unverified();
      return plain;
    };
    const sealBytes = (): number => this.#symmetric.keyed ? TAG_BYTES : 0;
    for (const token of tokens) {
      if (token === "e") this.#remoteEphemeral = this.#mixEphemeral(take(X25519_BYTES));
      else if (token === "s") this.#remoteStatic = open(X25519_BYTES + sealBytes());
      else this.#mix(token);
    }
    const payload = open(Math.max(rest.length, sealBytes()));
    this.#failed = false;
    this.#passed++;
    return payload;
  }

  /** The keys of both directions, once every message has passed. */
  split(): NoiseKeys {
    if (this.#failed || this.#passed < this.#options.pattern.messages.length) {
      throw new Error("Internal error: a handshake gives its keys when all messages have passed");
    }
    const [first, second] = this.#symmetric.split(), { hash } = this.#symmetric;
    return this.#options.initiator ? { send: first, receive: second, hash } : { send: second, receive: first, hash };
  }

  #next(writes: boolean): readonly NoiseToken[] {
    const { pattern, initiator } = this.#options, tokens = pattern.messages[this.#passed];
    const mine = (this.#passed % 2 === 0) === initiator;
    if (this.#failed || tokens === undefined || mine !== writes) {
      throw new Error("Internal error: a handshake writes and reads in turn, and ends with its first failure");
    }
    return tokens;
  }

  #mixEphemeral(publicKey: Uint8Array): Uint8Array {
    this.#symmetric.mixHash(publicKey);
    // §9.2: a secret that several handshakes share must not make their keys alike.
    if (this.#withPsk) this.#symmetric.mixKey(publicKey);
    return publicKey;
  }

  #mix(token: Exclude<NoiseToken, "e" | "s">): void {
    if (token === "psk") {
      this.#symmetric.mixKeyAndHash(needed(this.#options.psk)(needed(this.#remoteStatic)));
      return;
    }
    // The letters name the initiator's key, then the responder's.
    const [mine, theirs] = this.#options.initiator ? token : [token[1], token[0]];
    const own = needed(mine === "e" ? this.#ephemeral : this.#options.static);
    this.#symmetric.mixKey(own.agree(needed(theirs === "e" ? this.#remoteEphemeral : this.#remoteStatic)));
  }

  #unverified(): ProtocolError {
    return new ProtocolError(
      `Cannot read message ${this.#passed + 1} of the handshake as its seal must verify: received another`,
    );
  }
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("Internal error: a handshake lacks a key that its pattern needs");
  return value;
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
