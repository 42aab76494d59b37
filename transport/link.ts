/**
 * One party's end of a sealed connection: openings by address, control messages by type, and an orderly end.
 *
 * A post starts its write in the same tick. While a write is in flight, what is posted waits and shares the next frame; nobody waits to make a
 * frame fuller. The reader puts every opening in the mailbox at once: back-pressure on openings would let two parties wait for each other.
 */

import type { Channel, ChannelStats, Lane, Party } from "../core/channel.ts";
import { FrameError, ProtocolError } from "../core/errors.ts";
import { type Control, ControlBox } from "./control_box.ts";
import { FrameSealer } from "./frame_sealer.ts";
import { Outbox, type Outgoing } from "./outbox.ts";
import { closeQuietly, type Duplex, writeFully } from "./duplex.ts";
import {
  type ControlBody,
  decodeFrame,
  encodeHead,
  type Frame,
  FRAME_PAYLOAD_BYTES,
  frameLength,
  type Head,
  LENGTH_BYTES,
  MAX_TEXT_UNITS,
} from "./frame.ts";
import { DEFAULT_MAILBOX_LIMITS, Mailbox, type MailboxLimits } from "./mailbox.ts";
import { type Opener, SEAL_HANDSHAKE_BYTES, type Sealer, TAG_BYTES } from "./seal.ts";

/** How long a link that ends waits for the peer's last word, in milliseconds. */
export const DEFAULT_CLOSE_MS = 5000;

/** Two frames of an ordinary peer. */
const FIRST_RECEIVE_BYTES = 2 * (FRAME_PAYLOAD_BYTES + 2 ** 12);

export type { Control };

/** What `openLink` knows of a link once it is sealed. */
export interface LinkOptions {
  /** Whose end this is. */
  readonly party: Party;
  /** Seals what this side sends; null where the stream does. */
  readonly sealer: Sealer | null;
  /** Opens what the peer sends. */
  readonly opener: Opener;
  /** Limits of the mailbox. */
  readonly limits?: Partial<MailboxLimits>;
  /** How long an ending link waits for the peer's last word; `DEFAULT_CLOSE_MS` by default. */
  readonly closeMs?: number;
}

/** One party's end of a link. Made by `openLink`, `connect`, `listen` and `memoryPair`. */
export class Link implements Channel, AsyncDisposable {
  /** Whose end this is. */
  readonly party: Party;
  /** Resolves when the connection has ended and nothing of the link runs any more; never rejects. */
  readonly closed: Promise<void>;

  readonly #duplex: Duplex;
  readonly #opener: Opener;
  readonly #outbox = new Outbox();
  /** Seals what the outbox makes; null where the stream does. */
  readonly #frameSealer: FrameSealer | null;
  readonly #mailbox: Mailbox;
  readonly #controls: ControlBox;
  readonly #abort = new AbortController();
  readonly #closeMs: number;
  readonly #stats = { frames: 0, wireBytes: SEAL_HANDSHAKE_BYTES, payloadBytes: 0 };
  #writing = false;
  #written: Promise<void> = Promise.resolve();
  /** Why posts and receives are refused: the failure, or that this side has closed. */
  #ended: Error | null = null;
  /** Why nothing more will come, once the peer has said goodbye. */
  #peerEnded: Error | null = null;
  #destroyed = false;
  /** Why nothing more can be written. */
  #broken: unknown = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts reading at once; the stream belongs to the link from here on. */
  constructor(duplex: Duplex, { party, sealer, opener, limits = {}, closeMs = DEFAULT_CLOSE_MS }: LinkOptions) {
    if (sealer === null && duplex.sealWith === undefined) {
      throw new Error("Internal error: nobody seals what this link sends");
    }
    this.party = party;
    this.#duplex = duplex;
    this.#opener = opener;
    this.#frameSealer = sealer === null ? null : new FrameSealer(sealer);
    this.#mailbox = new Mailbox(limits);
    this.#controls = new ControlBox(limits.pendingBytes ?? DEFAULT_MAILBOX_LIMITS.pendingBytes);
    this.#closeMs = closeMs;
    this.closed = this.#readFrames().then(() => this.#written);
  }

  /** Aborts when the session fails, with the error as its reason; a link that ends in order never aborts it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Live counts of what this side has sent, sealing handshake included. */
  get stats(): ChannelStats {
    return this.#stats;
  }

