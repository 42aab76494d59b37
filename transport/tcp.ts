/** Links over TCP: party 0 listens, party 1 connects, and either may start first. */

import { ProtocolError } from "../core/errors.ts";
import { type ListenOptions, Reception } from "./accept.ts";
import { type ConnectOptions, openSession, pause } from "./dialer.ts";
import { closeQuietly } from "./duplex.ts";
import type { Session } from "./session.ts";

/** Where a party listens. */
export interface Address {
  /** A name or an IP address, without brackets. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose when listening. */
  readonly port: number;
}

/** An open port. */
export interface Listener {
  /** The address that a peer can connect to, with the port that the system chose. */
  readonly address: Address;
  /**
   * Waits for a client that is welcome, as `Reception.accept` says; the port stays open for its later connections.
   *
   * @throws {ProtocolError} If the port is closed.
   */
  accept(): Promise<Session>;
  /** Closes the port; sessions stay open. A waiting `accept` rejects. Idempotent. */
  close(): void;
}

/** How long a first attempt that found nobody waits; later ones wait up to ten times as long. */
const FIRST_RETRY_MS = 25;
const LAST_RETRY_MS = 250;

/**
 * Parses `host:port` or `[IPv6]:port`.
 *
 * @throws {RangeError} If the text has another form or the port is above 65535.
 *
 * @example An IPv6 address
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseAddress } from "sluice/transport/tcp.ts";
 *
 * assertEquals(parseAddress("[::1]:7000"), { hostname: "::1", port: 7000 });
 * ```
 */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\[\]\s]+)\]|([^:\[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const hostname = match?.[1] ?? match?.[2];
  if (hostname === undefined || port > 65535) {
    throw new RangeError(
      `Cannot parse address as it must be host:port or [IPv6]:port with a port up to 65535: received ${text}`,
    );
  }
  return { hostname, port };
}

/** Formats an address as `parseAddress` reads it. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** An open port that gives raw connections. */
export interface Port {
  /** The address with the port that the system chose. */
  readonly address: Address;
  /** Waits for a peer. */
  accept(): Promise<Deno.TcpConn>;
  /** Closes the port; connections stay open. A waiting `accept` rejects. Idempotent. */
  close(): void;
}

/**
 * Opens a port.
 *
 * @throws {ProtocolError} If the port is in use or the address is not one of this machine.
 */
export function openPort(address: Address): Port {
  let listener: Deno.TcpListener;
  try {
    listener = Deno.listen({ hostname: address.hostname, port: address.port });
  } catch (cause) {
    throw new ProtocolError(
      `Cannot listen on ${formatAddress(address)} as the port must be free and the address local: received ${
        reasonOf(cause)
      }`,
      { cause },
    );
  }
  let closed = false;
  return {
    address: { hostname: address.hostname, port: (listener.addr as Deno.NetAddr).port },
    async accept(): Promise<Deno.TcpConn> {
      try {
        for (;;) {
          const connection = await listener.accept();
          try {
            return undelayed(connection);
          } catch {
            // Its peer has reset it already.
            closeQuietly(connection);
          }
        }
      } catch (cause) {
        const how = closed ? "a closed port" : reasonOf(cause);
        throw new ProtocolError(`Cannot accept a peer as the port must be open: received ${how}`, { cause });
      }
    },
    close(): void {
      if (closed) return;
      closed = true;
      listener.close();
    },
  };
}

/**
 * Opens a port for the other party.
 *
 * @throws {ProtocolError} If the port is in use or the address is not one of this machine.
 */
export function listen(address: Address, options: ListenOptions): Listener {
  const port = openPort(address), reception = new Reception(port, options);
  return { address: port.address, accept: () => reception.accept(), close: () => reception.close() };
}

/**
 * Connects to the other party, as `openSession` says, and tries again while nobody listens there yet.
 *
 * @throws {ProtocolError} If nobody answers by the deadline, the signal ends the attempts, or the handshake fails.
 */
export async function connect(address: Address, options: ConnectOptions): Promise<Session> {
  return await openSession((deadlineMs, signal) => dial(address, deadlineMs, signal), options);
}

/** Reaches a raw connection to the other party within a time. */
export async function dial(
  address: Address,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const attempts = new AbortController();
  const stop = (): void => attempts.abort();
  const timer = setTimeout(stop, deadlineMs);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  let reason = "no attempt";
  try {
    for (let retryMs = FIRST_RETRY_MS; !attempts.signal.aborted; retryMs = Math.min(2 * retryMs, LAST_RETRY_MS)) {
      try {
        return undelayed(
          await Deno.connect({ hostname: address.hostname, port: address.port, signal: attempts.signal }),
        );
      } catch (error) {
        if (!attempts.signal.aborted) reason = reasonOf(error);
        else if (reason === "no attempt") reason = "no answer";
        if (!isTemporary(error)) break;
      }
      await pause(retryMs, attempts.signal);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
  throw new ProtocolError(
    `Cannot connect to ${
      formatAddress(address)
    } as a party must listen there within ${deadlineMs} ms: received ${reason}`,
  );
}

/** Openings are small and each waits for the other's: holding one back for a fuller segment costs a round trip. */
function undelayed(connection: Deno.TcpConn): Deno.TcpConn {
  connection.setNoDelay(true);
  return connection;
}

/** Whether trying again may help: the other party, or the network before it, is not there yet. */
function isTemporary(error: unknown): boolean {
  const { ConnectionRefused, ConnectionReset, ConnectionAborted, NetworkUnreachable, TimedOut } = Deno.errors;
  return [ConnectionRefused, ConnectionReset, ConnectionAborted, NetworkUnreachable, TimedOut]
    .some((kind) => error instanceof kind);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
