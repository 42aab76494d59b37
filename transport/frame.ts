/**
 * The plain bytes of a frame.
 *
 * ```text
 * wire   = u32 length (little-endian) || sealed(plain)           length = plain bytes + TAG_BYTES, at most MAX_FRAME_BYTES
 * plain  = u32 head bytes (little-endian) || head || payload     head: canonical CBOR, at most MAX_HEAD_BYTES
 * head   = ["open", [[request, step, stage, exchange, bytes, rest], …], received]
 *        | ["control", type, body or null, bytes, rest]
 *        | ["setup", type, body or null, bytes, rest]
 *        | ["answer", kind, value]
 *        | ["ack", received]
 *        | ["ping"] | ["pong"]
 *        | ["abort", kind, message]
 *        | ["bye"]
 * ```
 *
 * Openings and controls are numbered by their order in each direction, from 1; `received` says up to which number the
 * sender has the peer's messages, whole. What belongs to no session yet, `setup`, has no number.
 *
 * The payload is the concatenation of the head's parts, in order. `rest` says how many bytes of that message follow in later frames, so a
 * message may be longer than a frame and its whole length is known from its first part.
 */

import { FrameError, ProtocolError } from "../core/errors.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { TAG_BYTES } from "./seal.ts";

/** Bytes of the length before each sealed frame, and of the head length inside. */
export const LENGTH_BYTES = 4;
/** Most bytes of a sealed frame, without its length. */
export const MAX_FRAME_BYTES = 8 * 2 ** 20;
/** Most bytes of a head. */
export const MAX_HEAD_BYTES = 2 ** 16;
/**
 * Most payload bytes of the frames that this side makes: while one is sealed the one before is on its way, and the one before that is opened. Smaller ones cost
 * more in calls than that gains.
 */
export const FRAME_PAYLOAD_BYTES = 2 ** 19;
/** Most parts of one frame: their entries fit in a head, for six u32 in CBOR take at most 31 bytes. */
export const MAX_OPEN_PARTS = 2048;
/** Most UTF-16 units of a control type, an abort kind and an abort message. */
export const MAX_TEXT_UNITS = 2000;

const MAX_U32 = 2 ** 32 - 1;

/** The sealed length that stands at `at`, checked before anything of that size is kept. */
export function frameLength(buffer: Uint8Array, at: number): number {
  const bytes = (buffer[at]! | buffer[at + 1]! << 8 | buffer[at + 2]! << 16 | buffer[at + 3]! << 24) >>> 0;
  if (bytes <= TAG_BYTES || bytes > MAX_FRAME_BYTES) {
    throw new ProtocolError(
      `Cannot read frame as it must have ${TAG_BYTES + 1} to ${MAX_FRAME_BYTES} bytes: received ${bytes}`,
    );
  }
  return bytes;
}

/** A part of one opening: which message, how many of its bytes are here, how many follow. */
export interface OpenPart {
  readonly request: number;
  readonly step: number;
  readonly stage: number;
  readonly exchange: number;
  readonly bytes: number;
  readonly restBytes: number;
}

/** The public object that a control message carries, beside its payload. */
export type ControlBody = Readonly<Record<string, unknown>> | null;

/** What the owner says to a client that has proved itself; its first frame. */
export type AnswerKind = (typeof ANSWERS)[number];
const ANSWERS = ["welcome", "resume", "busy", "gone"] as const;

/** What a frame is. */
export type Head =
  | { readonly kind: "open"; readonly parts: readonly OpenPart[]; readonly received: number }
  | {
    readonly kind: "control" | "setup";
    readonly type: string;
    readonly body: ControlBody;
    readonly bytes: number;
    readonly restBytes: number;
  }
  | { readonly kind: "answer"; readonly answer: AnswerKind; readonly value: number }
  | { readonly kind: "ack"; readonly received: number }
  | { readonly kind: "ping" | "pong" }
  | { readonly kind: "abort"; readonly reason: string; readonly message: string }
  | { readonly kind: "bye" };

/** A decoded frame; the payload is a view of the plain bytes. */
export interface Frame {
  readonly head: Head;
  readonly payload: Uint8Array;
}

/**
 * Encodes a head as canonical CBOR.
 *
 * @throws {RangeError} If it is longer than `MAX_HEAD_BYTES`.
 *
 * @example The head of one opening of 512 bytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeFrame, encodeHead } from "sluice/transport/frame.ts";
 *
 * const head = encodeHead({
 *   kind: "open",
 *   parts: [{ request: 0, step: 7, stage: 2, exchange: 3, bytes: 2, restBytes: 0 }],
 *   received: 3,
 * });
 * const plain = Uint8Array.of(head.length, 0, 0, 0, ...head, 0xab, 0xcd);
 *
 * assertEquals([...decodeFrame(plain).payload], [0xab, 0xcd]);
 * ```
 */
export function encodeHead(head: Head): Uint8Array {
  const bytes = encodeCbor(toWire(head));
  if (bytes.length > MAX_HEAD_BYTES) {
    throw new RangeError(
      `Cannot encode ${head.kind} head as it must have at most ${MAX_HEAD_BYTES} bytes: received ${bytes.length}`,
    );
  }
  return bytes;
}

