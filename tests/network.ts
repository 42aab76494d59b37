/**
 * A network in memory between an owner's port and a client that dials, which the test can cut, and where bytes can vanish.
 *
 * @module
 */

import type { Door } from "../transport/accept.ts";
import type { Dial } from "../transport/dialer.ts";
import { closeQuietly, type Duplex } from "../transport/duplex.ts";
import { memoryDuplexPair } from "../transport/memory.ts";

/** How a connection ends before its time: it is reset, it ends in order, or nothing arrives any more. */
export type Cut = "reset" | "end" | "silence";

/** One connection that goes through the network. */
interface Wire {
  readonly ends: readonly [Duplex, Duplex];
  cut: Cut | null;
  /** Bytes that still pass before the cut. */
  leftBytes: number;
  readonly planned: Cut;
}

/** Connections between one port and those who dial it. */
export class Network {
  /** The owner's port. */
  readonly door: Door;
  /** How a client reaches it. */
  readonly dial: Dial;
  /** Connections that were made. */
  dialed = 0;
  #arrivals: Duplex[] = [];
  #waiting: PromiseWithResolvers<Duplex>[] = [];
  #wires: Wire[] = [];
  #closed = false;
  /** Says, for every connection, after how many bytes it is cut, and how; null: never. */
  readonly #plan: (connection: number) => { readonly afterBytes: number; readonly how: Cut } | null;

  constructor(plan: (connection: number) => { readonly afterBytes: number; readonly how: Cut } | null = () => null) {
    this.#plan = plan;
    this.door = {
      accept: () => {
        const arrival = this.#arrivals.shift();
        if (arrival !== undefined) return Promise.resolve(arrival);
        if (this.#closed) return Promise.reject(new Error("Closed port"));
        const waiting = Promise.withResolvers<Duplex>();
        this.#waiting.push(waiting);
        return waiting.promise;
      },
      close: () => {
        this.#closed = true;
        for (const { reject } of this.#waiting.splice(0)) reject(new Error("Closed port"));
        for (const duplex of this.#arrivals.splice(0)) closeQuietly(duplex);
      },
    };
    this.dial = () => Promise.resolve(this.#connect());
  }

  /** Cuts every connection that is open. */
  cut(how: Cut): void {
    for (const wire of this.#wires) this.#cutWire(wire, how);
  }

  #cutWire(wire: Wire, how: Cut): void {
    if (wire.cut !== null) return;
    wire.cut = how;
    // A silent connection stays open on both sides; the others wake whoever reads.
    if (how !== "silence") { for (const end of wire.ends) end.close(); }
  }

  #connect(): Duplex {
    const ends = memoryDuplexPair(), plan = this.#plan(this.dialed++);
    const wire: Wire = { ends, cut: null, leftBytes: plan?.afterBytes ?? Infinity, planned: plan?.how ?? "end" };
    this.#wires.push(wire);
    const [near, far] = ends.map((end): Duplex => ({
      read: async (into) => {
        const count = await end.read(into);
        if (wire.cut === "reset") throw new Deno.errors.ConnectionReset("Reset by the test");
        return wire.cut === "end" ? null : count;
      },
      write: (bytes) => {
        if (wire.cut === "reset") throw new Deno.errors.BrokenPipe("Reset by the test");
        const passing = Math.min(bytes.length, wire.leftBytes);
        if (wire.cut === null && passing > 0) void end.write(bytes.subarray(0, passing));
        wire.leftBytes -= passing;
        if (wire.leftBytes === 0) this.#cutWire(wire, wire.planned);
        return bytes.length;
      },
      close: () => end.close(),
    })) as [Duplex, Duplex];
    const taker = this.#waiting.shift();
    if (this.#closed) closeQuietly(far);
    else if (taker !== undefined) taker.resolve(far);
    else this.#arrivals.push(far);
    return near;
  }
}
