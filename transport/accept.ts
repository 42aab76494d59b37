/**
 * Waiting for the other party on a port that anybody can reach: port scanners, health checks, and those who lack the link key are turned away.
 *
 * @module
 */

import { closeQuietly, type Duplex } from "./duplex.ts";
import { openLink, type OpenOptions, StrangerError } from "./handshake.ts";
import type { Link } from "./link.ts";

/** Connections that may be in the handshake at once. When that many are, the one that has been silent the longest makes room. */
export const MAX_GREETED = 64;

/** How long a connection is sure of its place: much longer than a peer takes to prove itself. */
export const GRACE_MS = 1000;

/** An open port, wherever its sockets live. */
export interface Door {
  /** Waits for a connection. */
  accept(): Promise<Duplex>;
  /** Closes the port: a waiting `accept` rejects. Idempotent. */
  close(): void;
}

/** A connection in the handshake. */
interface Greeting {
  readonly since: number;
  proved: boolean;
  ended: Promise<void>;
}

/**
 * Waits for the peer that proves to hold the link key, and closes the port. Silent strangers do not keep the next connection waiting: each has a few seconds to
 * prove itself, and where there are many the oldest is let go for the next.
 *
 * @param onStranger Called for every connection that ended before its peer had proved that.
 * @throws {ProtocolError} If the peer runs something else or leaves, or the port is closed.
 */
export async function acceptPeer(
  door: Door,
  options: Omit<OpenOptions, "role">,
  onStranger: (error: StrangerError) => void = () => {},
): Promise<Link> {
  const greeted = new Map<Duplex, Greeting>(), { promise: peer, resolve, reject } = Promise.withResolvers<Link>();
  let found = false;
  const greet = async (duplex: Duplex): Promise<void> => {
    try {
      const onProof = (): void => {
        greeted.get(duplex)!.proved = true;
      };
      const link = await openLink(duplex, { ...options, role: "listener", onProof });
      if (found) {
        link.close();
        await link.closed;
        return;
      }
      found = true;
      resolve(link);
    } catch (error) {
      if (found) return;
      if (error instanceof StrangerError) return onStranger(error);
      found = true;
      reject(error);
    } finally {
      greeted.delete(duplex);
    }
  };
  const makeRoom = async (): Promise<void> => {
    const silent = [...greeted].find(([, { proved }]) => !proved),
      any = [...greeted.values()].map(({ ended }) => ended);
    const left = silent === undefined ? 0 : Math.max(0, silent[1].since + GRACE_MS - performance.now());
    const grace = silent && setTimeout(() => closeQuietly(silent[0]), left);
    await Promise.race([peer, ...any]);
    clearTimeout(grace);
  };
  const admit = async (): Promise<void> => {
    while (!found) {
      const duplex = await door.accept();
      if (found) return closeQuietly(duplex);
      const greeting: Greeting = { since: performance.now(), proved: false, ended: Promise.resolve() };
      greeted.set(duplex, greeting);
      greeting.ended = greet(duplex);
      if (greeted.size >= MAX_GREETED) await makeRoom();
    }
  };
  const admitting = admit().catch(reject); // a closed port matters only while nobody is found
  try {
    return await peer;
  } finally {
    found = true;
    door.close();
    const rest = [...greeted];
    for (const [duplex] of rest) closeQuietly(duplex);
    await Promise.all([admitting, ...rest.map(([, { ended }]) => ended)]);
  }
}
