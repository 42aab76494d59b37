/**
 * Who the three roles are to each other: a long-lived X25519 key for each, a line of text to paste for its public half.
 *
 * ```text
 * public line   = bech32m of 32 bytes, prefix sluice-owner, sluice-client or sluice-dealer; lower case
 * identity file = comment lines, then "SLUICE-IDENTITY-1…": bech32m of role (1 byte) || secret key (32 bytes),
 *                 prefix sluice-identity-; upper case
 * clients file  = a public line, a space and a name per line; lines that are empty or begin with # do not count
 * ```
 *
 * A key in the wrong field is refused by its prefix. No message repeats what it could not read: that may be a secret.
 */

import { bech32m } from "@scure/base";
import { hinted, KeyError } from "../core/errors.ts";
import { decodeText } from "../core/text.ts";
import { writeNewFile } from "./durable.ts";
import { KeyPair, X25519_BYTES } from "./x25519.ts";

/** Whose identity it is; its index is the role's byte in a file. */
export const ROLES = ["owner", "client", "dealer"] as const;
/** Owner of the weights (party 0), client (party 1), dealer. */
export type Role = (typeof ROLES)[number];

const PUBLIC_PREFIX = "sluice-", SECRET_PREFIX = "sluice-identity-", SECRET_MARK = "SLUICE-IDENTITY-";
const OTHERS_MODE = 0o077;

/** An identity with its secret half: string conversion, JSON and inspection give the public line and nothing else. */
export class Identity {
  /** Whose it is. */
  readonly role: Role;
  /** For `agree`. */
  readonly keys: KeyPair;

  /** An identity of a key pair. */
  constructor(role: Role, keys: KeyPair) {
    this.role = role;
    this.keys = keys;
  }

  /** What others pin. */
  get publicLine(): string {
    return formatPublic(this.role, this.keys.publicKey);
  }

  /** The public line. */
  toString(): string {
    return this.publicLine;
  }

  /** The public line. */
  toJSON(): string {
    return this.publicLine;
  }

