/**
 * Vectors of the link: handshake, seals and frames (SPEC.md §9), and of sealed key streams (SPEC.md §7.5).
 *
 * @module
 */

import { encodeCbor } from "../../transport/cbor.ts";
import { decodeFrame, type Head } from "../../transport/frame.ts";
import { encodeHello, lotOf, MAGIC, PROLOGUE, pskOf } from "../../transport/handshake.ts";
import { Identity } from "../../transport/identity.ts";
import { NoiseHandshake, XK_PSK3 } from "../../transport/noise.ts";
import { Outbox } from "../../transport/outbox.ts";
import { Sealer, TAG_BYTES } from "../../transport/seal.ts";
import { CHUNK_BYTES, SealedChunks } from "../../transport/sealed_chunks.ts";
import { KeyPair } from "../../transport/x25519.ts";
import { fixedRandom } from "./gate_vectors.ts";

/** Frames that are made from messages, and plain bytes that are refused. */
export function frames() {
  const random = fixedRandom("frames");
  const made = (...messages: { readonly head: Head; readonly payload: Uint8Array }[]) => {
    const outbox = new Outbox();
    for (const { head, payload } of messages) outbox.push({ head, payload: [payload], bytes: payload.length });
    const wire = outbox.nextFrame(() => 7).slice(), plain = wire.subarray(4);
    if (!outbox.empty) throw new Error("Internal error: a vector's messages must fit in one frame");
    return {
      head: headOf(decodeFrame(plain).head),
      length: new DataView(wire.buffer).getUint32(0, true),
      plain: plain.toHex(),
    };
  };
  const opening = (request: number, step: number, stage: number, exchange: number, bytes: number) => ({
    head: { kind: "open", parts: [{ request, step, stage, exchange, bytes, restBytes: 0 }], received: 7 } as const,
    payload: random(new Uint8Array(bytes)),
  });
  const control = (
    type: string,
    body: Readonly<Record<string, unknown>> | null,
    payload: Uint8Array = new Uint8Array(0),
  ) => ({
    head: { kind: "control", type, body, bytes: payload.length, restBytes: 0 } as const,
    payload,
  });
  const nothing = new Uint8Array(0);
  return {
    section: "9.4",
    frames: [
      made(opening(0, 0, 1, 0, 4), opening(1, 128, 12, 300, 9)),
      made(opening(2 ** 32 - 1, 65536, 255, 24, 1)),
      made(control("ready", null)),
      made(control("requests", { requests: [{ promptTokens: 7, generate: 32 }], chunkTokens: 128 })),
      made(control("client.seed", null, random(new Uint8Array(32)))),
      made({ head: { kind: "setup", type: "model", body: null, bytes: 0, restBytes: 0 }, payload: nothing }),
      made({ head: { kind: "answer", answer: "resume", value: 300 }, payload: nothing }),
      made({ head: { kind: "ack", received: 70_000 }, payload: nothing }),
      made({ head: { kind: "ping" }, payload: nothing }),
      made({ head: { kind: "pong" }, payload: nothing }),
      made({ head: { kind: "abort", reason: "ProtocolError", message: "Cannot go on" }, payload: nothing }),
      made({ head: { kind: "bye" }, payload: nothing }),
    ],
    refused: Object.entries({
      "a head length that is cut": "010000",
      "a head that is longer than the frame": "060000008163627965",
      "a number that is not in its shortest form": plainOf(Uint8Array.fromHex("83646f70656e81861800000000010000"), 1),
      "an opening without parts": plainOf(encodeCbor(["open", [], 0]), 0),
      "an empty part": plainOf(encodeCbor(["open", [[0, 0, 0, 0, 0, 0]], 0]), 0),
      "a number beyond 32 bits": plainOf(encodeCbor(["open", [[2 ** 32, 0, 0, 0, 1, 0]], 0]), 1),
      "parts that do not fill the payload": plainOf(encodeCbor(["open", [[0, 0, 0, 0, 2, 0]], 0]), 1),
      "a part without bytes where more follow": plainOf(encodeCbor(["control", "x", null, 0, 5]), 0),
      "a bye with a payload": plainOf(encodeCbor(["bye"]), 1),
      "an answer that is none": plainOf(encodeCbor(["answer", "maybe", 0]), 0),
      "an unknown kind": plainOf(encodeCbor(["hello"]), 0),
      "a head and another value behind it": plainOf(Uint8Array.of(...encodeCbor(["bye"]), 0), 0),
    }).map(([why, plain]) => ({ why, plain, offset: offsetOf(plain) })),
  };
}

/** A head as it is encoded. */
function headOf(head: Head): readonly unknown[] {
  switch (head.kind) {
    case "open": {
      const parts = head.parts.map((p) => [p.request, p.step, p.stage, p.exchange, p.bytes, p.restBytes]);
      return ["open", parts, head.received];
    }
    case "control":
    case "setup":
      return [head.kind, head.type, head.body, head.bytes, head.restBytes];
    case "answer":
      return ["answer", head.answer, head.value];
    case "ack":
      return ["ack", head.received];
    case "abort":
      return ["abort", head.reason, head.message];
    default:
      return [head.kind];
  }
}

