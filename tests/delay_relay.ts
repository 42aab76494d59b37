/**
 * A link with a delay: a small TCP relay between the parties that holds every byte back for a given time, in each direction by itself.
 *
 * It stands in for a network where the kernel has no emulator of one. Bandwidth is not bounded, and bytes keep their order.
 *
 * @module
 */

import type { Session } from "../transport/session.ts";
import { type Address, connect, listen } from "../transport/tcp.ts";
import { credentials } from "./credentials.ts";

/** Largest piece that is read and passed on at once. */
const PIECE_BYTES = 2 ** 16;

/** A running relay. */
export interface DelayRelay {
  /** Where to connect instead of the target. */
  readonly address: Address;
  /** Takes no more connections, and waits until those that are open have ended. */
  close(): Promise<void>;
}

/** Starts a relay to `target` on a port of the loopback interface that the system chooses. */
export function openDelayRelay(target: Address, delayMs: number): DelayRelay {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), open = new Set<Promise<void>>();
  const accepting = (async (): Promise<void> => {
    for await (const near of listener) {
      const ended = relay(near, target, delayMs).finally(() => open.delete(ended));
      open.add(ended);
    }
  })();
  return {
    address: { hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port },
    close: async () => {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

async function relay(near: Deno.TcpConn, target: Address, delayMs: number): Promise<void> {
  let far: Deno.TcpConn;
  try {
    far = await Deno.connect({ hostname: target.hostname, port: target.port });
  } catch {
    near.close(); // as a network does: the caller sees its connection end
    return;
  }
  // What was held back long enough must not wait for a fuller segment.
  for (const end of [near, far]) end.setNoDelay(true);
  await Promise.all([pump(near, far, delayMs), pump(far, near, delayMs)]);
  for (const end of [near, far]) end.close();
}

/** Passes on what `from` sends, and its end, each `delayMs` after it came. */
async function pump(from: Deno.TcpConn, to: Deno.TcpConn, delayMs: number): Promise<void> {
  const held: { readonly bytes: Uint8Array | null; readonly dueMs: number }[] = [];
  let wake: (() => void) | null = null;
  const hold = (bytes: Uint8Array | null): void => {
    held.push({ bytes, dueMs: performance.now() + delayMs });
    wake?.();
  };
  const read = async (): Promise<void> => {
    const piece = new Uint8Array(PIECE_BYTES);
    try {
      for (let count = await from.read(piece); count !== null; count = await from.read(piece)) {
        hold(piece.slice(0, count));
      }
    } catch {
      // A connection that was reset has ended too.
    }
    hold(null);
  };
  const write = async (): Promise<void> => {
    for (;;) {
      const next = held.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => wake = resolve);
        wake = null;
        continue;
      }
      for (let leftMs = next.dueMs - performance.now(); leftMs > 0; leftMs = next.dueMs - performance.now()) {
        await new Promise((resolve) => setTimeout(resolve, leftMs));
      }
      if (next.bytes === null) return await to.closeWrite();
      for (let at = 0; at < next.bytes.length;) at += await to.write(next.bytes.subarray(at));
    }
  };
  // Where the receiver has gone, what is held back for it is lost.
  await Promise.all([read(), write().catch(() => {})]);
}

/** Links of party 0 and party 1 whose every message takes `delayMs`; `close` waits until both links have ended. */
export async function delayedPair(delayMs: number): Promise<{ links: [Session, Session]; close: () => Promise<void> }> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, credentials(0)),
    relay = openDelayRelay(listener.address, delayMs);
  const links = await Promise.all([listener.accept(), connect(relay.address, credentials(1))]);
  listener.close();
  for (const link of links) link.begin();
  return { links, close: relay.close };
}
