/** Twin of `transport/seal.ts` after SPEC.md §9.2, on WebCrypto and @noble/ciphers. Imports nothing from `transport/`. */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Secrets of one direction. */
export interface Direction {
  readonly frames: Bytes;
  readonly confirm: Bytes;
  readonly confirmation: Bytes;
}

/** One byte string after the other. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The hello that carries a public key. */
export function helloOf(publicKey: Uint8Array): Bytes {
  return concat(new TextEncoder().encode("SLUICEL1"), publicKey);
}

/** SHA-256 over the dialer's hello and the listener's. */
export async function transcriptOf(dialer: Uint8Array, listener: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(dialer, listener)));
}

/** A private key from its 32 bytes. */
export async function privateKey(secret: Uint8Array): Promise<CryptoKey> {
  const pkcs8 = concat(Uint8Array.fromHex("302e020100300506032b656e04220420"), secret);
  return await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
}

/** The X25519 shared secret. */
export async function agree(mine: CryptoKey, theirs: Uint8Array): Promise<Bytes> {
  const publicKey = await crypto.subtle.importKey("raw", concat(theirs), { name: "X25519" }, false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: publicKey }, mine, 256));
}

/** The secrets of the direction of a role. */
export async function direction(
  role: string,
  shared: Uint8Array,
  linkKey: Uint8Array,
  transcript: Bytes,
): Promise<Direction> {
  const ikm = await crypto.subtle.importKey("raw", concat(shared, linkKey), "HKDF", false, ["deriveBits"]);
  const derive = async (use: string): Promise<Bytes> => {
    const info = new TextEncoder().encode(`sluice/link/v1/${use}/${role}`);
    const params = { name: "HKDF", hash: "SHA-256", salt: transcript, info };
    return new Uint8Array(await crypto.subtle.deriveBits(params, ikm, 256));
  };
  const frames = await derive("frames"), confirm = await derive("confirm");
  const key = await crypto.subtle.importKey("raw", confirm, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return { frames, confirm, confirmation: new Uint8Array(await crypto.subtle.sign("HMAC", key, transcript)) };
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
