/**
 * One party's end of a session: openings by address, control messages by type, and an orderly end, over one connection
 * after the other.
 *
 * Until `begin`, messages belong to the connection: if that is lost, so is the session, and no key is spent. From then on
 * they are numbered and kept in memory until the peer has them. A lost connection is then waited for, and the same
 * messages are sent again over the next one, from the count that the peer gives: nothing is ever computed a second time,
 * for a one-time mask must not cover two values. What the peer sends twice is not heard twice.
 */

import type { Channel, ChannelStats, Lane, Party } from "../core/channel.ts";
import { hinted, ProtocolError } from "../core/errors.ts";
import { type Control, ControlBox } from "./control_box.ts";
import { closeQuietly } from "./duplex.ts";
import { type ControlBody, encodeHead, type Frame, type Head, MAX_TEXT_UNITS } from "./frame.ts";
import { type Connection, Link, type LinkEvents } from "./link.ts";
import { DEFAULT_MAILBOX_LIMITS, Mailbox, type MailboxLimits } from "./mailbox.ts";
import type { Outgoing } from "./outbox.ts";
import { Transcript } from "./transcript.ts";

export type { Control };

/** How long a session that ends waits for the peer's last word, in milliseconds. */
export const DEFAULT_CLOSE_MS = 5000;
/** How long a lost connection is waited for. */
export const DEFAULT_RESUME_MS = 120_000;
/** How long the peer may leave this side without a message that it waits for. */
export const DEFAULT_DEADLINE_MS = 600_000;

/** How often a session looks whether the peer waits for an acknowledgement, and its own waiting has a limit. */
const TICK_MS = 100;
/** Bytes of the peer's messages that are acknowledged at once. */
const ACK_BYTES = 2 ** 20;

/** Times and limits of a session; all have defaults. */
export interface SessionLimits {
  /** Limits of the mailbox, and of what is kept to be sent again. */
  readonly limits?: Partial<MailboxLimits>;
  /** How long an ending session waits for the peer's last word. */
  readonly closeMs?: number;
  /** How long a lost connection is waited for once the session has begun; 0: not at all. */
  readonly resumeMs?: number;
  /** Silence after which a connection counts as lost. */
  readonly idleMs?: number;
  /** How long the peer may leave this side without a message that it waits for. */
  readonly deadlineMs?: number;
  /** Called when a connection was lost that is waited for, with the reason; and, without one, when there is another. */
  readonly onSuspend?: (reason: string | null) => void;
}

/** What makes a session. */
export interface SessionOptions extends SessionLimits {
  /** Whose end this is. */
  readonly party: Party;
  /** Public line of the identity that the peer has proved. */
  readonly peer: string;
  /** Whether the client began it over an earlier connection, on which its first message got lost. */
  readonly resumed?: boolean;
  /** The client's way to another connection: tries until `signal` aborts, and rejects where there can be none. */
  readonly redial?: (session: Session, signal: AbortSignal) => Promise<void>;
}

/** One party's end of a session. Made by `connect`, `listen` and `memoryPair`. */
export class Session implements Channel, AsyncDisposable {
  /** Whose end this is. */
  readonly party: Party;
  /** Public line of the identity that the peer has proved. */
  readonly peer: string;
  /** Whether the client began it over an earlier connection: it has had all that comes before its requests. */
  readonly resumed: boolean;
  /** Resolves when the session has ended and nothing of it runs any more; never rejects. */
  readonly closed: Promise<void>;

