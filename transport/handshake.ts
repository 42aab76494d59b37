/**
 * How a connection becomes a link: the client dials, the owner listens, and each proves the identity that the other has
 * pinned (Noise_XKpsk3, noise.ts).
 *
 * ```text
 * 1 →  "SLUICEL2" || e, es || sealed lot        the lot is the session's id, 16 bytes; nobody but the owner reads it
 * 2 ←  "SLUICEL2" || e, ee
 * 3 →  s, se, psk || sealed hello               the client's identity, under a key that is forward secret
 * 4 ←  frames from here on; the first is the owner's answer (admission.ts)
 * psk = HKDF-SHA256(link key, salt = lot, info = CBOR {owner, client, dealer, …agreement}), 32 bytes
 * ```
 *
 * Whatever must be equal on both sides is in the psk: message 3 does not verify where anything differs. Anybody may
 * send or repeat message 1, so nothing changes on either side before message 3 has verified. The dealer knows the link
 * key and lacks both static keys.
 */

import { hkdfSync } from "node:crypto";
import { hinted, ProtocolError } from "../core/errors.ts";
import type { Answer, Hello } from "./admission.ts";
import { encodeCbor } from "./cbor.ts";
import { closeQuietly, type Duplex, readFully, writeFully } from "./duplex.ts";
import { type Clients, formatPublic, type Identity, parsePublic } from "./identity.ts";
import { type Connection, readFrame } from "./link.ts";
import { NoiseHandshake, type NoiseKeys, XK_PSK3 } from "./noise.ts";
import { FrameSealer } from "./frame_sealer.ts";
import { LINK_KEY_BYTES, Opener, Sealer, TAG_BYTES } from "./seal.ts";
import type { SessionLimits } from "./session.ts";
import { X25519_BYTES } from "./x25519.ts";

/** Version of the link protocol and of everything that two parties must do alike. */
export const PROTOCOL_VERSION = 2;
/** How long a connected peer may take to finish the handshake, in milliseconds. */
export const DEFAULT_HANDSHAKE_MS = 30_000;
/** How long a peer that connected to this end may take to prove itself. */
export const DEFAULT_PROOF_MS = 5000;

const NAME = new TextEncoder().encode("SLUICEL"), LOT_BYTES = 16, HELLO_BYTES = 9, NO_BYTES = new Uint8Array(0);
/** What both greetings begin with. */
export const MAGIC: Uint8Array = Uint8Array.of(...NAME, 0x30 + PROTOCOL_VERSION);
/** What both sides hash first. */
export const PROLOGUE: Uint8Array = new TextEncoder().encode("sluice/2/session");
const MESSAGE_BYTES = [
  MAGIC.length + X25519_BYTES + LOT_BYTES + TAG_BYTES,
  MAGIC.length + X25519_BYTES + TAG_BYTES,
  X25519_BYTES + TAG_BYTES + HELLO_BYTES + TAG_BYTES,
] as const;

/** Bytes that party 0, the owner, and party 1 send before their first frame. */
export const HANDSHAKE_BYTES: readonly [number, number] = [MESSAGE_BYTES[1], MESSAGE_BYTES[0] + MESSAGE_BYTES[2]];

/** A connection ended before its peer had proved itself: whoever it was learned nothing, and no key is spent. */
export class StrangerError extends ProtocolError {
  /** Name of the class. */
  override name = "StrangerError";
}

/** A connection ended before a word was said: nobody is there yet, as behind a tunnel, or it is another owner. */
export class UnansweredError extends ProtocolError {
  /** Name of the class. */
  override name = "UnansweredError";
}

/** What both parties must run alike, all of it public. */
export interface Agreement {
  /** Id of the key set, a UUID: the lot. */
  readonly session: string;
  /** Id of the prepared weights. */
  readonly weightsId: string;
  /** SHA-256 of the masks of the weights. */
  readonly masksDigest: string;
  /** One digest of all files of the tokenizer, whatever tokenizer the client uses itself. */
  readonly tokenizerDigest: string;
  /** Digest of the plan: models, shapes, gates and limits. */
  readonly planDigest: string;
  /** Version of the keys' layout. */
  readonly layoutVersion: number;
}

/** What an end needs to become a link. */
export interface OpenOptions extends SessionLimits {
  /** This party's own; the owner listens, the client dials. */
  readonly identity: Identity;
  /** Who may be on the other side, names by public line: the owner's clients, or the one owner that a client asks. */
  readonly peers: Clients;
  /** Secret; `LINK_KEY_BYTES` long; the same on both sides. */
  readonly linkKey: Uint8Array;
  /** What this party is about to run. */
  readonly agreement: Agreement;
  /** How long a client waits for the owner's answer; `DEFAULT_HANDSHAKE_MS` by default. */
  readonly handshakeMs?: number;
  /** How long the owner waits for a client's proof; `DEFAULT_PROOF_MS` by default. */
  readonly proofMs?: number;
}