  /** The public line. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.publicLine;
  }
}

/** Draws an identity that lives no longer than the process, as `demo` does for both parties of its session. */
export function randomIdentity(role: Role): Identity {
  return new Identity(role, KeyPair.generate());
}

/**
 * The line that stands for a public key.
 *
 * @example There and back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatPublic, parsePublic, randomIdentity } from "sluice/transport/identity.ts";
 *
 * const { keys, publicLine } = randomIdentity("owner");
 *
 * assertEquals(publicLine.slice(0, 13), "sluice-owner1");
 * assertEquals(parsePublic("owner", publicLine), keys.publicKey);
 * assertEquals(formatPublic("owner", keys.publicKey), publicLine);
 * ```
 */
export function formatPublic(role: Role, publicKey: Uint8Array): string {
  return bech32m.encode(`${PUBLIC_PREFIX}${role}`, bech32m.toWords(publicKey));
}

/**
 * Reads a public line of a role.
 *
 * @throws {RangeError} If it is another role's, a secret, mistyped or cut; the message does not repeat it.
 */
export function parsePublic(role: Role, text: string): Uint8Array {
  const refuse = (received: string): RangeError =>
    new RangeError(`Cannot read identity of the ${role} as it must be its public line: received ${received}`);
  if (text.toUpperCase().startsWith(SECRET_MARK)) throw refuse("a secret, which belongs into no other place");
  const other = ROLES.find((one) => one !== role && text.startsWith(`${PUBLIC_PREFIX}${one}1`));
  if (other !== undefined) throw refuse(`one of the ${other}`);
  if (!text.startsWith(`${PUBLIC_PREFIX}${role}1`)) {
    throw refuse(`a text that does not begin with ${PUBLIC_PREFIX}${role}1`);
  }
  const bytes = decode(text, `${PUBLIC_PREFIX}${role}`);
  if (bytes?.length !== X25519_BYTES) throw refuse("one in which a character is wrong, missing or too much");
  return bytes;
}

/** The bytes of a bech32m text, or null if it is none of that prefix. */
function decode(text: string, prefix: string): Uint8Array | null {
  const decoded = text === text.toLowerCase() ? bech32m.decodeUnsafe(text) : undefined;
  return decoded?.prefix === prefix ? bech32m.fromWordsUnsafe(decoded.words) ?? null : null;
}

/**
 * Makes an identity and writes it to a new file that nobody else may read.
 *
 * @throws {KeyError} If the file exists: an identity that is lost cannot be made again.
 */
export async function createIdentity(path: string, role: Role): Promise<Identity> {
  const secret = crypto.getRandomValues(new Uint8Array(X25519_BYTES)),
    identity = new Identity(role, KeyPair.from(secret));
  const words = bech32m.toWords(Uint8Array.of(ROLES.indexOf(role), ...secret)),
    line = bech32m.encode(SECRET_PREFIX, words).toUpperCase(),
    text = `# sluice identity of the ${role}: keep this file secret, give others this line:\n# ${identity}\n${line}\n`;
  try {
    await writeNewFile(path, new TextEncoder().encode(text));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    throw refusal(
      `Cannot write identity ${path} as the file must be new: received one that exists`,
      "choose another --out",
    );
  }
  return identity;
}

/**
 * Reads the identity of a role.
 *
 * @throws {KeyError} If the file is missing, damaged, of another role, or others may read it.
 */
export async function readIdentity(path: string, role: Role): Promise<Identity> {
  const make = `make one with sluice identity --role ${role} --out ${path}`;
  let text: string;
  try {
    const { mode } = await Deno.stat(path);
    if (mode !== null && (mode & OTHERS_MODE) !== 0 && Deno.build.os !== "windows") {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw refusal(
        `Cannot use ${path} as nobody else may read an identity: received mode ${octal}`,
        `chmod 600 ${path}`,
      );
    }
    text = decodeText(await Deno.readFile(path), path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw refusal(`Cannot read identity ${path} as the file does not exist`, make);
  }
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const [line = ""] = lines, bytes = line === line.toUpperCase() ? decode(line.toLowerCase(), SECRET_PREFIX) : null;
  if (lines.length !== 1 || bytes?.length !== 1 + X25519_BYTES || bytes[0]! >= ROLES.length) {
    throw refusal(
      `Cannot read identity ${path} as it must hold one line of ${SECRET_MARK}1: received another text`,
      make,
    );
  }
  const found = ROLES[bytes[0]!]!;
  if (found !== role) {
    throw refusal(`Cannot use ${path} as it must be an identity of the ${role}: received one of the ${found}`, make);
  }
  return new Identity(role, KeyPair.from(bytes.subarray(1)));
}

/** Those who may connect: names by public line. */
export type Clients = ReadonlyMap<string, string>;

/**
 * Reads a list of clients.
 *
 * @throws {KeyError} If a line is no public line of a client with a name, or two have the same key.
 */
export async function readClients(path: string): Promise<Clients> {
  const clients = new Map<string, string>();
  const bytes = await Deno.readFile(path).catch((cause) => {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw refusal(
      `Cannot read clients ${path} as the file does not exist`,
      "write a client's public line and a name per line",
    );
  });
  for (const [index, line] of decodeText(bytes, path).split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, key = "", name = ""] = /^(\S+)[ \t]*(.*?)[ \t]*$/.exec(line) ?? [], where = `line ${index + 1} of ${path}`;
    try {
      parsePublic("client", key);
    } catch (cause) {
      throw refusal(`Cannot read ${where}: ${(cause as Error).message}`, "ask the client for its public line");
    }
    const known = clients.get(key);
    if (name === "" || /\p{C}/u.test(name) || known !== undefined) {
      const received = known !== undefined
        ? `the key of ${known} again`
        : name === ""
        ? "none"
        : "unprintable characters";
      throw refusal(
        `Cannot read ${where} as every key must have a name of its own: received ${received}`,
        "write: KEY NAME",
      );
    }
    clients.set(key, name);
  }
  if (clients.size === 0) {
    throw refusal(`Cannot use clients ${path} as it must name one: received none`, "write: KEY NAME");
  }
  return clients;
}

function refusal(message: string, hint: string): KeyError {
  return hinted(new KeyError(message), hint);
}
