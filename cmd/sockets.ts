/**
 * Where a party's sockets live: on the engine's own thread, which is fastest for small openings, or on a thread of
 * their own, for an engine that blocks its thread while a device works.
 *
 * @module
 */

import { SocketThread } from "../transport/socket_thread.ts";
import type { ListenOptions } from "../transport/accept.ts";
import type { ConnectOptions } from "../transport/dialer.ts";
import type { Session } from "../transport/session.ts";
import { type Address, connect, listen, type Listener, parseAddress } from "../transport/tcp.ts";
import type { Flag, Options } from "./args.ts";
import { UsageError } from "./ui.ts";

const HOSTS = ["auto", "inline", "threaded"] as const;

/** The flag that says where sockets live. */
export const HOST_FLAG: Flag = {
  name: "host",
  value: "NAME",
  help:
    "sockets on the engine's thread (inline) or on their own (threaded); auto, the default, takes threaded for webgpu",
};

/** A party's sockets. */
export interface Sockets {
  listen(address: Address, options: ListenOptions): Promise<Listener>;
  connect(address: Address, options: ConnectOptions): Promise<Session>;
  close(): void;
}

/** The address that a flag names. */
export function addressOf(options: Options, flag: string): Address {
  try {
    return parseAddress(options.required(flag));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Where the flags put the sockets. */
export function hostOf(options: Options): (typeof HOSTS)[number] {
  const host = options.text("host") ?? "auto";
  if (!(HOSTS as readonly string[]).includes(host)) {
    throw new UsageError(`Cannot use --host ${host} as it must be one of: ${HOSTS.join(", ")}`);
  }
  return host as (typeof HOSTS)[number];
}

/** Opens the sockets that the flags name, for an engine. */
export function openSockets(options: Options, engine: string): Sockets {
  const host = hostOf(options);
  if (host === "threaded" || host === "auto" && engine === "webgpu") {
    return new SocketThread(import.meta.resolve(Deno.mainModule));
  }
  return { listen: (address, options) => Promise.resolve(listen(address, options)), connect, close: () => {} };
}