/** A connection whose other side has proved itself, before anything was said on it. */
export interface Proved extends Connection {
  /** The peer's public line. */
  readonly peer: string;
}

/** What a client whose connection comes to nothing should look at. */
const CLIENT_HINT = "check that --owner is this owner's public line, that the owner lists this client, " +
  "and that both key folders are of one dealing";

/**
 * The client's side: proves itself on a fresh byte stream, and reads the owner's answer. The stream is closed if this
 * fails.
 *
 * - **Sends:** `HANDSHAKE_BYTES[1]`; two round trips.
 *
 * @throws {ProtocolError} If the peer is not the owner, turns this client away, leaves or is silent.
 */
export async function greet(
  duplex: Duplex,
  options: OpenOptions,
  hello: Hello,
): Promise<Proved & { readonly answer: Answer }> {
  const { handshakeMs = DEFAULT_HANDSHAKE_MS } = options;
  return await withDeadline(duplex, handshakeMs, async () => {
    const connection = await dial(duplex, options, hello);
    const { head } = await readFrame(connection).catch((cause) => {
      throw refusal("the owner must accept this client's identity and keys: received the end of the connection", cause);
    });
    if (head.kind !== "answer") throw refusal(`the owner must answer first: received ${head.kind}`);
    return { ...connection, answer: { kind: head.answer, value: head.value } };
  }, (message, cause) => {
    const kind = cause instanceof UnansweredError ? UnansweredError : ProtocolError;
    return hinted(new kind(message, { cause }), CLIENT_HINT);
  });
}

/**
 * The owner's side: waits for a client's proof on a fresh byte stream. The stream is closed if this fails.
 *
 * - **Sends:** `HANDSHAKE_BYTES[0]`.
 *
 * @throws {StrangerError} If the peer is nobody whom the owner knows, runs something else, leaves or is silent.
 */
export async function receive(duplex: Duplex, options: OpenOptions): Promise<Proved & { readonly hello: Hello }> {
  const { proofMs = DEFAULT_PROOF_MS } = options;
  return await withDeadline(
    duplex,
    proofMs,
    () => answer(duplex, options),
    (message, cause) => new StrangerError(message, { cause }),
  );
}

/** Runs a handshake within a time; `failure` makes the error of one that fails. */
async function withDeadline<T>(
  duplex: Duplex,
  waitMs: number,
  run: () => Promise<T>,
  failure: (message: string, cause?: unknown) => ProtocolError,
): Promise<T> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    closeQuietly(duplex);
  }, waitMs);
  try {
    return await run();
  } catch (error) {
    closeQuietly(duplex);
    if (error instanceof RangeError) throw error;
    // No error of the stream is the cause: it is the end that this side put to it.
    if (late) throw failure(`Cannot open link as the peer must answer within ${waitMs} ms: received no answer`);
    if (error instanceof ProtocolError) throw failure(error.message, error);
    throw failure(`Cannot open link as the peer must stay connected: received ${(error as Error).message}`, error);
  } finally {
    clearTimeout(timer);
  }
}

async function connectionOf(duplex: Duplex, keys: NoiseKeys, peer: string): Promise<Proved> {
  const sealer = duplex.sealWith === undefined ? new FrameSealer(new Sealer(keys.send)) : null;
  await duplex.sealWith?.(keys.send);
  return { duplex, sealer, opener: new Opener(keys.receive), peer };
}

async function dial(duplex: Duplex, options: OpenOptions, hello: Hello): Promise<Proved> {
  const { identity, peers, agreement } = options, [owner = "", ...others] = peers.keys();
  if (others.length > 0) throw new RangeError(`Cannot dial as a client asks one owner: received ${peers.size}`);
  const noise = new NoiseHandshake({
    pattern: XK_PSK3,
    initiator: true,
    prologue: PROLOGUE,
    static: identity.keys,
    remoteStatic: parsePublic("owner", owner),
    psk: () => pskOf(options, owner, identity.publicLine),
  });
  await writeFully(duplex, Uint8Array.of(...MAGIC, ...noise.write(lotOf(agreement.session))));
  const reply = await readGreeting(duplex, MESSAGE_BYTES[1]).catch((cause) => {
    if (cause instanceof GreetingError) throw cause;
    const end = cause instanceof ProtocolError ? "the end of the connection" : (cause as Error).message;
    throw new UnansweredError(`Cannot open link as the owner must answer this client: received ${end}`, { cause });
  });
  verifying(() => noise.read(reply), "the peer must be the owner that this client asks: received an answer of another");
  await writeFully(duplex, noise.write(encodeHello(hello)));
  return await connectionOf(duplex, noise.split(), owner);
}

