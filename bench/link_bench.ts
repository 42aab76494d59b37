/**
 * One exchange (both post, both take) between two links in one process over TCP loopback, and a message of 2 MiB there and back between two threads.
 *
 * Both parties of an exchange share a thread here, so a figure is the work of both sides plus the kernel, not the latency between two processes. A message is
 * sealed, carried and opened one way at a time: how much of that overlaps shows there.
 */

import type { Session } from "../transport/session.ts";
import { SocketThread } from "../transport/socket_thread.ts";
import { connect, listen } from "../transport/tcp.ts";
import { credentials } from "../tests/credentials.ts";
import type { EchoStart } from "./echo_worker.ts";

const LANE = { request: 0, step: 0, stage: 1 };

async function openPair(): Promise<[Session, Session]> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, credentials(0));
  const links = await Promise.all([listener.accept(), connect(listener.address, credentials(1))]);
  listener.close();
  for (const link of links) link.begin();
  return links;
}

const [link0, link1] = await openPair();
let exchange = 0;

for (const bytes of [64, 512, 16 * 2 ** 10, 2 ** 20]) {
  const payload = [new Uint8Array(bytes)];
  Deno.bench(`exchange of ${bytes} B`, async () => {
    link0.post(LANE, exchange, payload);
    link1.post(LANE, exchange, payload);
    await Promise.all([link0.take(LANE, exchange, bytes), link1.take(LANE, exchange, bytes)]);
    exchange++;
  });
}

const LARGE_BYTES = 2 ** 21;

/** A link to a party on another thread that sends every message back. */
async function openEcho(isThreaded: boolean): Promise<Session> {
  const local = { hostname: "127.0.0.1", port: 0 },
    sockets = isThreaded ? new SocketThread(import.meta.resolve("../transport/socket_worker.ts")) : null,
    listener = await (sockets?.listen(local, credentials(0)) ?? listen(local, credentials(0)));
  const { address } = listener;
  new Worker(import.meta.resolve("./echo_worker.ts"), { type: "module" })
    .postMessage({ address, isThreaded, lane: LANE, bytes: LARGE_BYTES } satisfies EchoStart);
  const session = await listener.accept();
  session.begin();
  return session;
}

for (const isThreaded of [false, true]) {
  const link = await openEcho(isThreaded), payload = [new Uint8Array(LARGE_BYTES)];
  let exchange = 0;
  Deno.bench(`2 MiB there and back, sockets ${isThreaded ? "on threads of their own" : "inline"}`, async () => {
    link.post(LANE, exchange, payload);
    await link.take(LANE, exchange, LARGE_BYTES);
    exchange++;
  });
}