  /**
   * Sends this party's message of one exchange, as `Channel.post` says: the bytes are written or copied when it returns.
   *
   * @throws {ProtocolError} If the link has ended.
   */
  post(lane: Lane, exchange: number, payload: readonly Uint8Array[]): void {
    if (this.#ended !== null) throw this.#ended;
    const bytes = payload.reduce((sum, chunk) => sum + chunk.length, 0);
    if (bytes === 0) return;
    this.#stats.payloadBytes += bytes;
    const { request, step, stage } = lane;
    const part = { request, step, stage, exchange, bytes, restBytes: 0 };
    this.#send({ head: { kind: "open", parts: [part] }, payload, bytes });
  }

  /**
   * Takes the peer's message of one exchange, as `Channel.take` says.
   *
   * @throws {ProtocolError} If the message has another length or will never come; the link has failed then.
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
   * Sends a control message at once, ordered with everything else this side sends. Body and payload are copied or written before it returns.
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
    // The body travels later if a write is in flight; a copy keeps what the caller means now, and an oversized one fails here.
    const head: Head = { kind: "control", type, body: structuredClone(body), bytes: payload.length, restBytes: 0 };
    encodeHead(head);
    this.#send({ head, payload: [payload], bytes: payload.length });
  }

  /**
   * Receives the next control message of a type.
   *
   * @throws {ProtocolError} If the link is lost or the peer ends the session.
   */
  receiveControl(type: string): Promise<Control> {
    return this.#controls.receive(type);
  }

  /**
   * Ends the session as failed and tells the peer why, as far as the connection still carries it.
   *
   * @param kind Class of the failure; public.
   * @param message Public text: the peer shows it.
   */
  abort(kind: string, message: string): void {
    this.#fail(new ProtocolError(message), { kind, message });
  }

  /**
   * Closes the link. Without a reason it ends in order: what was posted is still sent, then a goodbye, and `closed` resolves when the peer has
   * answered it. With a reason the session has failed: the peer is told the error's class, and its message if that is public by its class.
   */
  close(reason?: Error): void {
    if (reason !== undefined) {
      this.#fail(reason, noticeOf(reason));
      return;
    }
    if (this.#ended !== null) return;
    this.#ended = new ProtocolError("Cannot use link as it must be open: received a call after close");
    this.#rejectWaiting(this.#ended);
    this.#send({ head: { kind: "bye" }, payload: [], bytes: 0 });
  }

  /** Closes in order and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  #send(message: Outgoing): void {
    if (!this.#writing) {
      this.#outbox.push(message);
      this.#writing = true;
      this.#written = this.#writeFrames();
      // What the stream has taken is made and written by now; only the rest still refers to the caller's bytes.
      if (this.#outbox.empty) return;
      this.#outbox.replaceLast(ownPayload(message));
    } else {
      this.#outbox.push(ownPayload(message));
    }
  }

  /** Writes frames until none waits. The first write starts before it returns. */
  async #writeFrames(): Promise<void> {
    try {
      while (!this.#outbox.empty && !this.#destroyed) {
        const frame = this.#outbox.nextFrame();
        this.#stats.frames++;
        this.#stats.wireBytes += frame.length + TAG_BYTES;
        const writing = writeFully(this.#duplex, this.#frameSealer?.seal(frame) ?? frame);
        if (writing !== undefined) await writing;
        // What is posted in this turn shares the next frame, also where the stream takes everything at once.
        else if (this.#outbox.empty) await null;
      }
      this.#writing = false;
      if (this.#ended !== null) this.#settle();
    } catch (error) {
      this.#writing = false;
      this.#outbox.clear();
      // What the peer said before it left may still be unread: the reader comes to that first, then to the end.
      this.#broken ??= error;
      this.#startTimer(() => this.#lose(error));
    }
  }

  /** Reads until the connection ends; every way out leaves the link ended. */
  async #readFrames(): Promise<void> {
    let buffer = new Uint8Array(FIRST_RECEIVE_BYTES);
    let filledBytes = 0;
    try {
      while (!this.#destroyed) {
        const count = await this.#duplex.read(filledBytes === 0 ? buffer : buffer.subarray(filledBytes));
        if (count === null) break;
        filledBytes += count;
        const usedBytes = this.#acceptFrames(buffer, filledBytes);
        buffer = prepareBuffer(buffer, usedBytes, filledBytes);
        filledBytes -= usedBytes;
      }
      this.#lose(this.#broken);
    } catch (error) {
      if (error instanceof ProtocolError) this.#fail(error, noticeOf(error));
      else this.#lose(error);
    }
    if (!this.#destroyed) await this.#drain(buffer);
  }

  /** After a failure: throws away what still comes, so that the peer reads our notice before the connection ends. */
  async #drain(buffer: Uint8Array): Promise<void> {
    try {
      while (!this.#destroyed && await this.#duplex.read(buffer) !== null);
    } catch {
      // The connection is gone, and the failure already known.
    }
    this.#destroy();
  }

  /** Accepts the whole frames at the start of a buffer and returns how many bytes they take. */
  #acceptFrames(buffer: Uint8Array, filledBytes: number): number {
    let at = 0;
    while (filledBytes - at >= LENGTH_BYTES && !this.#destroyed) {
      const frameBytes = frameLength(buffer, at);
      if (filledBytes - at < LENGTH_BYTES + frameBytes) break;
      at += LENGTH_BYTES;
      const plain = this.#opener.open(buffer.subarray(at, at + frameBytes));
      at += frameBytes;
      this.#accept(decode(plain));
    }
    return at;
  }

  #accept({ head, payload }: Frame): void {
    if (this.#peerEnded !== null && head.kind !== "abort") {
      throw new ProtocolError(
        `Cannot accept frame as party ${this.#peer} must send nothing after its goodbye: received kind ${head.kind}`,
      );
    }
    switch (head.kind) {
      case "open": {
        let at = 0;
        for (const part of head.parts) {
          this.#mailbox.put(part, part.exchange, payload.subarray(at, at + part.bytes), part.restBytes);
          at += part.bytes;
        }
        break;
      }
      case "control":
        this.#controls.put({ type: head.type, body: head.body, part: payload, restBytes: head.restBytes });
        break;
      case "abort":
        this.#acceptAbort(head.reason, head.message);
        break;
      case "bye":
        this.#acceptBye();
        break;
    }
  }

  #acceptBye(): void {
    this.#peerEnded = new ProtocolError(
      `Cannot take from party ${this.#peer} as it must still be in the session: received its goodbye`,
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
      `Cannot continue session as party ${this.#peer} has ended it: received ${received}`,
    );
    // Two parties that failed at once have nothing more to tell each other.
    if (this.#abort.signal.aborted) this.#settle();
    else this.#fail(this.#peerEnded, null);
  }

  get #peer(): Party {
    return this.party === 0 ? 1 : 0;
  }

