/** The other party of `link_bench.ts`, on a thread of its own: sends every message back until the link ends. */

import type { Lane } from "../core/channel.ts";
import { SocketThread } from "../transport/socket_thread.ts";
import { type Address, connect } from "../transport/tcp.ts";
import { credentials } from "../tests/credentials.ts";

/** What the thread is told. */
export interface EchoStart {
  readonly address: Address;
  /** Whether its sockets live on yet another thread. */
  readonly isThreaded: boolean;
  readonly lane: Lane;
  readonly bytes: number;
}

const scope = globalThis as unknown as { onmessage: (event: MessageEvent<EchoStart>) => void };

scope.onmessage = async ({ data: { address, isThreaded, lane, bytes } }) => {
  const sockets = isThreaded ? new SocketThread(import.meta.resolve("../transport/socket_worker.ts")) : null,
    options = credentials(1),
    link = await (sockets?.connect(address, options) ?? connect(address, options));
  link.begin();
  try {
    for (let exchange = 0;; exchange++) link.post(lane, exchange, [await link.take(lane, exchange, bytes)]);
  } catch {
    // The bench is done.
  }
};
