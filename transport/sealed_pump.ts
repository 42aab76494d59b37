/**
 * Carries a connection between a socket and the thread of its party: what the party sends is sealed here, while its own thread opens what comes in.
 *
 * ```text
 * from the party = handshake (SEAL_HANDSHAKE_BYTES) || key of the frames it sends (32 bytes) || frames in the clear, each behind its sealed length
 * to the socket  = handshake || the same frames, sealed
 * ```
 *
 * @module
 */

import { closeQuietly, type Duplex, readFully, writeFully } from "./duplex.ts";
import { LENGTH_BYTES, MAX_FRAME_BYTES } from "./frame.ts";
import { FRAME_KEY_BYTES, SEAL_HANDSHAKE_BYTES, Sealer, TAG_BYTES } from "./seal.ts";

/** Bytes that are carried at once. */
const BUFFER_BYTES = 2 ** 18;

/** Carries both directions until both have ended. Never rejects: a side that is gone is told to the other one by closing it. */
export async function pumpSealed(party: Duplex, socket: Duplex): Promise<void> {
  const ending = async (carried: Promise<void>, to: Duplex): Promise<void> => {
    await carried.catch(() => {});
    closeQuietly(to);
  };
  await Promise.all([ending(sealFrames(party, socket), socket), ending(carry(socket, party), party)]);
}

/** Carries bytes as they are: all of them, or the first `count`. */
async function carry(from: Duplex, to: Duplex, count = Infinity): Promise<void> {
  const buffer = new Uint8Array(Math.min(count, BUFFER_BYTES));
  for (let rest = count; rest > 0;) {
    const read = await from.read(buffer.subarray(0, Math.min(rest, buffer.length)));
    if (read === null) return;
    await writeFully(to, buffer.subarray(0, read));
    rest -= read;
  }
}

/** Carries the handshake, then seals frame by frame; rejects at the end of the party's bytes. */
async function sealFrames(party: Duplex, socket: Duplex): Promise<void> {
  await carry(party, socket, SEAL_HANDSHAKE_BYTES);
  const key = new Uint8Array(FRAME_KEY_BYTES);
  await readFully(party, key);
  const sealer = new Sealer(key), length = new Uint8Array(LENGTH_BYTES), lengthView = new DataView(length.buffer);
  let plain = new Uint8Array(0), wire = plain;
  for (;;) {
    await readFully(party, length);
    const sealedBytes = lengthView.getUint32(0, true);
    if (sealedBytes <= TAG_BYTES || sealedBytes > MAX_FRAME_BYTES) {
      throw new Error("Internal error: what follows the handshake is no frame");
    }
    if (LENGTH_BYTES + sealedBytes > wire.length) {
      plain = new Uint8Array(2 ** Math.ceil(Math.log2(LENGTH_BYTES + sealedBytes)));
      wire = new Uint8Array(plain.length);
    }
    const frame = plain.subarray(0, sealedBytes - TAG_BYTES);
    await readFully(party, frame);
    wire.set(length);
    sealer.seal(frame, wire, LENGTH_BYTES);
    await writeFully(socket, wire.subarray(0, LENGTH_BYTES + sealedBytes));
  }
}
