/**
 * One connection of a session: sealed frames in both directions, and whether the other side is still there.
 *
 * A message starts its write in the same tick. While a write is in flight, what is sent waits and shares the next frame;
 * nobody waits to make a frame fuller. The reader hands every frame on at once: back-pressure on openings would let two
 * parties wait for each other. Whoever hears nothing for a while asks, ahead of all that waits, and gives up when no
 * answer comes: a cable that was pulled ends nothing.
 */

import { FrameError, ProtocolError } from "../core/errors.ts";
import { closeQuietly, type Duplex, readFully, writeFully } from "./duplex.ts";
import { decodeFrame, type Frame, FRAME_PAYLOAD_BYTES, frameLength, type Head, LENGTH_BYTES } from "./frame.ts";
import { FrameSealer } from "./frame_sealer.ts";
import { Outbox, type Outgoing } from "./outbox.ts";
import { type Opener, TAG_BYTES } from "./seal.ts";

/** Silence after which a connection counts as lost, in milliseconds. */
export const DEFAULT_IDLE_MS = 30_000;

/** Looks at a silent connection before it counts as lost, and those after which the peer is asked. */
const IDLE_LOOKS = 10, PING_LOOKS = 3;

/** Two frames of an ordinary peer. */
const FIRST_RECEIVE_BYTES = 2 * (FRAME_PAYLOAD_BYTES + 2 ** 12);

/** A byte stream on which both sides have proved themselves. */
export interface Connection {
  /** The stream; frames go through it and nothing else. */
  readonly duplex: Duplex;
  /** Seals what this side sends; null where the stream does. */
  readonly sealer: FrameSealer | null;
  /** Opens what the peer sends. */
  readonly opener: Opener;
}

/** Frames and bytes that a side has sent on all its connections. */
export interface LinkCounts {
  frames: number;
  wireBytes: number;
}

/** What a link tells of. */
export interface LinkEvents {
  /** Messages of the peer that are here, whole; asked for when a frame of openings is made. */
  readonly received: () => number;
  /** A frame has come, in order; an error that this throws is `broken`. */
  readonly frame: (frame: Frame) => void;
  /** Nothing waits to be written any more. */
  readonly written: () => void;
  /** The connection carries nothing more from the peer. `told`: whether the peer may still read. Called once. */
  readonly lost: (error: ProtocolError, told: boolean) => void;
  /** The peer has sent what it must not; it may still read. Called once. */
  readonly broken: (error: Error) => void;
}

/** Sends one frame on a connection that no link owns yet. */
export async function writeHead({ duplex, sealer }: Connection, head: Head, counts: LinkCounts): Promise<void> {
  const outbox = new Outbox();
  outbox.push({ head, payload: [], bytes: 0 });
  const frame = outbox.nextFrame(() => 0);
  counts.frames++;
  counts.wireBytes += frame.length + TAG_BYTES;
  await writeFully(duplex, sealer?.seal(frame) ?? frame);
}

/** Reads one frame of a connection that no link owns yet, and nothing behind it. */
export async function readFrame({ duplex, opener }: Connection): Promise<Frame> {
  const length = new Uint8Array(LENGTH_BYTES);
  await readFully(duplex, length);
  const sealed = new Uint8Array(frameLength(length, 0));
  await readFully(duplex, sealed);
  return decode(opener.open(sealed));
}

/** One connection, from the first frame to its end. */
export class Link {
  /** Resolves when the connection has ended and nothing of the link runs any more; never rejects. */
  readonly closed: Promise<void>;

  readonly #connection: Connection;
  readonly #events: LinkEvents;
  readonly #counts: LinkCounts;
  readonly #outbox = new Outbox();
  #writing = false;
  #written: Promise<void> = Promise.resolve();
  /** Whether the session has been told of the end, or wants to hear no more. */
  #ended = false;
  #destroyed = false;
  /** Why nothing more can be written. */
  #broken: unknown = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #looks: ReturnType<typeof setInterval>;
  /** Looks since the last byte. */
  #silentLooks = 0;

  /** Starts reading at once; the stream belongs to the link from here on. */
  constructor(connection: Connection, events: LinkEvents, counts: LinkCounts, idleMs: number = DEFAULT_IDLE_MS) {
    this.#connection = connection;
    this.#events = events;
    this.#counts = counts;
    this.#looks = setInterval(() => this.#look(idleMs), idleMs / IDLE_LOOKS);
    this.closed = this.#readFrames().then(() => this.#written);
  }

  /** Whether nothing waits to be written. */
  get idle(): boolean {
    return !this.#writing;
  }