/** Keeps nothing of a peer before message 3 has verified. */
async function answer(duplex: Duplex, options: OpenOptions): Promise<Proved & { readonly hello: Hello }> {
  const { identity, peers, agreement } = options;
  let client = "", lot: Uint8Array = NO_BYTES;
  const noise = new NoiseHandshake({
    pattern: XK_PSK3,
    initiator: false,
    prologue: PROLOGUE,
    static: identity.keys,
    psk: (publicKey) => {
      client = formatPublic("client", publicKey);
      if (!peers.has(client)) throw new StrangerError(`Cannot serve a client that is not listed: received ${client}`);
      // Said now and not at message 1: a client with other keys learns that this is the owner, and fails at once.
      if (lotOf(agreement.session).some((byte, i) => byte !== lot[i])) {
        throw new StrangerError(
          `Cannot serve ${peers.get(client)} as it must ask for session ${agreement.session}: received another`,
        );
      }
      return pskOf(options, identity.publicLine, client);
    },
  });
  const greeting = await readGreeting(duplex, MESSAGE_BYTES[0]);
  lot = verifying(() => noise.read(greeting), "the client must greet this owner: received a greeting of another");
  await writeFully(duplex, Uint8Array.of(...MAGIC, ...noise.write(NO_BYTES)));
  const proof = new Uint8Array(MESSAGE_BYTES[2]);
  await readFully(duplex, proof);
  const hello = verifying(
    () => decodeHello(noise.read(proof)),
    "the client must prove its identity over the same link key, weights, tokenizer and plan: received another proof",
  );
  return { ...await connectionOf(duplex, noise.split(), client), hello };
}

/** kind (0 new, 1 resume) || attempt || have, the latter two as u32 little-endian. */
export function encodeHello({ kind, attempt, have }: Hello): Uint8Array {
  const bytes = new Uint8Array(HELLO_BYTES), view = new DataView(bytes.buffer);
  view.setUint8(0, kind === "new" ? 0 : 1);
  view.setUint32(1, attempt, true);
  view.setUint32(5, have, true);
  return bytes;
}

function decodeHello(bytes: Uint8Array): Hello {
  const view = new DataView(bytes.buffer, bytes.byteOffset), kind = view.getUint8(0);
  if (kind > 1) throw new ProtocolError(`Cannot read hello as its kind must be 0 or 1: received ${kind}`);
  return { kind: kind === 0 ? "new" : "resume", attempt: view.getUint32(1, true), have: view.getUint32(5, true) };
}

/** What answers is no end of this protocol, or of another version. */
class GreetingError extends ProtocolError {}

/** Reads a message that begins with the magic: that alone first, so that a short greeting of others is not waited for. */
async function readGreeting(duplex: Duplex, bytes: number): Promise<Uint8Array> {
  const message = new Uint8Array(bytes);
  await readFully(duplex, message.subarray(0, MAGIC.length));
  if (NAME.some((byte, i) => byte !== message[i])) {
    throw new GreetingError("Cannot open link as the peer must speak this link protocol: received another greeting");
  }
  if (message[NAME.length] !== MAGIC[NAME.length]) {
    const version = String.fromCharCode(message[NAME.length]!);
    const received = /\d/.test(version) ? `version ${version}` : "another";
    throw new GreetingError(
      `Cannot open link as both parties must run version ${PROTOCOL_VERSION} of its protocol: received ${received}`,
    );
  }
  await readFully(duplex, message.subarray(MAGIC.length));
  return message.subarray(MAGIC.length);
}

/** Runs a step that fails where a message does not verify, and says what that means. */
function verifying<T>(step: () => T, requirement: string): T {
  try {
    return step();
  } catch (cause) {
    if (!(cause instanceof ProtocolError) || cause instanceof StrangerError) throw cause;
    throw refusal(requirement, cause);
  }
}

function refusal(requirement: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`Cannot open link as ${requirement}`, { cause });
}

/** The secret of both parties and the dealer: everything that must be equal, under the link key of the lot. */
export function pskOf(
  { linkKey, agreement }: Pick<OpenOptions, "linkKey" | "agreement">,
  owner: string,
  client: string,
): Uint8Array {
  if (linkKey.length !== LINK_KEY_BYTES) {
    throw new RangeError(`Cannot open link as its key must have ${LINK_KEY_BYTES} bytes: received ${linkKey.length}`);
  }
  const { session, weightsId, masksDigest, tokenizerDigest, planDigest, layoutVersion } = agreement;
  const digests = { weightsId, masksDigest, tokenizerDigest, planDigest, layoutVersion };
  const info = encodeCbor({ owner, client, dealer: "", ...digests });
  return new Uint8Array(hkdfSync("sha256", linkKey, lotOf(session), info, 32));
}

/** The 16 bytes of a session's id. */
export function lotOf(session: string): Uint8Array {
  const digits = session.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/.test(digits)) {
    throw new RangeError("Cannot open link as the session must be a UUID: received another id");
  }
  return Uint8Array.from(digits.match(/../g)!, (pair) => parseInt(pair, 16));
}
