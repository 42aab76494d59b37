/**
 * The first exchange of a sealed link: both parties say what they are about to run, and go on only if they agree.
 *
 * Everything in it is public, so an error names both sides' values. A handshake that fails burns no keys.
 */

import type { Party } from "../core/channel.ts";
import { ProtocolError } from "../core/errors.ts";
import { closeQuietly, type Duplex } from "./duplex.ts";
import type { ControlBody } from "./frame.ts";
import { Link, printable } from "./link.ts";
import type { MailboxLimits } from "./mailbox.ts";
import { type LinkRole, sealStream } from "./seal.ts";

/** Version of the link protocol and of everything that two parties must do alike. */
export const PROTOCOL_VERSION = 1;
/** How long a connected peer may take to finish the handshake, in milliseconds. */
export const DEFAULT_HANDSHAKE_MS = 30_000;
/** How long a peer that connected to this end may take to prove that it holds the link key. */
export const DEFAULT_PROOF_MS = 5000;

/** A connection ended before its peer had proved that it holds the link key: whoever it was learned nothing, and no key is spent. */
export class StrangerError extends ProtocolError {
  /** Name of the class. */
  override name = "StrangerError";
}

/** What one party is about to run; all of it public. */
export interface Identity {
  /** Which party speaks. */
  readonly party: Party;
  /** Id of the prepared weights. */
  readonly weightsId: string;
  /** Digest of the plan: models, shapes, gates and limits. */
  readonly planDigest: string;
  /** Id of the key set. */
  readonly session: string;
}

/** What an end needs to become a link. */
export interface OpenOptions {
  /** Who opened the connection. */
  readonly role: LinkRole;
  /** Secret; `LINK_KEY_BYTES` long; the same on both sides. */
  readonly linkKey: Uint8Array;
  /** What this party is about to run. */
  readonly identity: Identity;
  /** Limits of the mailbox. */
  readonly limits?: Partial<MailboxLimits>;
  /** How long the peer may take; `DEFAULT_HANDSHAKE_MS` by default. */
  readonly handshakeMs?: number;
  /** How long a listener waits for the peer's proof that it holds the link key; `DEFAULT_PROOF_MS`, or `handshakeMs` if that is less, by default. */
  readonly proofMs?: number;
  /** Called when the peer has proved that. */
  readonly onProof?: () => void;
  /** How long an ending link waits for the peer's last word; `DEFAULT_CLOSE_MS` by default. */
  readonly closeMs?: number;
}

/** The fields that must be equal, in the order in which they are compared, with the user's word for each. */
const AGREED = [
  ["protocolVersion", "protocol version"],
  ["weightsId", "weights"],
  ["planDigest", "plan"],
  ["session", "session"],
] as const;

/**
 * Exchanges identities on a sealed link; the link is closed if they do not fit.
 *
 * @throws {ProtocolError} If versions, weights, plans or sessions differ, both ends are the same party, or the link is lost.
 */
export async function shakeHands(link: Link, identity: Identity): Promise<void> {
  try {
    const { party, weightsId, planDigest, session } = identity;
    const mine = { protocolVersion: PROTOCOL_VERSION, party, weightsId, planDigest, session };
    link.sendControl("hello", mine);
    const { body } = await link.receiveControl("hello");
    compare(mine, body ?? {});
  } catch (error) {
    if (error instanceof Error) link.close(error);
    throw error;
  }
}

function compare(mine: Readonly<Record<string, unknown>>, theirs: NonNullable<ControlBody>): void {
  for (const [field, word] of AGREED) {
    if (mine[field] !== theirs[field]) {
      throw new ProtocolError(
        `Cannot start session as both parties must have the same ${word}: received ${show(theirs[field])}, expected ${
          show(mine[field])
        }`,
      );
    }
  }
  if (theirs["party"] !== 1 - Number(mine["party"])) {
    throw new ProtocolError(
      `Cannot start session as party ${mine["party"]} must talk to party ${1 - Number(mine["party"])}: received party ${
        show(theirs["party"])
      }`,
    );
  }
}

/** A peer's value in an error: short, and printable whatever the peer sent. */
function show(value: unknown): string {
  return printable(JSON.stringify(value) ?? "nothing").slice(0, 200);
}

/**
 * Makes a link of a fresh byte stream: seals it, then shakes hands. The stream belongs to the link, and is closed if this fails.
 *
 * @throws {StrangerError} If the peer speaks another protocol or holds another link key, or leaves or falls silent before its key is known.
 * @throws {ProtocolError} If the peer runs something else, or leaves or falls silent afterwards.
 */
export async function openLink(duplex: Duplex, options: OpenOptions): Promise<Link> {
  const { role, linkKey, identity, limits = {}, handshakeMs = DEFAULT_HANDSHAKE_MS, closeMs } = options;
  const { proofMs = Math.min(handshakeMs, DEFAULT_PROOF_MS) } = options,
    firstMs = role === "listener" ? proofMs : handshakeMs;
  let link: Link | undefined, waitedMs = firstMs;
  let late = false;
  const expire = (): void => {
    late = true;
    closeQuietly(duplex);
  };
  let timer = setTimeout(expire, firstMs);
  try {
    const { sealer, opener } = await sealStream(duplex, { role, linkKey });
    clearTimeout(timer);
    timer = setTimeout(expire, waitedMs = handshakeMs);
    options.onProof?.();
    const party = identity.party;
    link = new Link(duplex, { party, sealer, opener, limits, ...(closeMs === undefined ? {} : { closeMs }) });
    await shakeHands(link, identity);
    return link;
  } catch (error) {
    // After the seals, the link closes the stream itself once the peer has been told.
    if (link === undefined) closeQuietly(duplex);
    else await link.closed;
    if (error instanceof RangeError || error instanceof ProtocolError && link !== undefined && !late) throw error;
    const message = late
      ? `Cannot open link as the peer must answer within ${waitedMs} ms: received no answer`
      : error instanceof ProtocolError
      ? error.message
      : `Cannot open link as the peer must stay connected: received ${
        error instanceof Error ? error.message : "the end of the connection"
      }`;
    throw link === undefined
      ? new StrangerError(message, { cause: error })
      : new ProtocolError(message, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