  /** Sends a message, whose payload nobody changes any more. */
  send(message: Outgoing): void {
    if (this.#destroyed) return;
    this.#outbox.push(message);
    if (this.#writing) return;
    this.#writing = true;
    this.#written = this.#writeFrames();
  }

  /** Sends a message ahead of those that wait. */
  sendAhead(head: Head): void {
    if (this.#writing) this.#outbox.pushAhead({ head, payload: [], bytes: 0 });
    else this.send({ head, payload: [], bytes: 0 });
  }

  /** Forgets what waits, sends a last message, and reads on for a while, so that the peer comes to read it. */
  finish(head: Head, closeMs: number): void {
    this.#outbox.clear();
    this.destroyAfter(closeMs);
    this.send({ head, payload: [], bytes: 0 });
  }

  /** Ends the connection at the latest after a time. */
  destroyAfter(closeMs: number): void {
    if (!this.#destroyed) this.#timer ??= setTimeout(() => this.destroy(), closeMs);
  }

  /** Ends the connection; the session hears no more of it. */
  destroy(): void {
    this.#ended = true;
    if (this.#destroyed) return;
    this.#destroyed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#looks);
    closeQuietly(this.#connection.duplex);
  }

  /** Writes frames until none waits. The first write starts before it returns. */
  async #writeFrames(): Promise<void> {
    const { duplex, sealer } = this.#connection;
    try {
      while (!this.#outbox.empty && !this.#destroyed) {
        const frame = this.#outbox.nextFrame(this.#events.received);
        this.#counts.frames++;
        this.#counts.wireBytes += frame.length + TAG_BYTES;
        const writing = writeFully(duplex, sealer?.seal(frame) ?? frame);
        if (writing !== undefined) await writing;
        // What is sent in this turn shares the next frame, also where the stream takes everything at once.
        else if (this.#outbox.empty) await null;
      }
      this.#writing = false;
      this.#events.written();
    } catch (error) {
      this.#writing = false;
      this.#outbox.clear();
      // What the peer said before it left may still be unread: the reader comes to that first, then to the end.
      this.#broken ??= error;
      if (!this.#destroyed) this.#timer ??= setTimeout(() => this.#lose(error, false), LAST_WORD_MS);
    }
  }

  /** Reads until the connection ends. */
  async #readFrames(): Promise<void> {
    const { duplex } = this.#connection;
    let buffer = new Uint8Array(FIRST_RECEIVE_BYTES), filledBytes = 0;
    try {
      while (!this.#ended) {
        const count = await duplex.read(filledBytes === 0 ? buffer : buffer.subarray(filledBytes));
        if (count === null) break;
        this.#silentLooks = 0;
        filledBytes += count;
        const usedBytes = this.#acceptFrames(buffer, filledBytes);
        buffer = prepareBuffer(buffer, usedBytes, filledBytes);
        filledBytes -= usedBytes;
      }
      this.#lose(this.#broken, false);
    } catch (error) {
      this.#lose(error, error instanceof ProtocolError);
    }
    try {
      while (!this.#destroyed && await duplex.read(buffer) !== null);
    } catch {
      // The connection is gone, and the failure already known.
    }
    this.destroy();
  }

  /** Accepts the whole frames at the start of a buffer and returns how many bytes they take. */
  #acceptFrames(buffer: Uint8Array, filledBytes: number): number {
    let at = 0;
    while (filledBytes - at >= LENGTH_BYTES && !this.#ended) {
      const frameBytes = frameLength(buffer, at);
      if (filledBytes - at < LENGTH_BYTES + frameBytes) break;
      at += LENGTH_BYTES;
      const plain = this.#connection.opener.open(buffer.subarray(at, at + frameBytes));
      at += frameBytes;
      this.#accept(plain);
    }
    return at;
  }

  /** What has verified comes from the peer: if it is wrong, another connection would not make it right. */
  #accept(plain: Uint8Array): void {
    try {
      const frame = decode(plain);
      if (frame.head.kind === "ping") this.sendAhead({ kind: "pong" });
      else if (frame.head.kind !== "pong") this.#events.frame(frame);
    } catch (error) {
      if (this.#ended) return;
      this.#ended = true;
      this.#events.broken(error as Error);
    }
  }

  #look(idleMs: number): void {
    // A thread that was busy sees one late look, not many: the reader gets its turn before the next.
    this.#silentLooks++;
    if (this.#silentLooks >= IDLE_LOOKS) {
      this.#lose(
        new ProtocolError(`Cannot wait on as the peer must answer within ${idleMs} ms: received nothing`),
        false,
      );
    } else if (this.#silentLooks >= PING_LOOKS) this.sendAhead({ kind: "ping" });
  }

  #lose(cause: unknown, told: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    const how = cause instanceof Error ? cause.message : "the end of the connection";
    const error = cause instanceof ProtocolError ? cause : new ProtocolError(how, { cause });
    this.#events.lost(error, told);
  }
}

/** How long the reader may look for the peer's last word after a write has failed. */
const LAST_WORD_MS = 5000;

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
