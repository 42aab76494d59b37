/** Control messages that have arrived, by type and in order, and the receives that wait for one. */

import { ProtocolError } from "../core/errors.ts";
import type { ControlBody } from "./frame.ts";

/** Control messages that may wait to be received. */
export const MAX_PENDING_CONTROLS = 64;

/** A control message: set-up data beside the openings. */
export interface Control {
  /** The public object that the sender gave. */
  readonly body: ControlBody;
  /** Its bytes; empty if it has none. */
  readonly payload: Uint8Array;
}

/** A part of a control message as one frame carries it. */
export interface ControlPart {
  readonly type: string;
  /** The body in the first part, null in the others. */
  readonly body: ControlBody;
  readonly part: Uint8Array;
  readonly restBytes: number;
}

interface Wait {
  readonly type: string;
  readonly resolve: (control: Control) => void;
  readonly reject: (error: Error) => void;
}

/** Holds one link's incoming control messages. They are few: a list is searched. */
export class ControlBox {
  readonly #limitBytes: number;
  readonly #pending: (Control & { readonly type: string })[] = [];
  #arriving: { readonly type: string; readonly control: Control; filledBytes: number } | null = null;
  #waits: Wait[] = [];
  #closed: Error | null = null;

  /** @param limitBytes Most bytes of the payloads that wait together. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Receives that wait for their message. */
  get waitingCount(): number {
    return this.#waits.length;
  }

  /**
   * Puts a part of a message in; the parts of one message follow each other. Copies the part.
   *
   * @throws {ProtocolError} If the parts do not fit together or a limit is exceeded.
   */
  put({ type, body, part, restBytes }: ControlPart): void {
    if (this.#closed !== null) return;
    const bytes = part.length + restBytes;
    const arriving = this.#arriving ?? { type, control: this.#begin(body, bytes), filledBytes: 0 };
    const missingBytes = arriving.control.payload.length - arriving.filledBytes;
    if (arriving.type !== type || missingBytes !== bytes || (arriving.filledBytes > 0 && body !== null)) {
      throw new ProtocolError(
        `Cannot accept part of control message as ${missingBytes} bytes must remain: received a part with ${bytes}, or of another message`,
      );
    }
    arriving.control.payload.set(part, arriving.filledBytes);
    arriving.filledBytes += part.length;
    this.#arriving = restBytes > 0 ? arriving : null;
    if (restBytes === 0) this.#deliver(type, arriving.control);
  }

  /** Forgets the parts of a message that has not come whole. */
  dropParts(): void {
    this.#arriving = null;
  }

  /** Takes the next message of a type; rejects with the reason of `close`, once closed and empty. */
  receive(type: string): Promise<Control> {
    const at = this.#pending.findIndex((control) => control.type === type);
    if (at >= 0) {
      const { body, payload } = this.#pending.splice(at, 1)[0]!;
      return Promise.resolve({ body, payload });
    }
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const { promise, resolve, reject } = Promise.withResolvers<Control>();
    // Whoever waits may have stopped at another failure of the same link: this one must not end the process.
    promise.catch(() => {});
    this.#waits.push({ type, resolve, reject });
    return promise;
  }

  /** Ends the box: waiting receives fail with `reason`; messages that are here can still be received. Idempotent. */
  close(reason: Error): void {
    this.#closed ??= reason;
    const waits = this.#waits;
    this.#waits = [];
    for (const { reject } of waits) reject(reason);
  }

  #begin(body: ControlBody, bytes: number): Control {
    const pendingBytes = this.#pending.reduce((sum, { payload }) => sum + payload.length, 0);
    if (this.#pending.length >= MAX_PENDING_CONTROLS || pendingBytes + bytes > this.#limitBytes) {
      throw new ProtocolError(
        `Cannot accept control message as at most ${MAX_PENDING_CONTROLS} of ${this.#limitBytes} bytes may wait: received one more of ${bytes} bytes`,
      );
    }
    return { body, payload: new Uint8Array(bytes) };
  }

  #deliver(type: string, control: Control): void {
    const at = this.#waits.findIndex((wait) => wait.type === type);
    if (at >= 0) this.#waits.splice(at, 1)[0]!.resolve(control);
    else this.#pending.push({ type, ...control });
  }
}
