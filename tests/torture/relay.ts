/**
 * A relay between the parties that ends connections as networks do.
 *
 * @module
 */

import net from "node:net";

/** How a connection is cut: reset, ended in order, left half open for good, or silent for a while. */
export const CUTS = ["reset", "end", "half-open", "silence"] as const;
/** One of them. */
export type Cut = (typeof CUTS)[number];

/** How long a silent connection holds what it is given. */
export const SILENCE_MS = 10_000;

/** Both sockets of a connection through the relay. */
interface Pair {
  readonly near: net.Socket;
  readonly far: net.Socket;
  held: boolean;
  readonly waiting: (() => void)[];
}

/** A running relay on the loopback interface. */
export class Relay {
  /** Bytes that went from those who dial to the target. */
  upBytes = 0;
  /** Bytes that went to the target on the connection that carried most. */
  mostUpBytes = 0;
  /** Connections that reached the target. */
  connections = 0;
  /** After so many bytes of those who dial, nothing passes any more. */
  holdAfterBytes = Infinity;
  /** Resolves when that has happened. */
  readonly held: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #server: net.Server;
  readonly #pairs = new Set<Pair>();
  readonly #target: number;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #refuses = false;

  private constructor(target: number) {
    this.#target = target;
    this.#server = net.createServer((near) => this.#accept(near));
  }

  /** Starts a relay to a port. */
  static async open(target: number): Promise<Relay> {
    const relay = new Relay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  /** Where to dial instead of the target. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  #accept(near: net.Socket): void {
    near.on("error", () => {});
    if (this.#refuses) return void near.resetAndDestroy();
    const far = net.connect(this.#target, "127.0.0.1"), pair: Pair = { near, far, held: false, waiting: [] };
    this.connections++;
    this.#pairs.add(pair);
    for (const socket of [near, far]) socket.setNoDelay(true);
    let upBytes = 0;
    const carry = (from: net.Socket, to: net.Socket, up: boolean): void => {
      from.on("data", (bytes) => {
        const pass = (): void => {
          if (up) {
            this.upBytes += bytes.length;
            upBytes += bytes.length;
            this.mostUpBytes = Math.max(this.mostUpBytes, upBytes);
          }
          if (!to.destroyed) to.write(bytes);
        };
        if (up && this.upBytes + bytes.length > this.holdAfterBytes) {
          pair.held = true;
          this.held.resolve();
        }
        if (pair.held) pair.waiting.push(pass);
        else pass();
      });
      from.on("error", () => {});
      from.on("end", () => {
        if (pair.held) pair.waiting.push(() => to.end());
        else to.end();
      });
      from.on("close", () => {
        if (!pair.held) to.destroy();
        this.#pairs.delete(pair);
      });
    };
    carry(near, far, true);
    carry(far, near, false);
  }

  /** Cuts every connection, and refuses others for a while. */
  cut(how: Cut, outageMs: number): void {
    this.#refuses = true;
    this.#later(outageMs, () => this.#refuses = false);
    for (const pair of this.#pairs) {
      const { near, far } = pair;
      if (how === "reset") { for (const socket of [near, far]) socket.resetAndDestroy(); }
      else if (how === "end") { for (const socket of [near, far]) socket.destroySoon(); }
      else {
        pair.held = true;
        if (how === "silence") {
          this.#later(SILENCE_MS, () => {
            pair.held = false;
            for (const act of pair.waiting.splice(0)) act();
          });
        }
      }
    }
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  /** Ends the relay and all its connections. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { near, far } of this.#pairs) for (const socket of [near, far]) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
