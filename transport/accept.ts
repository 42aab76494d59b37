/**
 * Waiting for the other party on a port that anybody can reach: port scanners, health checks, and those who lack the link key are turned away.
 *
 * @module
 */

import { closeQuietly, type Duplex } from "./duplex.ts";
import { openLink, type OpenOptions, StrangerError } from "./handshake.ts";
import type { Link } from "./link.ts";

/** Connections that may be in the handshake at once; each has as long as {@linkcode OpenOptions.handshakeMs} says, and the next ones wait. */
export const MAX_GREETED = 8;

/** An open port, wherever its sockets live. */
export interface Door {
  /** Waits for a connection. */
  accept(): Promise<Duplex>;
  /** Closes the port: a waiting `accept` rejects. Idempotent. */
  close(): void;
}

/**
 * Waits for the peer that proves to hold the link key, and closes the port. A silent stranger does not keep the next connection waiting.
 *
 * @param onStranger Called for every connection that ended before its peer had proved that.
 * @throws {ProtocolError} If the peer runs something else or leaves, or the port is closed.
 */
export async function acceptPeer(
  door: Door,
  options: Omit<OpenOptions, "role">,
  onStranger: (error: StrangerError) => void = () => {},
): Promise<Link> {
  const greeted = new Map<Duplex, Promise<void>>(), { promise: peer, resolve, reject } = Promise.withResolvers<Link>();
  let found = false;
  const greet = async (duplex: Duplex): Promise<void> => {
    try {
      const link = await openLink(duplex, { ...options, role: "listener" });
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
  const admit = async (): Promise<void> => {
    while (!found) {
      const duplex = await door.accept();
      if (found) return closeQuietly(duplex);
      greeted.set(duplex, greet(duplex));
      if (greeted.size >= MAX_GREETED) await Promise.race([peer, ...greeted.values()]);
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
    await Promise.all([admitting, ...rest.map(([, ended]) => ended)]);
  }
}
