/** What one side of a session has sent and received, by number: the counters from which a lost connection is resumed. */

import { ProtocolError } from "../core/errors.ts";

/** Most messages of one direction; their numbers are u32. */
export const MAX_MESSAGES = 2 ** 32 - 1;

/**
 * Messages of both directions, numbered by their order from 1. Those that the peer has not acknowledged are kept, to be
 * sent again as they are: nothing is ever made a second time.
 *
 * @example A connection is lost after the first of two messages
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Transcript } from "sluice/transport/transcript.ts";
 *
 * const mine = new Transcript<string>();
 * mine.produce("a");
 * mine.produce("b");
 * mine.acknowledge(1); // the peer says, on the next connection, that it has one message
 *
 * assertEquals([...mine.kept], ["b"]);
 * ```
 */
export class Transcript<M> {
  readonly #kept: M[] = [];
  #acknowledged = 0;
  #received = 0;

  /** Messages of the peer that are here, whole. */
  get received(): number {
    return this.#received;
  }

  /** Messages of this side that the peer has. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Messages of this side so far. */
  get sent(): number {
    return this.#acknowledged + this.#kept.length;
  }

  /** Those that the peer may lack, in order. */
  get kept(): readonly M[] {
    return this.#kept;
  }

  /** Numbers a message of this side. */
  produce(message: M): void {
    if (this.sent >= MAX_MESSAGES) {
      throw new ProtocolError(`Cannot send message as a session has at most ${MAX_MESSAGES}: received one more`);
    }
    this.#kept.push(message);
  }

  /** Numbers a message of the peer. */
  deliver(): void {
    if (this.#received >= MAX_MESSAGES) {
      throw new ProtocolError(`Cannot accept message as a session has at most ${MAX_MESSAGES}: received one more`);
    }
    this.#received++;
  }

  /**
   * Forgets what the peer has.
   *
   * @returns Those messages.
   * @throws {ProtocolError} If it claims less than before, for what was forgotten cannot be sent again, or more than was sent.
   */
  acknowledge(count: number): readonly M[] {
    if (count < this.#acknowledged || count > this.sent) {
      throw new ProtocolError(
        `Cannot accept count of received messages as it must be ${this.#acknowledged} to ${this.sent}: received ${count}`,
      );
    }
    const forgotten = this.#kept.splice(0, count - this.#acknowledged);
    this.#acknowledged = count;
    return forgotten;
  }
}
