/**
 * One exchange (both post, both take) between two links in one process over TCP loopback.
 *
 * Both parties share a thread here, so a figure is the work of both sides plus the kernel, not the latency between two processes.
 */

import type { Link } from "../transport/link.ts";
import { connect, listen, type TcpOptions } from "../transport/tcp.ts";
import { LINK_KEY_BYTES } from "../transport/seal.ts";

const LANE = { request: 0, step: 0, layer: 1 };

function optionsOf(party: 0 | 1): TcpOptions {
  const identity = { party, weightsId: "bench", planDigest: "bench", session: "bench" } as const;
  return { linkKey: new Uint8Array(LINK_KEY_BYTES), identity };
}

async function openPair(): Promise<[Link, Link]> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, optionsOf(0));
  const links = await Promise.all([listener.accept(), connect(listener.address, optionsOf(1))]);
  listener.close();
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