/** Plain bytes of a frame with this head and a payload of zeros. */
function plainOf(head: Uint8Array, payloadBytes: number): string {
  const plain = new Uint8Array(4 + head.length + payloadBytes);
  plain[0] = head.length;
  plain.set(head, 4);
  return plain.toHex();
}

/** Where a frame is refused. */
function offsetOf(plain: string): number {
  try {
    decodeFrame(Uint8Array.fromHex(plain));
  } catch (error) {
    if (typeof (error as { offset?: unknown }).offset === "number") return (error as { offset: number }).offset;
    throw error;
  }
  throw new Error(`Internal error: a frame is not refused: ${plain}`);
}

/** A handshake with fixed keys, what it gives, and sealed frames. */
export function handshake() {
  const random = fixedRandom("handshake"), secret = (): Uint8Array => random(new Uint8Array(32));
  const secrets = { owner: secret(), client: secret(), ownerEphemeral: secret(), clientEphemeral: secret() };
  const owner = new Identity("owner", KeyPair.from(secrets.owner)), linkKey = secret();
  const client = new Identity("client", KeyPair.from(secrets.client));
  const agreement = {
    session: "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f",
    weightsId: random(new Uint8Array(16)).toHex(),
    masksDigest: random(new Uint8Array(32)).toHex(),
    tokenizerDigest: random(new Uint8Array(32)).toHex(),
    planDigest: random(new Uint8Array(32)).toHex(),
    layoutVersion: 1,
  };
  const psk = pskOf({ linkKey, agreement }, owner.publicLine, client.publicLine);
  const common = { pattern: XK_PSK3, prologue: PROLOGUE, psk: () => psk };
  const a = new NoiseHandshake({
    ...common,
    initiator: true,
    static: client.keys,
    remoteStatic: owner.keys.publicKey,
    ephemeral: KeyPair.from(secrets.clientEphemeral),
  });
  const b = new NoiseHandshake({
    ...common,
    initiator: false,
    static: owner.keys,
    ephemeral: KeyPair.from(secrets.ownerEphemeral),
  });
  const hello = encodeHello({ kind: "resume", attempt: 3, have: 300 }), lot = lotOf(agreement.session);
  const messages = [a.write(lot)];
  b.read(messages[0]!);
  messages.push(b.write(new Uint8Array(0)));
  a.read(messages[1]!);
  messages.push(a.write(hello));
  b.read(messages[2]!);
  const keys = { client: a.split().send, owner: b.split().send };
  const sealed = (role: "owner" | "client", index: number, length: number) => {
    const plain = random(new Uint8Array(length)), out = new Uint8Array(length + TAG_BYTES);
    new Sealer(keys[role], index).seal(plain, out, 0);
    return { role, index, plain: plain.toHex(), sealed: out.toHex() };
  };
  const greeting = [MAGIC, MAGIC, new Uint8Array(0)];
  return {
    section: "9.2",
    secrets: Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, bytes.toHex()])),
    publicLines: { owner: owner.publicLine, client: client.publicLine },
    linkKey: linkKey.toHex(),
    agreement,
    psk: psk.toHex(),
    hello: hello.toHex(),
    messages: messages.map((message, i) => Uint8Array.of(...greeting[i]!, ...message).toHex()),
    frameKeys: { owner: keys.owner.toHex(), client: keys.client.toHex() },
    frames: [sealed("client", 0, 1), sealed("client", 1, 40), sealed("owner", 0, 40), sealed("owner", 2 ** 32 + 1, 17)],
  };
}

/** Chunks of a key stream: a short one, which is the last, and the first and the last of a longer stream. */
export function keyChunks() {
  const random = fixedRandom("key chunks"), linkKey = random(new Uint8Array(32)), header = random(new Uint8Array(20));
  const cases = [[0, 30, 0], [1, 30, 0], [0, CHUNK_BYTES + 9, 0], [0, CHUNK_BYTES + 9, 1]] as const;
  return {
    section: "7.5",
    linkKey: linkKey.toHex(),
    header: header.toHex(),
    chunks: cases.map(([party, streamBytes, index]) => {
      const chunks = new SealedChunks(linkKey, header, party, streamBytes);
      // The plain bytes of a whole chunk are zeros; of its ciphertext the tag is enough.
      const whole = chunks.plainBytes(index) === CHUNK_BYTES, plain = new Uint8Array(chunks.plainBytes(index));
      if (!whole) random(plain);
      const sealed = chunks.seal(index, plain);
      return whole
        ? { party, streamBytes, index, plain: "zeros", tag: sealed.subarray(-TAG_BYTES).toHex() }
        : { party, streamBytes, index, plain: plain.toHex(), sealed: sealed.toHex() };
    }),
  };
}