  /** Ends the session as failed. `notice` is what the peer is told; null if it is gone or knows. */
  #fail(error: Error, notice: { kind: string; message: string } | null): void {
    if (this.#abort.signal.aborted || this.#destroyed) return;
    this.#ended = error;
    this.#rejectWaiting(error);
    this.#abort.abort(error);
    if (notice === null) {
      this.#destroy();
      return;
    }
    this.#startTimer();
    const head: Head = {
      kind: "abort",
      reason: notice.kind.slice(0, MAX_TEXT_UNITS),
      message: notice.message.slice(0, MAX_TEXT_UNITS),
    };
    this.#outbox.clear();
    this.#send({ head, payload: [], bytes: 0 });
  }

  /** The connection has ended: in order if both sides, or this side after the peer's goodbye, were done with it. */
  #lose(cause: unknown): void {
    if (!this.#destroyed && this.#ended === null && this.#peerEnded === null) {
      const how = cause instanceof Error ? cause.message : "the end of the connection";
      const message = `Cannot continue session as the link to party ${this.#peer} must stay open: received ${how}`;
      this.#fail(new ProtocolError(message, { cause }), null);
    }
    this.#ended ??= this.#peerEnded;
    this.#destroy();
  }

  /** After an orderly close: the connection ends when both goodbyes have passed, or the peer's does not come in time. */
  #settle(): void {
    if (this.#peerEnded !== null && !this.#writing) this.#destroy();
    else if (!this.#writing) this.#startTimer();
  }

  #startTimer(end: () => void = () => this.#destroy()): void {
    if (this.#timer === undefined && !this.#destroyed) this.#timer = setTimeout(end, this.#closeMs);
  }

  #destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    clearTimeout(this.#timer);
    closeQuietly(this.#duplex);
  }

  #rejectWaiting(error: Error): void {
    this.#mailbox.close(error);
    this.#controls.close(error);
  }
}

/** Moves the incomplete frame to the front, in a larger buffer if it does not fit in this one. */
function prepareBuffer(
  buffer: Uint8Array<ArrayBuffer>,
  usedBytes: number,
  filledBytes: number,
): Uint8Array<ArrayBuffer> {
  const restBytes = filledBytes - usedBytes;
  if (restBytes === 0) return buffer;
  let target = buffer;
  if (restBytes >= LENGTH_BYTES) {
    const neededBytes = LENGTH_BYTES + frameLength(buffer, usedBytes);
    if (neededBytes > buffer.length) target = new Uint8Array(neededBytes);
  }
  if (target !== buffer) target.set(buffer.subarray(usedBytes, filledBytes));
  else if (usedBytes > 0) buffer.copyWithin(0, usedBytes, filledBytes);
  return target;
}

function decode(plain: Uint8Array): Frame {
  try {
    return decodeFrame(plain);
  } catch (cause) {
    if (!(cause instanceof FrameError)) throw cause;
    throw new ProtocolError(`${cause.message} at byte ${cause.offset}`, { cause });
  }
}

function ownPayload(message: Outgoing): Outgoing {
  const own = new Uint8Array(message.bytes);
  let at = 0;
  for (const chunk of message.payload) {
    own.set(chunk, at);
    at += chunk.length;
  }
  return { ...message, payload: [own] };
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
