/**
 * Vectors of the link: frames and seals (SPEC.md §9).
 *
 * @module
 */

import { createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";
import { encodeCbor } from "../../transport/cbor.ts";
import { decodeFrame, type Head } from "../../transport/frame.ts";
import { Outbox } from "../../transport/outbox.ts";
import { deriveLinkSecrets, type LinkRole, Sealer, TAG_BYTES } from "../../transport/seal.ts";
import { fixedRandom } from "./gate_vectors.ts";

/** Frames that are made from messages, and plain bytes that are refused. */
export function frames() {
  const random = fixedRandom("frames");
  const made = (...messages: { readonly head: Head; readonly payload: Uint8Array }[]) => {
    const outbox = new Outbox();
    for (const { head, payload } of messages) outbox.push({ head, payload: [payload], bytes: payload.length });
    const wire = outbox.nextFrame().slice(), plain = wire.subarray(4);
    if (!outbox.empty) throw new Error("Internal error: a vector's messages must fit in one frame");
    return {
      head: headOf(decodeFrame(plain).head),
      length: new DataView(wire.buffer).getUint32(0, true),
      plain: plain.toHex(),
    };
  };
  const opening = (request: number, step: number, stage: number, exchange: number, bytes: number) => ({
    head: { kind: "open", parts: [{ request, step, stage, exchange, bytes, restBytes: 0 }] } as const,
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
      made({ head: { kind: "abort", reason: "ProtocolError", message: "Cannot go on" }, payload: nothing }),
      made({ head: { kind: "bye" }, payload: nothing }),
    ],
    refused: Object.entries({
      "a head length that is cut": "010000",
      "a head that is longer than the frame": "060000008163627965",
      "a number that is not in its shortest form": plainOf(Uint8Array.fromHex("82646f70656e818618000000000100"), 1),
      "an opening without parts": plainOf(encodeCbor(["open", []]), 0),
      "an empty part": plainOf(encodeCbor(["open", [[0, 0, 0, 0, 0, 0]]]), 0),
      "a number beyond 32 bits": plainOf(encodeCbor(["open", [[2 ** 32, 0, 0, 0, 1, 0]]]), 1),
      "parts that do not fill the payload": plainOf(encodeCbor(["open", [[0, 0, 0, 0, 2, 0]]]), 1),
      "a part without bytes where more follow": plainOf(encodeCbor(["control", "x", null, 0, 5]), 0),
      "a bye with a payload": plainOf(encodeCbor(["bye"]), 1),
      "an unknown kind": plainOf(encodeCbor(["hello"]), 0),
      "a head and another value behind it": plainOf(Uint8Array.of(...encodeCbor(["bye"]), 0), 0),
    }).map(([why, plain]) => ({ why, plain, offset: offsetOf(plain) })),
  };
}

/** A head as it is encoded. */
function headOf(head: Head): readonly unknown[] {
  switch (head.kind) {
    case "open":
      return ["open", head.parts.map((p) => [p.request, p.step, p.stage, p.exchange, p.bytes, p.restBytes])];
    case "control":
      return ["control", head.type, head.body, head.bytes, head.restBytes];
    case "abort":
      return ["abort", head.reason, head.message];
    case "bye":
      return ["bye"];
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

const PKCS8 = "302e020100300506032b656e04220420";

/** The key agreement of a link, its secrets, and sealed frames. */
export function seal() {
  const random = fixedRandom("seal"), roles: readonly LinkRole[] = ["dialer", "listener"];
  const linkKey = random(new Uint8Array(32));
  const ends = roles.map((role) => {
    const secret = random(new Uint8Array(32)), der = Buffer.from(PKCS8 + secret.toHex(), "hex");
    const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const publicKey = createPublicKey(privateKey as unknown as string), bytes = rawOf(publicKey);
    return {
      role,
      secret,
      privateKey,
      publicKey,
      hello: Uint8Array.of(...new TextEncoder().encode("SLUICEL1"), ...bytes),
    };
  });
  const transcript = new Uint8Array(createHash("sha256").update(ends[0]!.hello).update(ends[1]!.hello).digest());
  const shared = new Uint8Array(diffieHellman({ privateKey: ends[0]!.privateKey, publicKey: ends[1]!.publicKey }));
  const secrets = deriveLinkSecrets(shared, linkKey, transcript);
  const sealed = (role: LinkRole, index: number, length: number) => {
    const plain = random(new Uint8Array(length)), out = new Uint8Array(length + TAG_BYTES);
    new Sealer(secrets.frames[role], index).seal(plain, out, 0);
    return { role, index, plain: plain.toHex(), sealed: out.toHex() };
  };
  return {
    section: "9.2",
    linkKey: linkKey.toHex(),
    ends: ends.map(({ role, secret, hello }) => ({ role, secret: secret.toHex(), hello: hello.toHex() })),
    sharedSecret: shared.toHex(),
    transcript: transcript.toHex(),
    secrets: roles.map((role) => ({
      role,
      frames: secrets.frames[role].toHex(),
      confirm: secrets.confirm[role].toHex(),
      confirmation: new Uint8Array(createHmac("sha256", secrets.confirm[role]).update(transcript).digest()).toHex(),
    })),
    frames: [
      sealed("dialer", 0, 1),
      sealed("dialer", 1, 40),
      sealed("listener", 0, 40),
      sealed("listener", 2 ** 32 + 1, 17),
    ],
  };
}

/** The 32 bytes of a public key. */
function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "spki" }).subarray(12));
}
