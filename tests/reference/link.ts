/**
 * Twin of the client's side of a link after SPEC.md §9.2 and of key streams at rest after §7.5, on WebCrypto and
 * @noble/ciphers. Imports nothing from `transport/`.
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { bech32m } from "@scure/base";
import { encode } from "./cbor.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** One byte string after the other. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function text(characters: string): Bytes {
  return new TextEncoder().encode(characters);
}

/** The public line of a role. */
export function publicLine(role: string, publicKey: Uint8Array): string {
  return bech32m.encode(`sluice-${role}`, bech32m.toWords(publicKey));
}

/** A private key from its 32 bytes. */
async function privateKey(secret: Uint8Array): Promise<CryptoKey> {
  const pkcs8 = concat(Uint8Array.fromHex("302e020100300506032b656e04220420"), secret);
  return await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
}

/** The X25519 shared secret. */
export async function agree(secret: Uint8Array, theirs: Uint8Array): Promise<Bytes> {
  const publicKey = await crypto.subtle.importKey("raw", concat(theirs), { name: "X25519" }, false, []);
  const mine = await privateKey(secret);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: publicKey }, mine, 256));
}

/** The public key of a secret one: its product with the base point. */
export async function publicOf(secret: Uint8Array): Promise<Bytes> {
  return await agree(secret, Uint8Array.of(9, ...new Uint8Array(31)));
}

async function sha256(...parts: readonly Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

async function hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", concat(ikm), "HKDF", false, ["deriveBits"]);
  const params = { name: "HKDF", hash: "SHA-256", salt: concat(salt), info: concat(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(params, key, 8 * bytes));
}

/** The secret of a session from the link key and everything that must be equal. */
export async function sessionSecret(
  linkKey: Uint8Array,
  { session, ...rest }: Readonly<Record<string, unknown>> & { readonly session: string },
  [owner, client]: readonly [string, string],
): Promise<Bytes> {
  const info = Uint8Array.from(encode({ owner, client, dealer: "", ...rest }));
  return await hkdf(linkKey, lotOf(session), info, 32);
}

/** The 16 bytes of a session's id. */
export function lotOf(session: string): Bytes {
  return Uint8Array.fromHex(session.replaceAll("-", ""));
}

/** The secret keys of a client's handshake. */
export interface ClientSecrets {
  readonly client: Uint8Array;
  readonly clientEphemeral: Uint8Array;
}

/** The client's side of Noise_XKpsk3_25519_ChaChaPoly_SHA256, message by message. */
export class ClientHandshake {
  #hash: Bytes = new Uint8Array(0);
  #chaining: Bytes = new Uint8Array(0);
  #key: Bytes = new Uint8Array(0);
  #counter = 0;
  #theirs: Bytes = new Uint8Array(0);
  readonly #secrets: ClientSecrets;

  constructor(secrets: ClientSecrets) {
    this.#secrets = secrets;
  }

  /** Message 1, for an owner with this public key. */
  async greet(owner: Uint8Array, lot: Uint8Array): Promise<Bytes> {
    this.#hash = this.#chaining = await sha256(text("Noise_XKpsk3_25519_ChaChaPoly_SHA256"));
    await this.#mixHash(text("sluice/2/session"));
    await this.#mixHash(owner);
    const mine = await publicOf(this.#secrets.clientEphemeral);
    await this.#mixHash(mine);
    await this.#mixKey(mine);
    await this.#mixKey(await agree(this.#secrets.clientEphemeral, owner));
    return concat(text("SLUICEL2"), mine, await this.#seal(lot));
  }

  /** Takes message 2. */
  async take(message: Uint8Array): Promise<void> {
    this.#theirs = concat(message.subarray(8, 40));
    await this.#mixHash(this.#theirs);
    await this.#mixKey(this.#theirs);
    await this.#mixKey(await agree(this.#secrets.clientEphemeral, this.#theirs));
    chacha20poly1305(this.#key, nonceOf(this.#counter), this.#hash).decrypt(message.subarray(40));
    await this.#mixHash(message.subarray(40));
  }

  /** Message 3. */
  async prove(psk: Uint8Array, hello: Uint8Array): Promise<Bytes> {
    this.#counter = 1; // message 2 has used this key once
    const sealed = await this.#seal(await publicOf(this.#secrets.client));
    await this.#mixKey(await agree(this.#secrets.client, this.#theirs));
    const [chaining, hash, key] = thirds(await hkdf(psk, this.#chaining, new Uint8Array(0), 96));
    this.#chaining = chaining!;
    await this.#mixHash(hash!);
    this.#key = key!;
    this.#counter = 0;
    return concat(sealed, await this.#seal(hello));
  }

  /** Keys of the client's and of the owner's frames. */
  async keys(): Promise<readonly [Bytes, Bytes]> {
    const both = await hkdf(new Uint8Array(0), this.#chaining, new Uint8Array(0), 64);
    return [both.slice(0, 32), both.slice(32)];
  }

  async #mixHash(bytes: Uint8Array): Promise<void> {
    this.#hash = await sha256(this.#hash, bytes);
  }

  async #mixKey(secret: Uint8Array): Promise<void> {
    const both = await hkdf(secret, this.#chaining, new Uint8Array(0), 64);
    this.#chaining = both.slice(0, 32);
    this.#key = both.slice(32);
    this.#counter = 0;
  }

  async #seal(plain: Uint8Array): Promise<Bytes> {
    const sealed = concat(chacha20poly1305(this.#key, nonceOf(this.#counter++), this.#hash).encrypt(plain));
    await this.#mixHash(sealed);
    return sealed;
  }
}

function thirds(bytes: Bytes): Bytes[] {
  return [0, 32, 64].map((at) => bytes.slice(at, at + 32));
}

/** Frame i of a direction. */
export function sealFrame(key: Uint8Array, index: number, plain: Uint8Array): Uint8Array {
  return chacha20poly1305(key, nonceOf(index)).encrypt(plain);
}

/** What a sealed frame holds. */
export function openFrame(key: Uint8Array, index: number, sealed: Uint8Array): Uint8Array {
  return chacha20poly1305(key, nonceOf(index)).decrypt(sealed);
}

function nonceOf(index: number): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, ...Array.from({ length: 8 }, (_, i) => Math.floor(index / 256 ** i) % 256)]);
}

/** A chunk of a key stream. */
export async function sealChunk(
  { linkKey, header, party }: { readonly linkKey: Uint8Array; readonly header: Uint8Array; readonly party: number },
  { index, last, plain }: { readonly index: number; readonly last: boolean; readonly plain: Uint8Array },
): Promise<Uint8Array> {
  const key = await hkdf(linkKey, await sha256(header), text(`sluice/2/keys/${party}`), 32);
  const nonce = Uint8Array.of(...new Uint8Array(9), index >> 8, index, last ? 1 : 0);
  return chacha20poly1305(key, nonce).encrypt(plain);
}