  readonly #options: SessionOptions;
  readonly #transcript = new Transcript<Outgoing>();
  readonly #mailbox: Mailbox;
  readonly #controls: ControlBox;
  readonly #abort = new AbortController();
  readonly #stats = { frames: 0, wireBytes: 0, payloadBytes: 0 };
  readonly #over = Promise.withResolvers<void>();
  readonly #work = new Set<Promise<void>>();
  #link: Link | null = null;
  #began = false;
  #resumes = 0;
  #keptBytes = 0;
  /** Why posts and receives are refused: the failure, or that this side has closed. */
  #ended: Error | null = null;
  /** Why nothing more will come, once the peer has said goodbye. */
  #peerEnded: Error | null = null;
  /** Ends the waiting for another connection. */
  #waiting: AbortController | null = null;
  #tick: ReturnType<typeof setInterval> | undefined;
  #toldCount = 0;
  #untoldBytes = 0;
  #waitedMs = 0;

  /** Makes an end without a connection. */
  constructor(options: SessionOptions) {
    const { party, peer, limits = {} } = options;
    this.party = party;
    this.peer = peer;
    this.resumed = options.resumed ?? false;
    this.#options = options;
    this.#mailbox = new Mailbox(limits);
    this.#controls = new ControlBox(limits.pendingBytes ?? DEFAULT_MAILBOX_LIMITS.pendingBytes);
    this.closed = this.#over.promise.then(async () => {
      while (this.#work.size > 0) await Promise.all(this.#work);
    });
  }

  /** Aborts when the session fails, with the error as its reason; a session that ends in order never aborts it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Live counts of what this side has sent, handshakes included. */
  get stats(): ChannelStats {
    return this.#stats;
  }

  /** Connections after the first. */
  get resumes(): number {
    return this.#resumes;
  }

  /** Whether messages are numbered and a lost connection is waited for. */
  get began(): boolean {
    return this.#began;
  }

  /** The peer's numbered messages that are here. */
  get received(): number {
    return this.#transcript.received;
  }

  /** Whether the session has ended, as far as anything could still come. */
  get over(): boolean {
    return this.#peerEnded !== null || this.#abort.signal.aborted || this.#isOver;
  }

  /** From here on messages are numbered, kept, and sent again after a loss: this side's keys are claimed. */
  begin(): void {
    if (this.#began) return;
    this.#began = true;
    this.#tick = setInterval(() => this.#look(), TICK_MS);
  }

  /**
   * Gives the session its first or its next connection. A connection that is still there is dropped.
   *
   * @param have The count of this side's messages that the peer has; it has been told ours.
   * @param sentBytes Bytes that this side has sent on it already.
   */
  attach(connection: Connection, have: number, sentBytes: number): void {
    if (this.#isOver) return closeQuietly(connection.duplex);
    const again = this.#link !== null || this.#waiting !== null;
    this.#link?.destroy();
    this.#waiting?.abort();
    this.#waiting = null;
    this.#mailbox.dropParts();
    this.#controls.dropParts();
    this.#stats.wireBytes += sentBytes;
    this.#toldCount = this.#transcript.received;
    const link: Link = new Link(connection, this.#eventsOf(() => link), this.#stats, this.#options.idleMs);
    this.#link = link;
    this.#track(link.closed);
    if (again) {
      this.#resumes++;
      this.#options.onSuspend?.(null);
    }
    try {
      this.#acknowledge(have);
    } catch (error) {
      return this.#fail(error as Error, noticeOf(error as Error));
    }
    for (const message of this.#transcript.kept) link.send(message);
    if (this.#ended !== null) link.send(BYE);
  }

  /**
   * Sends this party's message of one exchange, as `Channel.post` says: the bytes are copied when it returns.
   *
   * @throws {ProtocolError} If the session has ended.
   */
  post(lane: Lane, exchange: number, payload: readonly Uint8Array[]): void {
    if (this.#ended !== null) throw this.#ended;
    if (!this.#began) throw new Error("Internal error: openings belong to a session that has begun");
    const bytes = payload.reduce((sum, chunk) => sum + chunk.length, 0);
    if (bytes === 0) return;
    this.#stats.payloadBytes += bytes;
    const { request, step, stage } = lane;
    const part = { request, step, stage, exchange, bytes, restBytes: 0 };
    this.#send({ head: { kind: "open", parts: [part], received: 0 }, payload: [joined(payload, bytes)], bytes });
  }

  /**
   * Takes the peer's message of one exchange, as `Channel.take` says.
   *
   * @throws {ProtocolError} If the message has another length or will never come; the session has failed then.
   */
  take(lane: Lane, exchange: number, expectedBytes: number): Uint8Array | Promise<Uint8Array> {
    try {
      return this.#mailbox.take(lane, exchange, expectedBytes);
    } catch (error) {
      if (this.#ended === null && error instanceof ProtocolError) this.#fail(error, noticeOf(error));
      throw error;
    }
  }

  /**
   * Sends a control message at once, ordered with everything else this side sends. Body and payload are copied.
   *
   * @throws {RangeError} If type and body do not fit in a head.
   */
  sendControl(type: string, body: ControlBody = null, payload: Uint8Array = new Uint8Array(0)): void {
    if (this.#ended !== null) throw this.#ended;
    if (type.length > MAX_TEXT_UNITS) {
      throw new RangeError(
        `Cannot send control message as its type must have at most ${MAX_TEXT_UNITS} units: received ${type.length}`,
      );
    }
    const kind = this.#began ? "control" : "setup", bytes = payload.length;
    const head: Head = { kind, type, body: structuredClone(body), bytes, restBytes: 0 };
    encodeHead(head); // an oversized one fails here
    this.#send({ head, payload: [payload.slice()], bytes });
  }

  /**
   * Receives the next control message of a type.
   *
   * @throws {ProtocolError} If the session is lost or the peer ends it.
   */
  receiveControl(type: string): Promise<Control> {
    return this.#controls.receive(type);
  }

  /**
   * Ends the session as failed and tells the peer why, as far as a connection still carries it.
   *
   * @param kind Class of the failure; public.
   * @param message Public text: the peer shows it.
   */
  abort(kind: string, message: string): void {
    this.#fail(new ProtocolError(message), { kind, message });
  }

  /**
   * Closes the session. Without a reason it ends in order: what was posted is still sent, then a goodbye, and `closed`
   * resolves when the peer has answered it. With a reason the session has failed: the peer is told the error's class, and
   * its message if that is public by its class.
   */
  close(reason?: Error): void {
    if (reason !== undefined) {
      this.#fail(reason, noticeOf(reason));
      return;
    }
    if (this.#ended !== null) return;
    this.#ended = new ProtocolError("Cannot use session as it must be open: received a call after close");
    this.#rejectWaiting(this.#ended);
    this.#link?.send(BYE);
    this.#settle();
  }

  /** Closes in order and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  #send(message: Outgoing): void {
    if (this.#began) {
      this.#keptBytes += message.bytes;
      const limit = this.#options.limits?.pendingBytes ?? DEFAULT_MAILBOX_LIMITS.pendingBytes;
      if (this.#keptBytes > limit) {
        const error = new ProtocolError(
          `Cannot go on as the peer must acknowledge what it has: received no count for ${this.#keptBytes} bytes`,
        );
        this.#fail(error, noticeOf(error));
        throw error;
      }
      this.#transcript.produce(message);
    }
    this.#link?.send(message);
  }

  /** What a link tells of, as long as it is the session's. */
  #eventsOf(self: () => Link): LinkEvents {
    const current = (): boolean => this.#link === self();
    return {
      received: () => {
        if (!this.#began) return 0;
        this.#untoldBytes = 0;
        return this.#toldCount = this.#transcript.received;
      },
      frame: (frame) => {
        if (current()) this.#accept(frame);
      },
      written: () => {
        if (current() && this.#ended !== null) this.#settle();
      },
      lost: (error, told) => {
        if (current()) this.#lose(error, told);
      },
      broken: (error) => {
        if (current()) this.#fail(error, noticeOf(error));
      },
    };
  }

  #accept({ head, payload }: Frame): void {
    // A goodbye is said again over another connection.
    if (this.#peerEnded !== null && (head.kind === "open" || head.kind === "control" || head.kind === "setup")) {
      throw new ProtocolError(
        `Cannot accept frame as party ${this.#other} must send nothing after its goodbye: received kind ${head.kind}`,
      );
    }
    switch (head.kind) {
      case "open": {
        let at = 0;
        for (const part of head.parts) {
          this.#mailbox.put(part, part.exchange, payload.subarray(at, at + part.bytes), part.restBytes);
          at += part.bytes;
          if (part.restBytes === 0) this.#deliver();
        }
        this.#acknowledge(head.received);
        this.#noteReceived(payload.length);
        break;
      }
      case "control":
      case "setup":
        this.#controls.put({ type: head.type, body: head.body, part: payload, restBytes: head.restBytes });
        if (head.kind === "control" && head.restBytes === 0) this.#deliver();
        this.#noteReceived(payload.length);
        break;
      case "ack":
        this.#acknowledge(head.received);
        break;
      case "abort":
        this.#acceptAbort(head.reason, head.message);
        break;
      case "bye":
        this.#acceptBye();
        break;
      default:
        throw new ProtocolError(
          `Cannot accept frame as party ${this.#other} must not answer here: received ${head.kind}`,
        );
    }
  }

  #deliver(): void {
    this.#transcript.deliver();
    this.#waitedMs = 0;
  }

  /** Acknowledges at once what takes much of the peer's memory. */
  #noteReceived(bytes: number): void {
    this.#untoldBytes += bytes;
    if (this.#began && this.#untoldBytes >= ACK_BYTES) this.#sendAck();
  }

  #sendAck(): void {
    this.#untoldBytes = 0;
    this.#toldCount = this.#transcript.received;
    this.#link?.sendAhead({ kind: "ack", received: this.#toldCount });
  }

  #acknowledge(count: number): void {
    for (const { bytes } of this.#transcript.acknowledge(count)) this.#keptBytes -= bytes;
  }

  #look(): void {
    if (this.#link !== null && this.#transcript.received > this.#toldCount) this.#sendAck();
    const waits = this.#mailbox.waitingCount + this.#controls.waitingCount > 0 && this.#link !== null;
    this.#waitedMs = waits ? this.#waitedMs + TICK_MS : 0;
    const { deadlineMs = DEFAULT_DEADLINE_MS } = this.#options;
    if (this.#waitedMs < deadlineMs) return;
    const error = new ProtocolError(
      `Cannot wait on as party ${this.#other} must send its message within ${deadlineMs} ms: received nothing`,
    );
    this.#fail(error, noticeOf(error));
  }

  #acceptBye(): void {
    this.#peerEnded = new ProtocolError(
      `Cannot take from party ${this.#other} as it must still be in the session: received its goodbye`,
    );
    if (this.#ended !== null) {
      this.#settle();
    } else if (this.#mailbox.waitingCount + this.#controls.waitingCount > 0) {
      this.#fail(this.#peerEnded, null);
    } else {
      this.#rejectWaiting(this.#peerEnded);
    }
  }

  #acceptAbort(kind: string, message: string): void {
    const received = `${printable(kind)}: ${printable(message)}`;
    this.#peerEnded = new ProtocolError(
      `Cannot continue session as party ${this.#other} has ended it: received ${received}`,
    );
    // Two parties that failed at once have nothing more to tell each other.
    if (this.#abort.signal.aborted) this.#settle();
    else this.#fail(this.#peerEnded, null);
  }

  get #other(): Party {
    return this.party === 0 ? 1 : 0;
  }

  /** Ends the session as failed. `notice` is what the peer is told; null if it is gone or knows. */
  #fail(error: Error, notice: { kind: string; message: string } | null): void {
    if (this.#abort.signal.aborted || this.#isOver) return;
    this.#ended = error;
    this.#rejectWaiting(error);
    this.#abort.abort(error);
    if (notice === null || this.#link === null) return this.#end();
    const reason = notice.kind.slice(0, MAX_TEXT_UNITS), message = notice.message.slice(0, MAX_TEXT_UNITS);
    this.#link.finish({ kind: "abort", reason, message }, this.#closeMs);
    this.#endWith(this.#link);
  }

  /** A connection has ended before its time: its end is the session's, or another is waited for. */
  #lose(error: ProtocolError, told: boolean): void {
    const { resumeMs = DEFAULT_RESUME_MS } = this.#options, goes = this.#ended !== null;
    if (this.#peerEnded !== null || this.#abort.signal.aborted) return this.#end();
    // Whoever has said goodbye lacks nothing itself: it stays for the peer, the client only for a moment.
    const waitMs = goes && this.party === 1 ? Math.min(resumeMs, this.#closeMs) : resumeMs;
    if (this.#began && waitMs > 0) return this.#suspend(error, waitMs);
    if (goes) return this.#end();
    this.#fail(this.#lostError(error), told ? noticeOf(error) : null);
  }

  #suspend(cause: ProtocolError, waitMs: number): void {
    this.#link?.destroy();
    this.#link = null;
    this.#options.onSuspend?.(cause.message);
    const waiting = new AbortController(),
      give = (error: ProtocolError): void => {
        if (this.#waiting !== waiting) return;
        this.#waiting = null;
        waiting.abort();
        clearTimeout(timer);
        if (this.#ended !== null) this.#end();
        else this.#fail(error, null);
      };
    const seconds = waitMs / 1000;
    const timer = setTimeout(() => give(this.#lostError(cause, `for ${seconds} s`)), waitMs);
    waiting.signal.addEventListener("abort", () => clearTimeout(timer));
    this.#waiting = waiting;
    const { redial } = this.#options;
    if (redial !== undefined) this.#track(redial(this, waiting.signal).catch(give));
  }

  #lostError(cause: ProtocolError, howLong: string = ""): ProtocolError {
    const message =
      `Cannot continue session as the link to party ${this.#other} must stay open: received ${cause.message}`;
    const error = new ProtocolError(howLong === "" ? message : `${message}, and no other connection ${howLong}`, {
      cause,
    });
    const { hint } = cause as { hint?: string };
    return hint === undefined ? error : hinted(error, hint);
  }

  /** After an orderly close: ends when both goodbyes have passed, or the peer's does not come in time. */
  #settle(): void {
    if (this.#link === null) {
      if (this.#waiting === null) this.#end();
    } else if (this.#peerEnded !== null && this.#link.idle) this.#end();
    else if (this.#link.idle) {
      this.#link.destroyAfter(this.#closeMs);
      this.#endWith(this.#link);
    }
  }

  get #closeMs(): number {
    return this.#options.closeMs ?? DEFAULT_CLOSE_MS;
  }

  #isOver = false;

  /** Ends when a connection has, unless it was replaced or is waited for. */
  #endWith(link: Link): void {
    void link.closed.then(() => {
      if (this.#link === link) this.#end();
    });
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#tick);
    this.#waiting?.abort();
    this.#waiting = null;
    this.#link?.destroy();
    this.#ended ??= this.#peerEnded;
    this.#over.resolve();
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  #rejectWaiting(error: Error): void {
    this.#mailbox.close(error);
    this.#controls.close(error);
  }
}

const BYE: Outgoing = { head: { kind: "bye" }, payload: [], bytes: 0 };

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** What the peer may know of an error: a ProtocolError's message is public by its class, of another only the class. */
function noticeOf(error: Error): { kind: string; message: string } {
  return {
    kind: error.name,
    message: error instanceof ProtocolError ? error.message : "Its own work has failed",
  };
}

/** The peer's text is shown on terminals: nothing but printable characters passes. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]+/gu, " ");
}