function toWire(head: Head): readonly unknown[] {
  switch (head.kind) {
    case "open":
      return [
        "open",
        head.parts.map((p) => [p.request, p.step, p.stage, p.exchange, p.bytes, p.restBytes]),
        head.received,
      ];
    case "control":
    case "setup":
      return [head.kind, head.type, head.body, head.bytes, head.restBytes];
    case "answer":
      return ["answer", head.answer, head.value];
    case "ack":
      return ["ack", head.received];
    case "ping":
    case "pong":
      return [head.kind];
    case "abort":
      return ["abort", head.reason, head.message];
    case "bye":
      return ["bye"];
  }
}

/**
 * Decodes the plain bytes of a frame, and nothing but what `encodeHead` makes.
 *
 * @throws {FrameError} If the frame is cut, its head is too long, not canonical or of another form, or the parts' bytes are not the payload's.
 */
export function decodeFrame(plain: Uint8Array): Frame {
  if (plain.length < LENGTH_BYTES) {
    throw new FrameError(`Cannot decode frame as it must have a head length: received ${plain.length} bytes`, 0);
  }
  const headBytes = new DataView(plain.buffer, plain.byteOffset).getUint32(0, true);
  const payloadAt = LENGTH_BYTES + headBytes;
  if (headBytes > MAX_HEAD_BYTES || payloadAt > plain.length) {
    throw new FrameError(
      `Cannot decode frame as its head must have at most ${
        Math.min(MAX_HEAD_BYTES, plain.length - LENGTH_BYTES)
      } bytes: received ${headBytes}`,
      0,
    );
  }
  const payload = plain.subarray(payloadAt);
  const head = fromWire(decodeHead(plain.subarray(LENGTH_BYTES, payloadAt)), payload.length, payloadAt);
  return { head, payload };
}

function decodeHead(bytes: Uint8Array): readonly unknown[] {
  let value: unknown;
  try {
    value = decodeCbor(bytes);
  } catch (error) {
    if (error instanceof FrameError) throw new FrameError(error.message, LENGTH_BYTES + error.offset);
    throw error;
  }
  if (!Array.isArray(value)) throw malformed("an array");
  return value;
}

function fromWire(wire: readonly unknown[], payloadBytes: number, payloadAt: number): Head {
  const [kind, first, second, third, fourth] = wire;
  switch (kind) {
    case "open": {
      const many = Array.isArray(first) && first.length > 0 && first.length <= MAX_OPEN_PARTS;
      if (wire.length !== 3 || !many || !isU32(second)) {
        throw malformed(`a list of 1 to ${MAX_OPEN_PARTS} openings and a count`);
      }
      const parts = (first as unknown[]).map(readPart);
      assertPayload(parts.reduce((sum, part) => sum + part.bytes, 0), payloadBytes, payloadAt);
      return { kind, parts, received: second };
    }
    case "control":
    case "setup": {
      if (wire.length !== 5 || !isText(first) || !isBody(second) || !isU32(third) || !isU32(fourth)) {
        throw malformed("a control message of type, body, bytes and rest");
      }
      if (fourth > 0 && third === 0) throw malformed("a part with bytes when more follow");
      assertPayload(third, payloadBytes, payloadAt);
      return { kind, type: first, body: second, bytes: third, restBytes: fourth };
    }
    case "abort":
      if (wire.length !== 3 || !isText(first) || !isText(second)) throw malformed("an abort of kind and message");
      assertPayload(0, payloadBytes, payloadAt);
      return { kind, reason: first, message: second };
    case "answer": {
      const answer = ANSWERS.find((one) => one === first);
      if (wire.length !== 3 || answer === undefined || !isU32(second)) throw malformed("an answer of kind and value");
      assertPayload(0, payloadBytes, payloadAt);
      return { kind, answer, value: second };
    }
    case "ack":
      if (wire.length !== 2 || !isU32(first)) throw malformed("an ack of a count");
      assertPayload(0, payloadBytes, payloadAt);
      return { kind, received: first };
    case "ping":
    case "pong":
    case "bye":
      if (wire.length !== 1) throw malformed(`a ${kind} without fields`);
      assertPayload(0, payloadBytes, payloadAt);
      return { kind };
    default:
      throw malformed("a known kind");
  }
}

function readPart(part: unknown): OpenPart {
  if (Array.isArray(part) && part.length === 6) {
    const [request, step, stage, exchange, bytes, restBytes]: unknown[] = part;
    if (isU32(request) && isU32(step) && isU32(stage) && isU32(exchange) && isU32(bytes) && isU32(restBytes)) {
      // An empty message is never sent, so an empty part only serves to fill a mailbox.
      if (bytes > 0) return { request, step, stage, exchange, bytes, restBytes };
    }
  }
  throw malformed("openings of six unsigned 32-bit integers with at least one byte");
}

function isU32(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_U32;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT_UNITS;
}

function isBody(value: unknown): value is ControlBody {
  if (value === null) return true;
  return typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

function malformed(requirement: string): FrameError {
  return new FrameError(`Cannot decode frame as its head must be ${requirement}: received another form`, LENGTH_BYTES);
}

function assertPayload(partsBytes: number, payloadBytes: number, payloadAt: number): void {
  if (partsBytes !== payloadBytes) {
    throw new FrameError(
      `Cannot decode frame as its parts must fill the payload of ${payloadBytes} bytes: received parts of ${partsBytes} bytes`,
      payloadAt,
    );
  }
}
