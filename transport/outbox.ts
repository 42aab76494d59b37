/** Messages that wait for the socket, and how they become frames: those that wait share the next as far as it goes. */

import { encodeHead, FRAME_PAYLOAD_BYTES, type Head, LENGTH_BYTES, MAX_OPEN_PARTS } from "./frame.ts";
import { TAG_BYTES } from "./seal.ts";

/** A message to send. Its head says what it is as if one frame held all of it; an opening's has one part. */
export interface Outgoing {
  readonly head: Head;
  readonly payload: readonly Uint8Array[];
  readonly bytes: number;
}

const FIRST_BUFFER_BYTES = 2 ** 16;

/** First in, first out; one frame buffer, reused: a frame is valid until the next one is made. */
export class Outbox {
  #queue: Outgoing[] = [];
  /** Those that go before all others, between two frames. */
  #ahead: Outgoing[] = [];
  #first = 0;
  /** Bytes of the first message that earlier frames hold. */
  #sentBytes = 0;
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);

  /** Whether no message waits. */
  get empty(): boolean {
    return this.#first === this.#queue.length && this.#ahead.length === 0;
  }

  /** Adds a message. Its payload must not change until a frame holds its last byte. */
  push(message: Outgoing): void {
    this.#queue.push(message);
  }

  /** Adds a message without payload that goes before all others. */
  pushAhead(message: Outgoing): void {
    this.#ahead.push(message);
  }

  /** Forgets what waits. */
  clear(): void {
    this.#ahead.length = 0;
    this.#queue.length = 0;
    this.#first = 0;
    this.#sentBytes = 0;
  }

  /**
   * Makes the next frame, in the clear behind its sealed length; a message must wait.
   *
   * @param received Gives what a frame of openings acknowledges.
   */
  nextFrame(received: () => number): Uint8Array {
    const ahead = this.#ahead.shift();
    const slices = ahead === undefined ? this.#nextSlices() : [{ message: ahead, from: 0, bytes: 0 }];
    const head = encodeHead(headOf(slices, received));
    const last = slices[slices.length - 1]!;
    const payloadBytes = slices.reduce((sum, slice) => sum + slice.bytes, 0);
    const plainBytes = LENGTH_BYTES + head.length + payloadBytes;
    this.#reserve(LENGTH_BYTES + plainBytes);

    const frame = this.#buffer.subarray(0, LENGTH_BYTES + plainBytes);
    writeU32(frame, plainBytes + TAG_BYTES);
    writeU32(frame, head.length, LENGTH_BYTES);
    frame.set(head, 2 * LENGTH_BYTES);
    let at = 2 * LENGTH_BYTES + head.length;
    for (const slice of slices) {
      copySlice(slice, frame, at);
      at += slice.bytes;
    }

    if (ahead !== undefined) return frame;
    const finished = last.from + last.bytes === last.message.bytes;
    this.#first += slices.length - (finished ? 0 : 1);
    this.#sentBytes = finished ? 0 : last.from + last.bytes;
    if (this.#first === this.#queue.length) {
      this.#queue.length = 0;
      this.#first = 0;
    }
    return frame;
  }

  /** What the next frame holds: as many openings as wait and fit, or a part of one message of another kind. */
  #nextSlices(): readonly Slice[] {
    const slices: Slice[] = [];
    let from = this.#sentBytes;
    let freeBytes = FRAME_PAYLOAD_BYTES;
    for (let i = this.#first; i < this.#queue.length && slices.length < MAX_OPEN_PARTS; i++) {
      const message = this.#queue[i]!;
      const bytes = Math.min(message.bytes - from, freeBytes);
      if (slices.length > 0 && (message.head.kind !== "open" || bytes === 0)) break;
      slices.push({ message, from, bytes });
      if (message.head.kind !== "open") break;
      freeBytes -= bytes;
      from = 0;
    }
    return slices;
  }

  #reserve(bytes: number): void {
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
  }
}

/** Bytes [from, from + bytes) of a message. */
interface Slice {
  readonly message: Outgoing;
  readonly from: number;
  readonly bytes: number;
}

function headOf(slices: readonly Slice[], received: () => number): Head {
  const [{ message, from, bytes }] = slices as readonly [Slice];
  const { head } = message;
  switch (head.kind) {
    case "open":
      return {
        kind: "open",
        received: received(),
        parts: slices.flatMap(({ message, from, bytes }) =>
          message.head.kind === "open"
            ? message.head.parts.map((part) => ({ ...part, bytes, restBytes: message.bytes - from - bytes }))
            : []
        ),
      };
    case "control":
    case "setup":
      return { ...head, body: from === 0 ? head.body : null, bytes, restBytes: message.bytes - from - bytes };
    default:
      return head;
  }
}

function writeU32(bytes: Uint8Array, value: number, at = 0): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Copies a slice of a message, whose payload is the concatenation of its chunks, to `out` at `at`. */
function copySlice({ message, from, bytes }: Slice, out: Uint8Array, at: number): void {
  let start = 0;
  for (const chunk of message.payload) {
    const low = Math.max(from, start);
    const high = Math.min(from + bytes, start + chunk.length);
    if (low < high) out.set(chunk.subarray(low - start, high - start), at + low - from);
    start += chunk.length;
  }
}
