/** Messages that have arrived and are not taken yet, and takes whose message has not arrived. No order, no back-pressure. */

import type { Lane } from "../core/channel.ts";
import { ProtocolError } from "../core/errors.ts";

/** How much may wait in a mailbox. A correct peer stays below: in no lane is it more than one exchange ahead. */
export interface MailboxLimits {
  /** Most bytes of messages that wait or are arriving in parts. */
  readonly pendingBytes: number;
  /** Most messages that wait or are arriving in parts. */
  readonly pendingCount: number;
}

/** Limits far above what a plan needs: they bound what a broken peer can make this party hold. */
export const DEFAULT_MAILBOX_LIMITS: MailboxLimits = { pendingBytes: 4 * 2 ** 30, pendingCount: 2 ** 16 };

interface Pending {
  readonly message: Uint8Array;
  filledBytes: number;
}

interface Waiting {
  readonly expectedBytes: number;
  readonly resolve: (message: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

const EMPTY = new Uint8Array(0);

/** Holds one link's incoming messages by (lane, exchange). */
export class Mailbox {
  readonly #limits: MailboxLimits;
  readonly #pending = new Map<string, Pending>();
  readonly #waiting = new Map<string, Waiting>();
  #pendingBytes = 0;
  #closed: Error | null = null;

  constructor(limits: Partial<MailboxLimits> = {}) {
    this.#limits = { ...DEFAULT_MAILBOX_LIMITS, ...limits };
  }

  /** Takes that wait for their message. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Bytes of messages that nobody has taken, parts still on their way included. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Puts a part of a message in; a whole message is a first part with nothing to follow. Copies the part.
   *
   * @param restBytes Bytes of the message that follow in later parts.
   * @throws {ProtocolError} If the address is taken, the parts do not fit together, the message has another length than its take expects, or a limit is exceeded.
   */
  put(lane: Lane, exchange: number, part: Uint8Array, restBytes: number): void {
    if (this.#closed !== null) return;
    const key = addressKey(lane, exchange);
    const pending = this.#pending.get(key);
    if (pending !== undefined) {
      const missingBytes = pending.message.length - pending.filledBytes;
      if (missingBytes === 0) {
        throw new ProtocolError(
          `Cannot accept message as its address must be new: received a second one for ${describe(lane, exchange)}`,
        );
      }
      if (part.length + restBytes !== missingBytes) {
        throw new ProtocolError(
          `Cannot accept part of ${
            describe(lane, exchange)
          } as ${missingBytes} bytes must remain: received a part with ${part.length + restBytes}`,
        );
      }
      pending.message.set(part, pending.filledBytes);
      pending.filledBytes += part.length;
      if (restBytes === 0) this.#deliver(key, pending.message, lane, exchange);
      return;
    }
    if (restBytes === 0 && this.#waiting.has(key)) {
      this.#deliver(key, part.slice(), lane, exchange);
      return;
    }
    const bytes = part.length + restBytes;
    if (this.#pending.size >= this.#limits.pendingCount || this.#pendingBytes + bytes > this.#limits.pendingBytes) {
      throw new ProtocolError(
        `Cannot accept message as at most ${this.#limits.pendingCount} messages of ${this.#limits.pendingBytes} bytes may wait: received one more, ${
          describe(lane, exchange)
        } of ${bytes} bytes`,
      );
    }
    // A fresh array at offset 0, so that a taker can view it as words.
    const message = new Uint8Array(bytes);
    message.set(part);
    this.#pending.set(key, { message, filledBytes: part.length });
    this.#pendingBytes += bytes;
  }

  /**
   * Takes a message: directly when it is here, as a promise otherwise. A message of 0 bytes is never sent, so it is always here.
   *
   * @throws {ProtocolError} If the message has another length; a waiting take rejects with it.
   * @throws {Error} The reason of `close`, once closed.
   */
  take(lane: Lane, exchange: number, expectedBytes: number): Uint8Array | Promise<Uint8Array> {
    if (expectedBytes === 0) return EMPTY;
    const key = addressKey(lane, exchange);
    const pending = this.#pending.get(key);
    if (pending !== undefined && pending.filledBytes === pending.message.length) {
      this.#remove(key, pending);
      assertLength(lane, exchange, pending.message.length, expectedBytes);
      return pending.message;
    }
    if (this.#closed !== null) throw this.#closed;
    if (this.#waiting.has(key)) {
      throw new Error(`Internal error: two takes wait for ${describe(lane, exchange)}`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    // Several lanes wait at once and their owner may stop at the first that fails: the others must not end the process.
    promise.catch(() => {});
    this.#waiting.set(key, { expectedBytes, resolve, reject });
    return promise;
  }

  /** Forgets the parts of a message that has not come whole: the next connection sends it again. */
  dropParts(): void {
    for (const [key, pending] of this.#pending) {
      if (pending.filledBytes < pending.message.length) this.#remove(key, pending);
    }
  }

  /** Ends the mailbox: waiting and later takes fail with `reason`; whole messages that are here can still be taken. Idempotent. */
  close(reason: Error): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(reason);
  }

  #deliver(key: string, message: Uint8Array, lane: Lane, exchange: number): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    const pending = this.#pending.get(key);
    if (pending !== undefined) this.#remove(key, pending);
    this.#waiting.delete(key);
    try {
      assertLength(lane, exchange, message.length, waiting.expectedBytes);
      waiting.resolve(message);
    } catch (error) {
      if (error instanceof Error) waiting.reject(error);
      throw error;
    }
  }

  #remove(key: string, pending: Pending): void {
    this.#pending.delete(key);
    this.#pendingBytes -= pending.message.length;
  }
}

function addressKey({ request, step, stage }: Lane, exchange: number): string {
  return `${request}/${step}/${stage}/${exchange}`;
}

function describe({ request, step, stage }: Lane, exchange: number): string {
  return `request ${request}, step ${step}, stage ${stage}, exchange ${exchange}`;
}

function assertLength(lane: Lane, exchange: number, bytes: number, expectedBytes: number): void {
  if (bytes !== expectedBytes) {
    throw new ProtocolError(
      `Cannot take message of ${describe(lane, exchange)} as it must have ${expectedBytes} bytes: received ${bytes}`,
    );
  }
}
