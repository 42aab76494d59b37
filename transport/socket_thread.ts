/**
 * Sockets on a thread of their own, for engines that block theirs while a device works: bytes go through rings in shared memory, and the kernel's socket buffers
 * never fill while nobody looks.
 *
 * The thread starts from the program's own entry, so that it is found from a bundle too; the entry calls {@linkcode runSocketThreadIfNamed} first.
 *
 * @module
 */

import type { Party } from "../core/channel.ts";
import { ProtocolError } from "../core/errors.ts";
import { type Door, type ListenOptions, Reception } from "./accept.ts";
import { type ConnectOptions, openSession } from "./dialer.ts";
import { closeQuietly } from "./duplex.ts";
import { HANDSHAKE_BYTES } from "./handshake.ts";
import { pumpSealed } from "./sealed_pump.ts";
import type { Session } from "./session.ts";
import { createSharedStream, otherSide, SharedDuplex, type SharedStream } from "./shared_ring.ts";
import { type Address, dial, type Listener, openPort, type Port } from "./tcp.ts";

const WORKER_NAME = "sluice-sockets";

/** Pause after a connection for which there was no memory. */
const CROWDED_MS = 100;

type Request =
  | { readonly kind: "listen"; readonly address: Address }
  | { readonly kind: "accept" }
  | { readonly kind: "close" }
  | { readonly kind: "connect"; readonly address: Address; readonly deadlineMs: number };

type Reply = { readonly address: Address } | { readonly stream: SharedStream } | { readonly error: string };

/** A thread that holds one party's sockets. */
export class SocketThread {
  readonly #worker: Worker;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Starts the thread.
   *
   * @param url The program's entry.
   */
  constructor(url: string | URL) {
    this.#worker = new Worker(url, { type: "module", name: WORKER_NAME });
  }

  /** Opens a port; as `listen` of tcp.ts, on the thread. */
  async listen(address: Address, options: ListenOptions): Promise<Listener> {
    const reply = await this.#ask({ kind: "listen", address }) as { address: Address };
    const door: Door = {
      accept: () => this.#connection({ kind: "accept" }),
      // Not asked in turn: it ends the question before it, which waits for a connection, and has no answer of its own.
      close: () => this.#worker.postMessage({ kind: "close" } satisfies Request),
    };
    const reception = new Reception(door, options);
    return { address: reply.address, accept: () => reception.accept(), close: () => reception.close() };
  }

  /** Connects; as `connect` of tcp.ts, on the thread. */
  async connect(address: Address, options: ConnectOptions): Promise<Session> {
    return await openSession((deadlineMs) => this.#connection({ kind: "connect", address, deadlineMs }), options);
  }

  /** Ends the thread and its sockets; links must be closed before. */
  close(): void {
    this.#worker.terminate();
  }

  async #connection(request: Request): Promise<SharedDuplex> {
    const { stream } = await this.#ask(request) as { stream: SharedStream };
    return new SharedDuplex(stream);
  }

  /** One question at a time. */
  #ask(request: Request): Promise<Reply> {
    const answer = this.#last.then(() =>
      new Promise<Reply>((resolve, reject) => {
        this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
          if ("error" in data) reject(new ProtocolError(data.error));
          else resolve(data);
        };
        this.#worker.onerror = (event) => {
          event.preventDefault();
          reject(
            new ProtocolError(`Cannot start the socket thread as its module must load: received ${event.message}`),
          );
        };
        this.#worker.postMessage(request);
      })
    );
    this.#last = answer.catch(() => {});
    return answer;
  }
}

interface WorkerScope {
  readonly name: string;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(reply: Reply): void;
}

/** Serves sockets where the current thread was started for that; then there is nothing else for the entry to do. */
export function runSocketThreadIfNamed(): boolean {
  const scope = globalThis as unknown as WorkerScope;
  if (!("WorkerGlobalScope" in globalThis) || scope.name !== WORKER_NAME) return false;
  let port: Port | null = null;
  const hand = (connection: Deno.TcpConn, party: Party): void => {
    let stream: SharedStream;
    try {
      stream = createSharedStream();
    } catch (error) {
      closeQuietly(connection);
      throw error;
    }
    void pumpSealed(new SharedDuplex(stream), connection, HANDSHAKE_BYTES[party]);
    scope.postMessage({ stream: otherSide(stream) });
  };
  /** The next connection for which there is memory: a crowd of strangers, whose rings are still to be collected, must not end the port. */
  const handNext = async (from: Port): Promise<void> => {
    for (;;) {
      const connection = await from.accept();
      try {
        return hand(connection, 0);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, CROWDED_MS));
      }
    }
  };
  const serve = async (request: Request): Promise<void> => {
    if (request.kind === "listen") {
      port = openPort(request.address);
      scope.postMessage({ address: port.address });
    } else if (request.kind === "connect") {
      hand(await dial(request.address, request.deadlineMs, new AbortController().signal), 1);
    } else if (request.kind === "close") {
      port?.close();
    } else if (port !== null) {
      await handNext(port);
    }
  };
  scope.onmessage = ({ data }) => {
    serve(data).catch((error) => scope.postMessage({ error: error instanceof Error ? error.message : String(error) }));
  };
  return true;
}
