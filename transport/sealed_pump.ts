/**
 * Carries a connection between a socket and the thread of its party: what the party sends is sealed here, while its own thread opens what comes in.
 *
 * ```text
 * from the party = handshake (HANDSHAKE_BYTES) || key of the frames it sends (32 bytes) || frames in the clear,
 *                  each behind its sealed length
 * to the socket  = handshake || the same frames, sealed
 * ```
 *
 * @module
 */

import { closeQuietly, type Duplex, readFully, writeFully } from "./duplex.ts";
import { FrameSealer } from "./frame_sealer.ts";
import { frameLength, LENGTH_BYTES } from "./frame.ts";
import { FRAME_KEY_BYTES, Sealer, TAG_BYTES } from "./seal.ts";

/** Bytes that are carried at once. */
const BUFFER_BYTES = 2 ** 18;

/**
 * Carries both directions until both have ended. Never rejects: a side that is gone is told to the other one by closing
 * it.
 *
 * @param handshakeBytes Bytes that the party sends before its first frame.
 */
export async function pumpSealed(party: Duplex, socket: Duplex, handshakeBytes: number): Promise<void> {
  const ending = async (carried: Promise<void>, to: Duplex): Promise<void> => {
    await carried.catch(() => {});
    closeQuietly(to);
  };
  await Promise.all([ending(sealFrames(party, socket, handshakeBytes), socket), ending(carry(socket, party), party)]);
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
async function sealFrames(party: Duplex, socket: Duplex, handshakeBytes: number): Promise<void> {
  await carry(party, socket, handshakeBytes);
  const key = new Uint8Array(FRAME_KEY_BYTES);
  await readFully(party, key);
  const sealer = new FrameSealer(new Sealer(key));
  let frame = new Uint8Array(LENGTH_BYTES);
  for (;;) {
    await readFully(party, frame.subarray(0, LENGTH_BYTES));
    const length = frame.slice(0, LENGTH_BYTES), bytes = LENGTH_BYTES + frameLength(length, 0) - TAG_BYTES;
    if (frame.length < bytes) {
      frame = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
      frame.set(length);
    }
    await readFully(party, frame.subarray(LENGTH_BYTES, bytes));
    await writeFully(socket, sealer.seal(frame.subarray(0, bytes)));
  }
}
